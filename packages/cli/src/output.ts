/**
 * What a command prints. With `--json`: exactly one JSON document on stdout; without: words. Everything else (logs, progress)
 * goes to stderr, so that stdout can be piped.
 */
import { inspect } from "node:util";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { clearProgress } from "./progress.ts";
import { divided, laidOut } from "./table-layout.ts";
import { coloursOf, readingWidth, widthOf } from "./terminal.ts";

/** Prints a command's outcome: the document under `--json`, else the lines. */
export function print(json: boolean | undefined, document: unknown, lines: () => readonly string[]): void {
  clearProgress();
  if (json) process.stdout.write(`${JSON.stringify(document, replaceBigInts, 2)}\n`);
  else process.stdout.write(`${lines().join("\n")}\n`);
}

/** Names of a file's columns, a source's own words, a path: what others wrote is shown, and moves no cursor and changes no colour. */
export const printable = (text: string) => text.replaceAll(/(?![\n\t])\p{Cc}/gu, "\ufffd");

/** One line, for commands that go on running: their first line says where they are. */
export function printLine(document: unknown): void {
  clearProgress();
  process.stdout.write(`${JSON.stringify(document, replaceBigInts)}\n`);
}

/** A remark for people, on stderr. */
function remark(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Prints an error once, for people on stderr or with `--json` as the document on stdout, and returns the exit code that it stands for. Where it came from is
 * shown with `--debug` only.
 */
export function printError(json: boolean, error: unknown): number {
  clearProgress();
  const coded = codedError(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: coded.toJSON() }, null, 2)}\n`);
  else remark(errorLines(coded).join("\n"));
  if (process.env["TRIBUTARY_DEBUG"] === "1") remark(inspect(error));
  return coded.exitCode;
}

/** Of the table, whatever was thrown. */
export const codedError = (error: unknown): TributaryError =>
  isTributaryError(error) ? error : fail("TRB_UNEXPECTED", { reason: harmlessReason(error) }, error);

/** What happened and what to do, each as far as the terminal is wide. */
function errorLines({ code, message, advice }: TributaryError): string[] {
  const { red, bold, dim } = coloursOf(process.stderr);
  const width = widthOf(process.stderr);
  const marked = (mark: string, first: string, text: string) =>
    divided(`${first}${printable(text)}`, Math.max(width - mark.length, 20)).map(
      (line, place) => `${place === 0 ? mark : "  "}${line}`,
    );
  return [
    ...marked("✖ ", `${code}  `, message).map((line, place) =>
      place === 0 ? line.replace(`✖ ${code}`, `${red("✖")} ${bold(code)}`) : line,
    ),
    ...marked("  ", "what to do: ", advice).map((line) => line.replace("what to do:", dim("what to do:"))),
  ];
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

/** A plain table, aligned, that fits the terminal; piped, a row is a line (`terminal.ts` says why). */
export const table = (rows: readonly (readonly string[])[], width = widthOf()): string[] => laidOut(rows, width);

/** Sentences that fit the terminal: a longer line goes on below itself, two characters further in. */
export const prose = (lines: readonly string[], width = readingWidth()): string[] =>
  lines.flatMap((line) => {
    const margin = /^ */.exec(line)?.[0] ?? "";
    const parts = divided(line.slice(margin.length), Math.max(width - margin.length - 2, 20));
    return parts.map((part, place) => `${margin}${place === 0 ? "" : "  "}${part}`.trimEnd());
  });

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
