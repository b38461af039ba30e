/**
 * What a backup lies in: a folder of files, or one tar file with the same ones (POSIX.1-1988 `ustar`, which any tar unpacks). Either is there whole or not
 * at all: it is written beside its place, synced, and renamed.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fail, isTributaryError } from "@tributary/errors";
import { syncFolder } from "../home/layout.ts";

export interface ArchiveWriter {
  /** @param name of at most 99 octets, at most one `/` in it */
  put(name: string, content: Uint8Array): Promise<void>;
  /** It takes its name. */
  finish(): Promise<void>;
  /** Nothing of it stays. */
  discard(): Promise<void>;
}

export interface ArchiveReader {
  readonly names: readonly string[];
  /** @throws TRB_BACKUP_DAMAGED when there is no such file in it */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** @param path ends in `.tar` for a tar file; else it is a folder. Nothing may be there. @throws TRB_BACKUP_NOT_WRITABLE */
export async function createArchive(path: string): Promise<ArchiveWriter> {
  if (existsSync(path)) throw fail("TRB_BACKUP_NOT_WRITABLE", { path, reason: "something is there already" });
  const beside = join(dirname(path), `.writing-${randomBytes(6).toString("hex")}-${basename(path)}`);
  return await writable(path, async () => {
    const writer = path.endsWith(".tar") ? await tarWriter(beside) : await folderWriter(beside);
    return {
      put: (name, content) => writable(path, () => writer.put(name, content)),
      finish: () =>
        writable(path, async () => {
          await writer.finish();
          await rename(beside, path);
          syncFolder(dirname(path));
        }),
      async discard() {
        await writer.discard();
        await rm(beside, { recursive: true, force: true });
      },
    };
  });
}

/** @throws TRB_BACKUP_UNREADABLE */
export async function openArchive(path: string): Promise<ArchiveReader> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? await folderReader(path) : await tarReader(path);
  } catch (error) {
    if (isTributaryError(error)) throw error;
    throw fail("TRB_BACKUP_UNREADABLE", { path, reason: reasonOf(error) });
  }
}

async function writable<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isTributaryError(error)) throw error;
    throw fail("TRB_BACKUP_NOT_WRITABLE", { path, reason: reasonOf(error) }, error);
  }
}

const reasonOf = (error: unknown) =>
  error instanceof Error && "code" in error ? String(error.code) : error instanceof Error ? error.name : "unknown";

// ── folder ───────────────────────────────────────────────────────────────────────────────────────────────────────

async function folderWriter(folder: string): Promise<ArchiveWriter> {
  await mkdir(folder, { mode: 0o700 });
  return {
    async put(name, content) {
      await mkdir(join(folder, dirname(name)), { recursive: true, mode: 0o700 });
      const file = await open(join(folder, name), "wx", 0o600);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    async finish() {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) syncFolder(join(folder, entry.name));
      }
      syncFolder(folder);
    },
    discard: async () => {},
  };
}

async function folderReader(folder: string): Promise<ArchiveReader> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => (entry.parentPath === folder ? entry.name : `${basename(entry.parentPath)}/${entry.name}`));
  return {
    names,
    async read(name) {
      if (!names.includes(name)) throw missing(name);
      const file = await open(join(folder, name), "r");
      try {
        return await file.readFile();
      } finally {
        await file.close();
      }
    },
    close: async () => {},
  };
}

const missing = (file: string) => fail("TRB_BACKUP_DAMAGED", { file, reason: "it is not there" });

// ── tar ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Octets of a header and of the blocks that contents are filled up to. */
const block = 512;

async function tarWriter(path: string): Promise<ArchiveWriter> {
  const file = await open(path, "wx", 0o600);
  return {
    async put(name, content) {
      await file.writeFile(headerOf(name, content.length));
      await file.writeFile(content);
      await file.writeFile(new Uint8Array(paddingOf(content.length)));
    },
    async finish() {
      await file.writeFile(new Uint8Array(2 * block)); // the end
      await file.sync();
      await file.close();
    },
    discard: () => file.close(),
  };
}

const paddingOf = (size: number) => (block - (size % block)) % block;

function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(name, 0, 99, "utf8");
  header.write(octal(0o600, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136); // no time: the manifest has one
  header.write("0", 156); // a file
  header.write("ustar\0", 257);
  header.write("00", 263);
  header.write(`${checksumOf(header).toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** The sum of the octets, with blanks where it stands itself. */
const checksumOf = (header: Buffer) =>
  header.reduce((sum, octet, place) => sum + (place >= 148 && place < 156 ? 0x20 : octet), 0);

async function tarReader(path: string): Promise<ArchiveReader> {
  const file = await open(path, "r");
  try {
    const contents = await contentsOf(file, path);
    return {
      names: [...contents.keys()],
      async read(name) {
        const place = contents.get(name);
        if (place === undefined) throw missing(name);
        const content = Buffer.alloc(place.size);
        const { bytesRead } = await file.read(content, 0, place.size, place.from);
        if (bytesRead !== place.size) throw fail("TRB_BACKUP_DAMAGED", { file: name, reason: "it ends too early" });
        return content;
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function contentsOf(file: FileHandle, path: string): Promise<Map<string, { from: number; size: number }>> {
  const contents = new Map<string, { from: number; size: number }>();
  const header = Buffer.alloc(block);
  const { size: octets } = await file.stat();
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(header, 0, block, at);
    const text = (from: number, to: number) => header.toString("utf8", from, to).split("\0")[0] ?? "";
    const whole = bytesRead === block && Number.parseInt(text(148, 156), 8) === checksumOf(header);
    if (!whole) {
      if (bytesRead === block && header.every((octet) => octet === 0)) return contents;
      if (at > 0) throw fail("TRB_BACKUP_DAMAGED", { file: path, reason: `it breaks off after ${at} octets` });
      throw fail("TRB_BACKUP_UNREADABLE", { path, reason: "it is no tar file" });
    }
    // what is negative would have this read the same headers for ever, what is too large more memory than there is
    const size = /^ *[0-7]{1,12} *$/.test(text(124, 136)) ? Number.parseInt(text(124, 136), 8) : Number.NaN;
    if (!(at + block + size <= octets))
      throw fail("TRB_BACKUP_DAMAGED", { file: path, reason: `it breaks off after ${at} octets` });
    const isFile = ["0", ""].includes(text(156, 157)); // others' tar programs write folders as well
    if (isFile) contents.set(text(0, 100).replace(/^\.\//, ""), { from: at + block, size });
    at += block + size + paddingOf(size);
  }
}
