/**
 * What stands where below the coordinator's `--home` (DESIGN §5), and how a file gets there so that a power cut leaves either
 * the old file or the whole new one: write a temporary file beside it, sync it, rename it, sync the folder.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface HomeLayout {
  readonly home: string;
  readonly database: string;
  readonly lock: string;
  readonly ledger: string;
  /** Models, catalogue, optimiser states and sums: `<sha256>`. */
  readonly blobs: string;
  /** Masked vectors of the round under way: `<round>.<node>.<sha256>`. */
  readonly uploads: string;
  /** What has arrived of them so far: `<round>.<node>.<sha256>.partial`. */
  readonly staging: string;
  /** Tasks of workers, and what they made. */
  readonly work: string;
  /** Of models: `<model's sha256>.json`. */
  readonly certificates: string;
  /** Files of the plan's extensions, called by their hashes. */
  readonly extensions: string;
  readonly identity: string;
}

export function homeLayout(home: string): HomeLayout {
  return {
    home,
    database: join(home, "coordinator.sqlite"),
    lock: join(home, "coordinator.lock"),
    ledger: join(home, "ledger.jsonl"),
    blobs: join(home, "blobs"),
    uploads: join(home, "uploads"),
    staging: join(home, "staging"),
    work: join(home, "work"),
    certificates: join(home, "certificates"),
    extensions: join(home, "extensions"),
    identity: join(home, "keys", "identity"),
  };
}

export function makeFolders(layout: HomeLayout): void {
  for (const folder of [layout.home, layout.blobs, layout.uploads, layout.staging, layout.work, dirname(layout.identity)]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
}

/** Removes what a process that was killed had begun to write. Only under the lock: a running server's would be hit as well. */
export function clearTemporaries(layout: HomeLayout): void {
  for (const folder of [layout.home, layout.blobs, layout.uploads, layout.work]) {
    for (const name of readdirSync(folder)) if (isTemporary(name)) rmSync(join(folder, name), { force: true });
  }
}

let temporaries = 0;

/** A name in the same folder that no other writer uses, and that `clearTemporaries` recognises. */
export function temporaryBeside(path: string): string {
  temporaries += 1;
  return join(dirname(path), `.writing-${process.pid}-${temporaries}-${basename(path)}`);
}

const isTemporary = (name: string) => name.startsWith(".writing-");

/** Writes the whole file durably; readers see the old one or the new one. */
export function writeDurably(path: string, content: Uint8Array, mode = 0o600): void {
  const temporary = temporaryBeside(path);
  const file = openSync(temporary, "wx", mode);
  try {
    let written = 0;
    while (written < content.length) written += writeSync(file, content, written);
    fsyncSync(file);
  } catch (error) {
    closeSync(file);
    rmSync(temporary, { force: true });
    throw error;
  }
  closeSync(file);
  publish(temporary, path);
}

/** The last step of a durable write: the synced temporary file takes its name. */
function publish(temporary: string, path: string): void {
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

/** Makes renames and removals in a folder survive a power cut. Windows has no such call, and needs none. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export const isHome = (layout: HomeLayout) => existsSync(layout.database);
