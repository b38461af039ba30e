/** Objects as files: `<folder>/<space>/<name>`, each written beside its place, synced, and renamed. The folder may be shared by replicas. */
import { randomBytes } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fail } from "@tributary/errors";
import type { ObjectStore, OctetRange } from "./objects.ts";

const spaces = ["blobs", "uploads", "work"];
/** Begins the name of what isn't whole yet; `clearTemporaries` knows it too. */
const temporary = ".writing-";
/** Nobody writes one file for so long, in milliseconds: what is older was left by a process that was killed. */
const abandoned = 24 * 3600 * 1000;

export async function openFolder(folder: string): Promise<ObjectStore> {
  await codedDisk(async () => {
    for (const space of spaces) {
      await mkdir(join(folder, space), { recursive: true, mode: 0o700 });
      await removeAbandoned(join(folder, space));
    }
  });
  const path = (name: string) => join(folder, name);

  return {
    put: (name, content) =>
      codedDisk(async () => {
        const beside = temporaryOf(path(name));
        await removeUnless(beside, async () => {
          const file = await open(beside, "wx", 0o600);
          try {
            await file.writeFile(content);
            await file.sync();
          } finally {
            await file.close();
          }
          await rename(beside, path(name));
        });
        await syncFolder(dirname(path(name)));
      }),
    putFile: (name, from) =>
      codedDisk(async () => {
        await rename(from, path(name)).catch(async (error: unknown) => {
          if (codeOf(error) !== "EXDEV") throw error;
          await copyOver(from, path(name)); // another disk
        });
        await syncFolder(dirname(path(name)));
      }),
    size: (name) =>
      codedDisk(() =>
        unlessMissing(async () => {
          const found = await stat(path(name));
          return found.size;
        }),
      ),
    read: (name, range) => codedDisk(() => unlessMissing(() => readFrom(path(name), range))),
    stream: (name, start = 0, length) =>
      codedDisk(() =>
        unlessMissing(async () => {
          const file = await open(path(name), "r"); // here, so that what is missing is told before the first octet
          const end = length === undefined ? {} : { end: start + length - 1 };
          return createReadStream("", { fd: file, start, highWaterMark: 1 << 18, ...end });
        }),
      ),
    erase: (name) => codedDisk(() => rm(path(name), { force: true })),
    list: (prefix) =>
      codedDisk(async () => {
        const [space = "", begin = ""] = prefix.split("/");
        const names = await readdir(join(folder, space));
        return names
          .filter((name) => !name.startsWith(".") && name.startsWith(begin))
          .sort()
          .map((name) => `${space}/${name}`);
      }),
    close() {},
  };
}

/** Unlike for every process that may write there: process ids of several machines are alike. */
const temporaryOf = (path: string) => join(dirname(path), `${temporary}${randomBytes(8).toString("hex")}`);

/** As `home/layout.ts` has it, but without keeping everybody else waiting. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeUnless(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function copyOver(from: string, to: string): Promise<void> {
  const beside = temporaryOf(to);
  await removeUnless(beside, async () => {
    await copyFile(from, beside, constants.COPYFILE_EXCL);
    const file = await open(beside, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, to);
  });
  await rm(from, { force: true });
}

async function readFrom(path: string, range: OctetRange | undefined): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const { from, length } = range ?? { from: 0, length: (await file.stat()).size };
    const octets = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await file.read(octets, done, length - done, from + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return octets.subarray(0, done);
  } finally {
    await file.close();
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(temporary)) continue;
    const found = await unlessMissing(() => stat(join(folder, name)));
    if (found !== undefined && Date.now() - found.mtimeMs > abandoned) await rm(join(folder, name), { force: true });
  }
}

async function unlessMissing<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The disk's own complaints in our table's words. Whatever has another code is no matter of the disk. */
export async function codedDisk<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const reason = codeOf(error);
    if (reason === undefined) throw error;
    if (reason === "ENOSPC" || reason === "EDQUOT") throw fail("TRB_COORDINATOR_BLOBS_FULL", { reason }, error);
    throw fail("TRB_COORDINATOR_BLOBS_UNREACHABLE", { reason }, error);
  }
}

/** Of an error of the operating system: `ENOSPC`. */
const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : undefined;
