/**
 * What a command prints. With `--json`: exactly one JSON document on stdout; without: words. Everything else (logs, progress)
 * goes to stderr, so that stdout can be piped.
 */
import { inspect } from "node:util";
import { fail, isTributaryError } from "@tributary/errors";
import picocolors from "picocolors";

/** Prints a command's outcome: the document under `--json`, else the lines. */
export function print(json: boolean | undefined, document: unknown, lines: () => readonly string[]): void {
  if (json) process.stdout.write(`${JSON.stringify(document, replaceBigInts, 2)}\n`);
  else process.stdout.write(`${lines().join("\n")}\n`);
}

/** Names of a file's columns, a source's own words, a path: what others wrote is shown, and moves no cursor and changes no colour. */
export const printable = (text: string) => text.replaceAll(/(?![\n\t])\p{Cc}/gu, "\ufffd");

/** One line, for commands that go on running: their first line says where they are. */
export function printLine(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, replaceBigInts)}\n`);
}

/** A remark for people, on stderr. */
function remark(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Prints an error once, and returns the exit code that it stands for. Stack traces only with TRIBUTARY_DEBUG=1. */
export function printError(json: boolean, error: unknown): number {
  const coded = isTributaryError(error) ? error : fail("TRB_UNEXPECTED", { reason: harmlessReason(error) }, error);
  if (json) process.stdout.write(`${JSON.stringify({ error: coded.toJSON() }, null, 2)}\n`);
  else
    remark(
      `${picocolors.red("✖")} ${picocolors.bold(coded.code)}  ${printable(coded.message)}\n  ${picocolors.dim("what to do:")} ${printable(coded.advice)}`,
    );
  if (process.env["TRIBUTARY_DEBUG"] === "1") remark(inspect(error));
  return coded.exitCode;
}

/** A parser's message quotes what it read, which may be a customer's; others are shown. */
function harmlessReason(error: unknown): string {
  if (!(error instanceof Error)) return "something that is no error was thrown";
  return error instanceof SyntaxError ? error.name : error.message.slice(0, 300).replace(/\.$/, "");
}

/** Resolves when everything printed has left this process. */
export async function flushed(): Promise<void> {
  const one = (stream: NodeJS.WriteStream) => new Promise<void>((resolve) => stream.write("", () => resolve()));
  await Promise.all([one(process.stdout), one(process.stderr)]);
}

/** Characters of the narrowest terminal that is looked after. */
const terminal = 80;

/** A plain table, aligned. What is too long in the last column goes on below itself, as far as it has blanks to be divided at. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.flatMap((row) => {
    const before = row.slice(0, -1).map((cell, column) => `${cell.padEnd(widths[column] ?? 0)}  `);
    const start = before.join("");
    return divided(row.at(-1) ?? "", Math.max(terminal - start.length, terminal / 4)).map((part, place) =>
      `${place === 0 ? start : " ".repeat(start.length)}${part}`.trimEnd(),
    );
  });
}

/** Sentences that fit the terminal: a longer line goes on below itself, two characters further in. */
export const prose = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => {
    const margin = /^ */.exec(line)?.[0] ?? "";
    const parts = divided(line.slice(margin.length), terminal - margin.length - 2);
    return parts.map((part, place) => `${margin}${place === 0 ? "" : "  "}${part}`.trimEnd());
  });

/** Lines of at most `width` characters, of whole words; a longer word is a line of its own. */
function divided(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** A document's value in words, for tables: lists with commas, objects as names and values. */
export function inWords(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(inWords).join(", ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([name, one]) => `${name} ${inWords(one)}`)
    .join(" ");
}

function replaceBigInts(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
