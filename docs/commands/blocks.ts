/**
 * The command blocks of all documents, and of which class each is. The class stands in a comment above the block, where nobody sees it but whoever
 * writes there:
 *
 * - `<!-- runs -->`: every line is run in each `pnpm test`, in a folder with a federation that is finished. `<!-- runs: TRB_… -->`: lines may be refused
 *   with these codes, and each code has to come up.
 * - `<!-- long: --rounds 2 … -->`: run by `pnpm test:long` alone, with these options put behind every line whose command knows them.
 * - `<!-- elsewhere: test/… -->`: run by that test, or by that script.
 * - `<!-- parsed: reason -->`: needs what no test has; the command's own program reads it, and nothing is done.
 *
 * A text block behind it that is marked `<!-- shows -->` is what it prints: to the letter where the block is of class `runs`.
 *
 * Whatever the class, every `tributary` line is read by the program (`parse.ts`). In a block that runs, two kinds of lines are only read: those that ask
 * an address (nobody answers at `db.example`), and those that go on running.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const classes = ["runs", "long", "elsewhere", "parsed"] as const;
type BlockClass = (typeof classes)[number];

export interface CommandBlock {
  /** From the repository's root. */
  readonly document: string;
  /** Of the first command. */
  readonly line: number;
  /** Undefined where no comment says it. */
  readonly class: BlockClass | undefined;
  /** What the comment says behind the class. */
  readonly detail: string;
  /** A command each; lines that end with a backslash go on. */
  readonly commands: readonly string[];
  /** What the document shows of their output: the text block behind, marked by `<!-- shows -->`. A `…` stands for lines that are left out. */
  readonly shown: string | undefined;
}

/** Documents with commands that readers are meant to type. */
export const documentsOf = (root: string): string[] =>
  globSync(["*.md", "*/README*.md", "packages/*/README*.md", "docs/**/*.md", "examples/**/*.md"], { cwd: root })
    .filter((path) => !path.includes("node_modules"))
    .sort();

export const commandBlocks = (root: string): CommandBlock[] =>
  documentsOf(root).flatMap((document) => blocksOf(document, readFileSync(join(root, document), "utf8")));

/** Blocks that are marked as `sh`. */
export function blocksOf(document: string, text: string): CommandBlock[] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    if (line.trim() !== "```sh") return [];
    const length = lines.slice(at + 1).findIndex((one) => one.trim() === "```");
    const marked = /^\s*<!-- (\w+)(?:: (.*?))? -->\s*$/.exec(lines[at - 1] ?? "");
    const behind = lines.slice(at + length + 2).join("\n");
    const shown = /^(?:(?!```)[\s\S])*?<!-- shows -->\n```text\n([\s\S]*?)\n```/.exec(behind)?.[1];
    const commands = lines
      .slice(at + 1, at + 1 + length)
      .join("\n")
      .replaceAll("\\\n", " ")
      .split("\n");
    return [
      {
        document,
        line: at + 2,
        class: classes.find((name) => name === marked?.[1]),
        detail: marked?.[2]?.trim() ?? "",
        commands: commands.map((command) => command.trim()).filter((command) => command !== "" && !command.startsWith("#")),
        shown,
      },
    ];
  });
}

/** Words as a shell makes them, as far as documents go: quotes hold words together, `#` begins a remark. */
export function wordsOf(command: string): string[] {
  const words = command.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g);
  const all = Array.from(words, ([word]) => word);
  const remark = all.findIndex((word) => word.startsWith("#"));
  return (remark < 0 ? all : all.slice(0, remark)).map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

/** The words behind `tributary`, however it is called, and without what the shell does with it; undefined where the line calls something else. */
export function tributaryWords(command: string): string[] | undefined {
  const words = wordsOf(command);
  const at = words.indexOf("tributary");
  const before = words.slice(0, at).map((word) => `${word} `);
  if (at < 0 || !/^([A-Z_]+=\S* )*((npx -y pnpm@10|pnpm) (-s )?)?$/.test(before.join(""))) return undefined;
  const shells = words.findIndex((word) => word === "&" || word === ">");
  return words.slice(at + 1, shells < 0 ? undefined : shells);
}

/** Where the shell puts what a line prints: `… > proof.json`. */
export const outputFile = (command: string): string | undefined => / > (\S+)$/.exec(command)?.[1];
