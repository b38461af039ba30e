/**
 * Masked vectors of the round under way: `uploads/<round>.<node>.<sha256>`, streamed to disk and never held in memory whole.
 * A file with that name is whole, synced, and hashes to it.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fail } from "@tributary/errors";
import type { NodeId, Sha256 } from "@tributary/protocol";
import { publish, syncFolder, temporaryBeside } from "../home/layout.ts";

export interface Upload {
  readonly round: number;
  readonly node: NodeId;
  readonly sha256: Sha256;
}

export interface Uploads {
  has(upload: Upload): boolean;
  /** Whether this node has another vector here for this round. */
  hasOther(upload: Upload): boolean;
  /** @throws TRB_COORDINATOR_UPLOAD_LENGTH, TRB_COORDINATOR_UPLOAD_HASH; then nothing is left behind */
  receive(upload: Upload, body: Readable, bytes: number): Promise<void>;
  erase(upload: Upload): void;
  /** All of this round. */
  eraseRound(round: number): void;
  /** All but this round's: what a crash between a round's end and its erasure left. */
  eraseAllBut(round: number | undefined): void;
}

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
      readdirSync(folder).some((name) => name.startsWith(`${round}.${node}.`) && name !== `${round}.${node}.${sha256}`),
    receive: (upload, body, bytes) => receive(path(upload), upload, body, bytes),
    erase: (upload) => rmSync(path(upload), { force: true }),
    eraseRound: (round) => eraseWhere((name) => name.startsWith(`${round}.`)),
    eraseAllBut: (round) => eraseWhere((name) => round === undefined || !name.startsWith(`${round}.`)),
  };
}

const uploadPath = (folder: string, { round, node, sha256 }: Upload) => join(folder, `${round}.${node}.${sha256}`);

/** The vector of one upload: little-endian u32. */
export async function readUpload(folder: string, upload: Upload): Promise<Uint32Array> {
  const content = await readFile(uploadPath(folder, upload));
  return wordsOf(content);
}

/** Little-endian u32 as they stand in a file, on a machine of either byte order. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Uint32Array(bytes.length >>> 2);
  for (let place = 0; place < words.length; place++) words[place] = view.getUint32(4 * place, true);
  return words;
}

export function bytesOfWords(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  for (const [place, word] of words.entries()) view.setUint32(4 * place, word, true);
  return bytes;
}

async function receive(path: string, { sha256 }: Upload, body: Readable, bytes: number): Promise<void> {
  const temporary = temporaryBeside(path);
  const file = await open(temporary, "wx", 0o600);
  try {
    const hash = createHash("sha256");
    let received = 0;
    for await (const chunk of body) {
      const part: Buffer = chunk;
      received += part.length;
      if (received > bytes) break;
      hash.update(part);
      await file.writeFile(part);
    }
    if (received !== bytes) throw fail("TRB_COORDINATOR_UPLOAD_LENGTH", { expected: bytes, actual: received });
    if (hash.digest("hex") !== sha256) throw fail("TRB_COORDINATOR_UPLOAD_HASH");
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  publish(temporary, path);
}
