/**
 * What a command prints. With `--json`: exactly one JSON document on stdout; without: words. Everything else (logs, progress)
 * goes to stderr, so that stdout can be piped.
 */
import { isTributaryError } from "@tributary/errors";
import picocolors from "picocolors";

/** Prints a command's outcome: the document under `--json`, else the lines. */
export function print(json: boolean | undefined, document: unknown, lines: () => readonly string[]): void {
  if (json) process.stdout.write(`${JSON.stringify(document, replaceBigInts, 2)}\n`);
  else process.stdout.write(`${lines().join("\n")}\n`);
}

/** One line, for commands that go on running: their first line says where they are. */
export function printLine(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, replaceBigInts)}\n`);
}

/** A remark for people, on stderr. */
export function remark(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Prints an error once, and returns the exit code that it stands for. Stack traces only with TRIBUTARY_DEBUG=1. */
export function printError(json: boolean, error: unknown): number {
  if (isTributaryError(error)) {
    if (json) process.stdout.write(`${JSON.stringify({ error: error.toJSON() }, null, 2)}\n`);
    else
      remark(
        `${picocolors.red("✖")} ${picocolors.bold(error.code)}  ${error.message}\n  ${picocolors.dim("what to do:")} ${error.advice}`,
      );
    if (process.env["TRIBUTARY_DEBUG"] === "1") remark(String(error.stack));
    return error.exitCode;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const unexpected = {
      code: "TRB_UNEXPECTED",
      message,
      advice: "Run again with TRIBUTARY_DEBUG=1 and report what it prints.",
    };
    process.stdout.write(`${JSON.stringify({ error: unexpected }, null, 2)}\n`);
  } else
    remark(
      `${picocolors.red("✖")} unexpected: ${message}\n  what to do: run again with TRIBUTARY_DEBUG=1 and report what it prints`,
    );
  if (process.env["TRIBUTARY_DEBUG"] === "1" && error instanceof Error) remark(String(error.stack));
  return 1;
}

/** A plain table, aligned, that fits any terminal. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function replaceBigInts(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
