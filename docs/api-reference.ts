/**
 * A room's API reference, made from its docstrings: every export of `src/index.ts`, by folder, with its declaration and what is said of it.
 * Declarations are found by their first column, which the formatter keeps.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Export {
  readonly name: string;
  /** As in `index.ts`. */
  readonly file: string;
}

/** @returns the document, and the exports that nothing is said of */
export function apiReference(room: string): { readonly text: string; readonly undocumented: readonly string[] } {
  const undocumented: string[] = [];
  const folders = new Map<string, string[]>();
  for (const { name, file } of exportsOf(join(room, "src/index.ts"))) {
    const { said, tags, code } = declaration(readFileSync(join(room, "src", file), "utf8"), name);
    if (said === "") undocumented.push(`${file}: ${name}`);
    const folder = file.split("/").at(1) ?? "";
    const entry = [
      `### \`${name}\``,
      said,
      tags,
      `\`\`\`typescript\n${code}\n\`\`\``,
      `[${file.slice(2)}](src/${file.slice(2)})`,
    ];
    folders.set(folder, [...(folders.get(folder) ?? []), entry.filter((part) => part !== "").join("\n\n")]);
  }
  const sections = [...folders].map(([folder, entries]) => [`## ${folder}`, ...entries].join("\n\n"));
  const head = "Made from the docstrings of `src` by `node docs/check-examples.ts --write`; `README.md` has worked examples.";
  return { text: `${["# API reference", head, ...sections].join("\n\n")}\n`, undocumented };
}

function exportsOf(index: string): Export[] {
  const statements = readFileSync(index, "utf8").matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)";/gm);
  return Array.from(statements).flatMap(([, names = "", file = ""]) =>
    names
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .map((name) => ({ name: name.split(" as ")[0] as string, file })),
  );
}

/** What is said of an export, what its tags say, and its declaration without what it does. */
function declaration(source: string, name: string): { readonly said: string; readonly tags: string; readonly code: string } {
  const start = new RegExp(`^export (?:abstract class|class|(?:async )?function|const|interface|type) ${name}\\b`, "m").exec(
    source,
  )?.index;
  if (start === undefined) throw new Error(`no declaration of ${name} begins a line`);
  const before = source.slice(0, start).trimEnd();
  const comment = before.endsWith("*/") ? before.slice(before.lastIndexOf("/**")) : "";
  const rest = source.slice(start);
  return { ...prose(comment), code: /^export (?:async )?function/.test(rest) ? signature(rest) : withoutBody(rest) };
}

/** Up to the body, which begins behind the line that closes the parameters. */
const signature = (rest: string): string => (/^([^\n]*|[\s\S]*?\n[)}][^\n]*) \{\n/.exec(rest)?.[1] ?? rest).trim();

/** A type as it stands; a constant up to its value, an arrow function up to its body. */
function withoutBody(rest: string): string {
  if (rest.startsWith("export const")) {
    const isFunction = /^[^\n]*? =\s+[(<]/.test(rest);
    return rest.split(isFunction ? " =>" : / =\s/)[0] as string;
  }
  const isBlock = /^[^\n]*[{[(]\n/.test(rest);
  return (isBlock ? /^[\s\S]*?\n[}\])][^\n]*/ : /^[\s\S]*?;(?=\n|$)/).exec(rest)?.[0] ?? rest;
}

/** A docstring as Markdown: formulas that stand apart become code, tags a list. */
function prose(comment: string): { readonly said: string; readonly tags: string } {
  const lines = comment
    .replace(/^\/\*\*\s?|\s*\*\/$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
  const [said, ...tags] = `\n${lines.join("\n")}`.split(/\s(?=@(?:throws|param|returns)\b)/);
  const list = tags.map((tag) => `- ${tag.replace(/\s+/g, " ").trim()}`.replace(/- @(\w+)/, "- *$1*"));
  return { said: (said ?? "").trim().replace(/^ {2}(?=\S)/gm, "    "), tags: list.join("\n") };
}
