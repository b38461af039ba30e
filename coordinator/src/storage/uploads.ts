/**
 * Masked vectors of the round under way. What has arrived so far is staged on this replica's own disk, `<round>.<node>.<sha256>.partial`, where it can be
 * resumed; once it is whole, synced, and hashes to its name, it is published as the object `uploads/<round>.<node>.<sha256>`, which every
 * replica sees. Never held in memory whole.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fail } from "@tributary/errors";
import type { VectorRange } from "@tributary/federation";
import { type NodeId, type Sha256, vectorOctets, vectorOf } from "@tributary/protocol";
import type { ObjectStore } from "./objects.ts";
import { codedDisk } from "./objects-folder.ts";

export interface Upload {
  readonly round: number;
  readonly node: NodeId;
  readonly sha256: Sha256;
}

export interface Uploads {
  has(upload: Upload): Promise<boolean>;
  /**
   * Whether this node has another vector for this round: of what was published when the round's first was asked about here, and of what came here since. What
   * another replica published meanwhile the leader knows of, once it counts.
   */
  hasOther(upload: Upload): Promise<boolean>;
  /** How many of its bytes are here. */
  offset(upload: Upload): Promise<number>;
  /**
   * Takes the bytes from `from` (default 0) on, which must be where the staged part ends. One at a time for each upload.
   * @throws TRB_COORDINATOR_UPLOAD_OFFSET; TRB_COORDINATOR_UPLOAD_LENGTH: too few, which are kept, or too many;
   *   TRB_COORDINATOR_UPLOAD_HASH: then nothing is left behind; TRB_COORDINATOR_BLOBS_FULL and TRB_COORDINATOR_BLOBS_UNREACHABLE: what arrived is kept
   */
  receive(upload: Upload, body: Readable, bytes: number, from?: number): Promise<void>;
  erase(upload: Upload): Promise<void>;
  /** All of this round, and what is left of earlier ones. */
  eraseRound(round: number): Promise<void>;
  /** All but this round's: what a crash between a round's end and its erasure left. */
  eraseAllBut(round: number | undefined): Promise<void>;
}

const space = "uploads/";
const partial = ".partial";
/** Erased at a time. */
const together = 16;

/** @param staging a folder of this replica's own */
export function openUploads(objects: ObjectStore, staging: string): Uploads {
  const part = (upload: Upload) => join(staging, `${fileName(upload)}${partial}`);
  const staged = async () => {
    await mkdir(staging, { recursive: true, mode: 0o700 });
    return await readdir(staging);
  };
  /** Rounds only grow, so whatever is staged of an earlier one is of no use. */
  let latestRound = 0;
  const claims = claimed(async (round) => [...(await objects.list(`${space}${round}.`)), ...(await codedDisk(staged))]);

  const eraseWhere = async (matches: (round: number) => boolean) => {
    await codedDisk(async () => {
      for (const name of await staged()) if (matches(roundOf(name))) await rm(join(staging, name), { force: true });
    });
    const published = await objects.list(space);
    const names = published.filter((name) => matches(roundOf(name.slice(space.length))));
    for (let from = 0; from < names.length; from += together) {
      await Promise.all(names.slice(from, from + together).map((name) => objects.erase(name)));
    }
  };

  return {
    has: async (upload) => (await objects.size(objectName(upload))) !== undefined,
    hasOther: (upload) => claims.hasOther(upload),
    offset: async (upload) => (await objects.size(objectName(upload))) ?? (await sizeOf(part(upload))),
    async receive(upload, body, bytes, from = 0) {
      if (upload.round > latestRound) {
        latestRound = upload.round;
        await codedDisk(async () => {
          for (const name of await staged()) if (roundOf(name) < latestRound) await rm(join(staging, name), { force: true });
        });
      }
      await claims.add(upload);
      try {
        await stage(part(upload), upload.sha256, body, bytes, from);
      } finally {
        if ((await sizeOf(part(upload))) === 0) await claims.remove(upload); // refused, with nothing left of it
      }
      try {
        await objects.putFile(objectName(upload), part(upload));
      } catch (error) {
        if ((await sizeOf(part(upload))) === bytes) await truncate(part(upload), bytes - 4); // its last word is sent again, and this tried again
        throw error;
      }
    },
    async erase(upload) {
      await codedDisk(() => rm(part(upload), { force: true }));
      await objects.erase(objectName(upload));
      await claims.remove(upload);
    },
    eraseRound: (round) => eraseWhere((other) => other <= round),
    eraseAllBut: (round) => eraseWhere((other) => other !== round),
  };
}

interface Claims {
  hasOther(upload: Upload): Promise<boolean>;
  add(upload: Upload): Promise<void>;
  remove(upload: Upload): Promise<void>;
}

/**
 * Which vectors the nodes of the latest round have, in memory: a thousand nodes would otherwise have a thousand names listed a thousand times.
 * @param listed what there is of a round, and perhaps of others: names of objects and of parts
 */
function claimed(listed: (round: number) => Promise<readonly string[]>): Claims {
  let latest: { readonly round: number; readonly vectors: Promise<Map<string, Set<string>>> } | undefined;

  const look = async (round: number) => {
    const vectors = new Map<string, Set<string>>();
    for (const name of await listed(round)) {
      const [of, node = "", sha256 = ""] = name.slice(name.lastIndexOf("/") + 1).split(".");
      if (Number(of) === round) vectors.set(node, (vectors.get(node) ?? new Set()).add(sha256));
    }
    return vectors;
  };
  const ofRound = (round: number) => {
    if (latest?.round === round) return latest.vectors;
    const vectors = look(round);
    const asked = { round, vectors };
    latest = asked;
    vectors.catch(() => {
      if (latest === asked) latest = undefined; // whoever asks next looks anew
    });
    return vectors;
  };

  return {
    async hasOther({ round, node, sha256 }) {
      const known = (await ofRound(round)).get(node);
      return known !== undefined && (known.size > 1 || !known.has(sha256));
    },
    async add({ round, node, sha256 }) {
      const vectors = await ofRound(round);
      vectors.set(node, (vectors.get(node) ?? new Set()).add(sha256));
    },
    async remove({ round, node, sha256 }) {
      if (latest?.round !== round) return;
      const vectors = await latest.vectors;
      const known = vectors.get(node);
      if (known?.delete(sha256) && known.size === 0) vectors.delete(node);
    },
  };
}

/** Some words of a published upload. [range.length] @throws TRB_COORDINATOR_UPLOAD_LOST when it has no such words */
export async function readUpload(
  objects: Pick<ObjectStore, "read">,
  upload: Upload,
  { from, length }: VectorRange,
): Promise<Uint32Array> {
  const octets = await objects.read(objectName(upload), { from: 4 * from, length: 4 * length });
  if (octets?.length === 4 * length) return wordsOf(octets);
  throw lost(upload, octets === undefined ? "gone" : "shorter");
}

/** Holds a published upload to its hash, which its node has signed. A few chunks are in memory at a time. @throws TRB_COORDINATOR_UPLOAD_LOST */
export async function checkUpload(objects: Pick<ObjectStore, "stream">, upload: Upload): Promise<void> {
  const content = await objects.stream(objectName(upload));
  if (content === undefined) throw lost(upload, "gone");
  const hash = createHash("sha256");
  for await (const chunk of content as AsyncIterable<Buffer>) hash.update(chunk);
  if (hash.digest("hex") !== upload.sha256) throw lost(upload, "altered");
}

const lost = ({ node, round }: Upload, found: string) => fail("TRB_COORDINATOR_UPLOAD_LOST", { node, round, found });

const fileName = ({ round, node, sha256 }: Upload) => `${round}.${node}.${sha256}`;
const objectName = (upload: Upload) => `${space}${fileName(upload)}`;
const roundOf = (name: string) => Number(name.slice(0, name.indexOf(".")));

/** Little-endian u32 as they stand in a file. */
export const wordsOf = vectorOf;
export const bytesOfWords = vectorOctets;

/**
 * What has arrived stays when the connection breaks off, and the rest is appended to it. Only the whole is synced: after a power cut
 * the part may be damaged, which its hash shows in the end.
 */
async function stage(part: string, sha256: Sha256, body: Readable, bytes: number, from: number): Promise<void> {
  const stored = await sizeOf(part);
  if (from !== stored) throw fail("TRB_COORDINATOR_UPLOAD_OFFSET", { offset: stored });
  const hash = createHash("sha256");
  if (from > 0) for await (const chunk of createReadStream(part)) hash.update(chunk);
  let received = from;
  const file = await codedDisk(() => open(part, "a", 0o600));
  try {
    for await (const chunk of body) {
      const octets: Buffer = chunk;
      received += octets.length;
      if (received > bytes) break;
      hash.update(octets);
      await codedDisk(() => file.writeFile(octets)); // the next octets are asked for when these are written
    }
    if (received === bytes) await codedDisk(() => file.sync());
  } finally {
    await file.close();
  }
  const genuine = received === bytes && hash.digest("hex") === sha256;
  if (!genuine && received >= bytes) await rm(part, { force: true });
  if (received !== bytes) throw fail("TRB_COORDINATOR_UPLOAD_LENGTH", { expected: bytes, actual: received });
  if (!genuine) throw fail("TRB_COORDINATOR_UPLOAD_HASH");
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 0;
    throw error;
  }
}
