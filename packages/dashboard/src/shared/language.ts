/** The page's two languages: every text stands in both, side by side, and is picked when it is shown. */
import { effect, signal } from "@preact/signals";
import { kept } from "./kept.ts";

export const languages = ["en", "zh"] as const;
export type Language = (typeof languages)[number];

/** One text in every language. */
export type Text = { readonly [Name in Language]: string };

const isLanguage = (value: unknown): value is Language => languages.some((one) => one === value);

/** What the address says, then what was chosen here before, then the browser's own. */
function firstLanguage(): Language {
  const asked = new URLSearchParams(location.search).get("lang") ?? kept("language");
  if (isLanguage(asked)) return asked;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = signal<Language>(firstLanguage());

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});

/** The text in the language that is shown; where it is read while something is drawn, that is drawn again when the language changes. */
export function say(text: Text): string {
  return text[language.value];
}

/**
 * A table of texts as an object of getters-by-call: `const t = texts({ save: { en: "Save", zh: "保存" } }); t.save()`. A text may take what it names:
 * `{ left: (n: number) => ({ en: `${n} left`, zh: `剩余 ${n}` }) }`.
 */
export function texts<Table extends Readonly<Record<string, Text | ((...given: never[]) => Text)>>>(table: Table): Said<Table> {
  const said: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(table)) {
    said[name] = typeof text === "function" ? (...given: never[]) => say(text(...given)) : () => say(text);
  }
  return said as Said<Table>;
}

type Said<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends (...given: infer Given) => Text
    ? (...given: Given) => string
    : () => string;
};
