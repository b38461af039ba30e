/** Folders for parsers that read files. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

export function ownFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `fuzz-${name}-`));
  made.push(folder);
  return folder;
}

/** At the end of a process that libFuzzer doesn't end; of one that it does, who started it removes all of its temporary files. */
export function removeOwnFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}
