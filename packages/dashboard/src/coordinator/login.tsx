/** Logging in, and what to do where nobody has an account yet. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { texts } from "../shared/language.ts";
import { Name } from "../shared/name.tsx";
import { RefusalNotice } from "../shared/notice.tsx";
import { ask, Refusal } from "../shared/request.ts";
import { Shell } from "../shared/shell.tsx";
import type { Door } from "./api.ts";
import { loggedOut, logIn } from "./session.ts";

const t = texts({
  title: { en: "Tributary coordinator", zh: "Tributary 协调者" },
  heading: { en: "Log in", zh: "登录" },
  lead: {
    en: "For the platform's operators, auditors and viewers. Merchants have a page of their own, on their own machine.",
    zh: "供平台的操作员、审计员和查看者使用。商家在自己的机器上有自己的页面。",
  },
  name: { en: "Name", zh: "名称" },
  password: { en: "Password", zh: "密码" },
  submit: { en: "Log in", zh: "登录" },
  expired: {
    en: "Your session has ended. Log in again to go on where you were.",
    zh: "会话已结束。请重新登录，将回到刚才的视图。",
  },
  changed: {
    en: "Your password is changed. Log in with the new one.",
    zh: "密码已修改。请用新密码登录。",
  },
  none: { en: "Nobody has an account yet.", zh: "还没有任何账户。" },
  make: {
    en: "Make the first one on the coordinator's machine; the command shows its password once:",
    zh: "请在协调者的机器上创建第一个账户；命令会显示一次密码：",
  },
});

export function Login() {
  const door = useSignal<Door | undefined>(undefined);
  const refusal = useSignal<Refusal | undefined>(undefined);
  const busy = useSignal(false);
  useEffect(() => {
    // without it there is only no hint
    ask<Door>("/v1/operators/door").then(
      (answer) => {
        door.value = answer;
      },
      () => undefined,
    );
  }, []);

  async function submit(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    busy.value = true;
    try {
      await logIn(String(data.get("name")), String(data.get("password")));
      refusal.value = undefined;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal.value = error;
      form.querySelector<HTMLInputElement>("#password")?.select();
    } finally {
      busy.value = false;
    }
  }

  return (
    <Shell title={t.title()}>
      <div class="card login">
        <h2>{t.heading()}</h2>
        {door.value !== undefined && (
          <p>
            <Name>{door.value.federation}</Name>
          </p>
        )}
        <p class="lead">{t.lead()}</p>
        {loggedOut.value !== undefined && (
          <p class={loggedOut.value === "expired" ? "banner warn" : "banner good"} role="status">
            {loggedOut.value === "expired" ? t.expired() : t.changed()}
          </p>
        )}
        {door.value?.accounts === false && (
          <div class="banner" data-test="first-account">
            <p>
              <strong>{t.none()}</strong> {t.make()}
            </p>
            <pre>
              <code>tributary coordinator operator add --home platform --name night-shift --role operator</code>
            </pre>
          </div>
        )}
        {refusal.value !== undefined && <RefusalNotice refusal={refusal.value} />}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit(event.currentTarget);
          }}
        >
          <div class="field">
            <label for="name">{t.name()}</label>
            <input id="name" name="name" autoComplete="username" autoCapitalize="none" spellcheck={false} required />
          </div>
          <div class="field">
            <label for="password">{t.password()}</label>
            <input id="password" name="password" type="password" autoComplete="current-password" required />
          </div>
          <button class="main" type="submit" disabled={busy.value}>
            {t.submit()}
          </button>
        </form>
      </div>
    </Shell>
  );
}
