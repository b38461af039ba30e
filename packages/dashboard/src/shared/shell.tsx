/** What stands around every page: title, views by hash links, switches of language and theme, and the banner of a server that is gone. */
import { signal, useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { formatDuration } from "./format.ts";
import { keep } from "./kept.ts";
import { language, languages, texts } from "./language.ts";
import { serverGone } from "./live.ts";
import { type Theme, theme, themes } from "./theme.ts";

const t = texts({
  skip: { en: "Skip to content", zh: "跳到正文" },
  views: { en: "Views", zh: "视图" },
  theme: { en: "Colours", zh: "配色" },
  language: { en: "Language", zh: "语言" },
  system: { en: "As the system", zh: "跟随系统" },
  light: { en: "Light", zh: "浅色" },
  dark: { en: "Dark", zh: "深色" },
  gone: {
    en: "The server doesn't answer. What is shown is what was last known.",
    zh: "服务器没有响应。显示的是最后一次得到的内容。",
  },
  again: (wait: string) => ({ en: `It is asked again in ${wait}.`, zh: `${wait}后重试。` }),
  now: { en: "It is asked again now.", zh: "正在重试。" },
});

/** The hash of the address without `#/`: which view is shown. "" is the first one. */
export const view = signal(hashView());
addEventListener("hashchange", () => {
  view.value = hashView();
});

function hashView(): string {
  return decodeURIComponent(location.hash.replace(/^#\/?/, "").replace(/%(?![0-9a-f]{2})/gi, "%25"));
}

interface ViewLink {
  readonly id: string;
  readonly title: string;
}

export interface ShellProps {
  readonly title: string;
  /** Without views there is no navigation. */
  readonly views?: readonly ViewLink[];
  /** Beside the switches, in the head. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Shell({ title, views = [], aside, children }: ShellProps) {
  const [current = ""] = view.value.split("/");
  const shown = views.some(({ id }) => id === current) ? current : (views[0]?.id ?? "");
  const viewTitle = views.find(({ id }) => id === shown)?.title;
  useEffect(() => {
    document.title = viewTitle === undefined ? title : `${viewTitle} · ${title}`;
  }, [title, viewTitle]);
  useEffect(() => {
    // where the window is narrow, links stand in a row that is wider
    document.querySelector("nav a[aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown]);
  return (
    <div class={views.length === 0 ? "shell bare" : "shell"}>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // the hash is the view
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {t.skip()}
      </a>
      <header>
        <h1>
          <bdi>{title}</bdi>
        </h1>
        {aside}
        <Switches />
      </header>
      {views.length > 0 && (
        <nav aria-label={t.views()}>
          {views.map(({ id, title: name }) => (
            <a key={id} href={`#/${id}`} aria-current={id === shown ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
      )}
      <main id="main" tabIndex={-1}>
        <GoneBanner />
        {children}
      </main>
    </div>
  );
}

function Switches() {
  return (
    <div class="switches">
      <select
        aria-label={t.language()}
        value={language.value}
        onChange={({ currentTarget }) => {
          const chosen = languages.find((one) => one === currentTarget.value) ?? "en";
          language.value = chosen;
          keep("language", chosen);
        }}
      >
        <option value="en">English</option>
        <option value="zh">中文</option>
      </select>
      <select
        aria-label={t.theme()}
        value={theme.value}
        onChange={({ currentTarget }) => {
          const chosen: Theme = themes.find((one) => one === currentTarget.value) ?? "system";
          theme.value = chosen;
          keep("theme", chosen);
        }}
      >
        {themes.map((one) => (
          <option key={one} value={one}>
            {t[one]()}
          </option>
        ))}
      </select>
    </div>
  );
}

function GoneBanner() {
  const now = useSignal(Date.now());
  const isGone = useComputed(() => serverGone.value !== undefined);
  useEffect(() => {
    if (!isGone.value) return undefined;
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 1000);
    return () => clearInterval(timer);
  }, [isGone.value]);
  const left = ((serverGone.value ?? 0) - now.value) / 1000;
  // a live region is there before there is anything to say; the countdown is not read out every second
  return (
    <div role="status">
      {isGone.value && (
        <p class="banner bad" data-test="gone">
          {t.gone()}{" "}
          <span aria-hidden="true">{left > 0 ? t.again(formatDuration(Math.ceil(left), language.value)) : t.now()}</span>
        </p>
      )}
    </div>
  );
}
