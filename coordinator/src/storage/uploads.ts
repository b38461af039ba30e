/**
 * Masked vectors of the round under way: `uploads/<round>.<node>.<sha256>`, streamed to disk and never held in memory whole.
 * A file with that name is whole, synced, and hashes to it; what has arrived so far is in `<round>.<node>.<sha256>.partial`.
 */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, openSync, readdirSync, readSync, rmSync, statSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fail } from "@tributary/errors";
import type { VectorRange } from "@tributary/federation";
import { type NodeId, type Sha256, vectorOctets, vectorOf } from "@tributary/protocol";
import { publish, syncFolder } from "../home/layout.ts";

export interface Upload {
  readonly round: number;
  readonly node: NodeId;
  readonly sha256: Sha256;
}

export interface Uploads {
  has(upload: Upload): boolean;
  /** Whether this node has another vector here for this round. */
  hasOther(upload: Upload): boolean;
  /** How many of its bytes are here. */
  offset(upload: Upload): number;
  /**
   * Takes the bytes from `from` (default 0) on, which must be where the stored part ends. One at a time for each upload.
   * @throws TRB_COORDINATOR_UPLOAD_OFFSET; TRB_COORDINATOR_UPLOAD_LENGTH: too few, which are kept, or too many;
   *   TRB_COORDINATOR_UPLOAD_HASH: then nothing is left behind
   */
  receive(upload: Upload, body: Readable, bytes: number, from?: number): Promise<void>;
  erase(upload: Upload): void;
  /** All of this round. */
  eraseRound(round: number): void;
  /** All but this round's: what a crash between a round's end and its erasure left. */
  eraseAllBut(round: number | undefined): void;
}

/** Ends the name of what isn't whole yet. */
const partial = ".partial";

export function openUploads(folder: string): Uploads {
  const path = (upload: Upload) => uploadPath(folder, upload);
  const eraseWhere = (matches: (name: string) => boolean) => {
    const names = readdirSync(folder).filter((name) => !name.startsWith(".") && matches(name));
    for (const name of names) rmSync(join(folder, name), { force: true });
    if (names.length > 0) syncFolder(folder);
  };
  return {
    has: (upload) => existsSync(path(upload)),
    hasOther: ({ round, node, sha256 }) =>
      readdirSync(folder).some(
        (name) => name.startsWith(`${round}.${node}.`) && !name.startsWith(`${round}.${node}.${sha256}`),
      ),
    offset: (upload) => sizeOf(existsSync(path(upload)) ? path(upload) : `${path(upload)}${partial}`),
    receive: (upload, body, bytes, from = 0) => receive(path(upload), upload, body, bytes, from),
    erase: (upload) => {
      for (const file of [path(upload), `${path(upload)}${partial}`]) rmSync(file, { force: true });
    },
    eraseRound: (round) => eraseWhere((name) => name.startsWith(`${round}.`)),
    eraseAllBut: (round) => eraseWhere((name) => round === undefined || !name.startsWith(`${round}.`)),
  };
}

const uploadPath = (folder: string, { round, node, sha256 }: Upload) => join(folder, `${round}.${node}.${sha256}`);

/** The vector of one upload. [length] */
export async function readUpload(folder: string, upload: Upload): Promise<Uint32Array> {
  return wordsOf(await readFile(uploadPath(folder, upload)));
}

/** Some coordinates of one upload. [range.length] @throws TRB_COORDINATOR_STORE_DAMAGED when the file ends before them */
export function readUploadRange(folder: string, upload: Upload, { from, length }: VectorRange): Uint32Array {
  const file = openSync(uploadPath(folder, upload), "r");
  try {
    const octets = new Uint8Array(4 * length);
    for (let done = 0; done < octets.length; ) {
      const read = readSync(file, octets, done, octets.length - done, 4 * from + done);
      if (read === 0) throw fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: "a masked vector is shorter than it was" });
      done += read;
    }
    return wordsOf(octets);
  } finally {
    closeSync(file);
  }
}

/** Little-endian u32 as they stand in a file. */
export const wordsOf = vectorOf;
export const bytesOfWords = vectorOctets;

/**
 * What has arrived stays when the connection breaks off, and the rest is appended to it. Only the whole is synced: after a power cut
 * the part may be damaged, which its hash shows in the end.
 */
async function receive(path: string, { sha256 }: Upload, body: Readable, bytes: number, from: number): Promise<void> {
  const part = `${path}${partial}`;
  const stored = sizeOf(part);
  if (from !== stored) throw fail("TRB_COORDINATOR_UPLOAD_OFFSET", { offset: stored });
  const hash = createHash("sha256");
  if (from > 0) for await (const chunk of createReadStream(part)) hash.update(chunk);
  const file = await open(part, "a", 0o600);
  let received = from;
  try {
    for await (const chunk of body) {
      const octets: Buffer = chunk;
      received += octets.length;
      if (received > bytes) break;
      hash.update(octets);
      await file.writeFile(octets); // the next octets are asked for when these are written
    }
    if (received === bytes) await file.sync();
  } finally {
    await file.close();
  }
  const genuine = received === bytes && hash.digest("hex") === sha256;
  if (!genuine && received >= bytes) await rm(part, { force: true });
  if (received !== bytes) throw fail("TRB_COORDINATOR_UPLOAD_LENGTH", { expected: bytes, actual: received });
  if (!genuine) throw fail("TRB_COORDINATOR_UPLOAD_HASH");
  publish(part, path);
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
