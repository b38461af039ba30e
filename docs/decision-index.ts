/** docs/decisions/README.md: every decision by number, with its title and the first sentence of what was chosen. Made from the pages. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Decision {
  /** Of the file, from docs/decisions. */
  readonly file: string;
  readonly number: number;
  readonly title: string;
  /** The first sentence after `**Choice.**`. */
  readonly choice: string;
}

/** @throws Error that names a page without title or choice, with another number in its title than its file has, or with the number of another page */
export function decisionsIn(folder: string): readonly Decision[] {
  const files = readdirSync(folder).filter((file) => /^\d{4}-.+\.md$/.test(file));
  const decisions = files.sort().map((file) => decisionOf(file, readFileSync(join(folder, file), "utf8")));
  const twice = decisions.find(({ number }, place) => decisions[place - 1]?.number === number);
  if (twice !== undefined) throw new Error(`docs/decisions/${twice.file}: there are two decisions ${twice.number}`);
  return decisions;
}

function decisionOf(file: string, text: string): Decision {
  const [, numeral, title = ""] = /^# (?:(\d+)[.:]? )?(.+)$/m.exec(text) ?? [];
  const number = Number(file.slice(0, 4));
  if (title === "" || Number(numeral ?? number) !== number)
    throw new Error(`docs/decisions/${file} has no title, or one of another number`);
  const chosen = /^(?:\*\*Choice\b[^*]*\*\*|## Choice)\s+([\s\S]+?)(?:^(?:\*\*|## )Consequences|(?![\s\S]))/m.exec(text)?.[1];
  if (chosen === undefined) throw new Error(`docs/decisions/${file} doesn't say what was chosen: **Choice.**`);
  return { file, number, title, choice: firstSentence(chosen) };
}

/** Without list marks and links, a point's label with its sentence; what leads to a list or a table ends there. */
function firstSentence(text: string): string {
  const flat = text
    .replace(/:\s*\n+(?:[-*|]|\d+\.) ?[\s\S]*$/, ".")
    .replace(/^(?:[-*]|\d+\.) /gm, "")
    .replace(/\[([^\]]+)\]\([^)]*\)/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
  const one = /^(?:[*_]+[^*_]+[.:][*_]+ )?.+?(?:\.(?=\*{0,2} +[*`“"]*\p{Lu})|\.?$)\*{0,2}/u.exec(flat)?.[0] ?? flat;
  const rest = flat.slice(one.length).trim();
  return one.length < 12 && rest !== "" ? `${one} ${firstSentence(rest)}` : one; // "The third." alone says nothing
}

export function decisionIndex(folder: string): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    "# Decisions",
    "",
    "What was decided about the design, where [the layout](../layout.md) alone doesn't say why. Made from the pages by `node docs/check-examples.ts --write`.",
    "",
    "| | decision | chosen |",
    "| --- | --- | --- |",
    ...decisionsIn(folder).map(
      ({ file, number, title, choice }) => `| ${number} | [${cell(title)}](${file}) | ${cell(choice)} |`,
    ),
    "",
  ].join("\n");
}
