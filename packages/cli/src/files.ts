/** Reading and writing the files that a command names. */
import { readFileSync, writeFileSync } from "node:fs";
import { fail } from "@tributary/errors";

/** @throws TRB_CLI_FILE_NOT_FOUND */
export function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw fail("TRB_CLI_FILE_NOT_FOUND", { path }, cause);
  }
}

/** @throws TRB_CLI_FILE_NOT_WRITABLE */
export function writeOutput(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (cause) {
    throw fail(
      "TRB_CLI_FILE_NOT_WRITABLE",
      { path, reason: cause instanceof Error && "code" in cause ? String(cause.code) : "unknown" },
      cause,
    );
  }
}

/** @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_NOT_JSON */
export function readJson(path: string): unknown {
  const bytes = readInput(path);
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw fail("TRB_CLI_NOT_JSON", { path }, cause);
  }
}
