/** A folder for parsers that read files, gone when the process ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function ownFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `fuzz-${name}-`));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
