/**
 * Files that are either wholly there or not there, whenever the process or the machine stops.
 *
 * A file is replaced by writing a temporary one beside it, syncing that, renaming it over, and syncing the folder:
 * after a crash a reader finds the old bytes or the new ones.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fail } from "@tributary/errors";
import { reasonOf } from "../reason.ts";

export const temporarySuffix = ".half-written";

const temporaryOf = (path: string) => `${path}.${randomBytes(6).toString("hex")}${temporarySuffix}`;

/**
 * Replaces a file; resolves once it is on disk. Only the owner may read it.
 * @throws TRB_NODE_HOME_UNWRITABLE
 */
export async function replaceFile(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: path, reason: reasonOf(cause) }, cause);
  }
}

/** The same, for small files where nothing else may happen in between. */
export function replaceFileNow(path: string, data: Uint8Array | string): void {
  const temporary = temporaryOf(path);
  try {
    const file = openSync(temporary, "wx", 0o600);
    try {
      writeWhole(file, data);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: path, reason: reasonOf(cause) }, cause);
  }
}

/** Adds bytes at the end of a file that is `from` bytes long; what stands there beyond that is a torn write and goes. */
export function appendNow(path: string, data: Uint8Array | string, from: number): void {
  try {
    const file = openSync(path, "a+", 0o600);
    try {
      ftruncateSync(file, from);
      writeWhole(file, data);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (from === 0) syncFolder(dirname(path));
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: path, reason: reasonOf(cause) }, cause);
  }
}

/** Removes a file, and lets the folder forget it for good. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

function writeWhole(file: number, data: Uint8Array | string): void {
  const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done);
}

/** What was written to a file by others' hands is on disk. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, process.platform === "win32" ? "r+" : "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Windows has no way to sync a folder, and does not need one: NTFS journals the rename. */
export function syncFolder(folder: string): void {
  if (process.platform !== "win32") syncFile(folder);
}
