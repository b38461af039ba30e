/** A secret that the server shows once: an invite, a token. It is gone when this is closed. */
import { useSignal } from "@preact/signals";
import { texts } from "../shared/language.ts";
import { common } from "./words.ts";

const t = texts({
  copy: { en: "Copy", zh: "复制" },
  copied: { en: "Copied.", zh: "已复制。" },
  notCopied: { en: "Copy it by hand: this browser doesn't let the page.", zh: "请手动复制：浏览器不允许页面复制。" },
});

interface ShownOnceProps {
  /** What tests find it by. */
  readonly test: string;
  readonly title: string;
  /** How long it is good, in words. */
  readonly until: string;
  readonly secret: string;
  close(): void;
}

export function ShownOnce({ test, title, until, secret, close }: ShownOnceProps) {
  const copied = useSignal<"" | "yes" | "no">("");
  return (
    <div class="banner good" data-test={test}>
      <p>
        <strong>{title}</strong> {until}
      </p>
      <p>
        <code>{secret}</code>
      </p>
      <p class="row">
        <button
          type="button"
          onClick={() =>
            // where the page isn't served over TLS there is no clipboard
            void (navigator.clipboard?.writeText(secret) ?? Promise.reject(new Error("no clipboard"))).then(
              () => {
                copied.value = "yes";
              },
              () => {
                copied.value = "no";
              },
            )
          }
        >
          {t.copy()}
        </button>
        <button type="button" onClick={close}>
          {common.close()}
        </button>
        <span role="status">{copied.value === "yes" ? t.copied() : copied.value === "no" ? t.notCopied() : ""}</span>
      </p>
    </div>
  );
}
