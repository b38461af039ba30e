/** Content-addressed contents: `blobs/<sha256>`. What is there is whole and durable, and is held to its name whenever it is read. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { fail } from "@tributary/errors";
import { type Sha256, sha256Hex } from "@tributary/protocol";
import type { ObjectStore } from "./objects.ts";

export interface Blobs {
  has(sha256: Sha256): Promise<boolean>;
  /** In octets. @throws TRB_COORDINATOR_BLOB_UNKNOWN */
  size(sha256: Sha256): Promise<number>;
  /** Durable when it settles. What is there already is written anew, which mends it if it was damaged. */
  put(content: Uint8Array): Promise<Sha256>;
  /** @throws TRB_COORDINATOR_BLOB_UNKNOWN, TRB_COORDINATOR_STORE_DAMAGED when the content is not what its name says */
  read(sha256: Sha256): Promise<Uint8Array>;
  /**
   * From an octet on, so many of them or all. The whole breaks off with TRB_COORDINATOR_STORE_DAMAGED before its end when it is not what its name says;
   * of parts nobody can tell.
   * @throws TRB_COORDINATOR_BLOB_UNKNOWN
   */
  stream(sha256: Sha256, from?: number, length?: number): Promise<Readable>;
  erase(sha256: Sha256): Promise<void>;
  list(): Promise<Sha256[]>;
}

const space = "blobs/";

export function openBlobs(objects: ObjectStore): Blobs {
  const name = (sha256: Sha256) => `${space}${sha256}`;
  return {
    has: async (sha256) => (await objects.size(name(sha256))) !== undefined,
    size: async (sha256) => known(sha256, await objects.size(name(sha256))),
    async put(content) {
      const sha256 = sha256Of(content);
      await objects.put(name(sha256), content);
      return sha256;
    },
    async read(sha256) {
      const content = known(sha256, await objects.read(name(sha256)));
      if (sha256Of(content) !== sha256) throw damaged(sha256);
      return content;
    },
    async stream(sha256, from = 0, length) {
      const stream = known(sha256, await objects.stream(name(sha256), from, length));
      return from === 0 && length === undefined ? Readable.from(checked(sha256, stream), { objectMode: false }) : stream;
    },
    erase: (sha256) => objects.erase(name(sha256)),
    list: async () => (await objects.list(space)).flatMap((one) => sha256Hex.safeParse(one.slice(space.length)).data ?? []),
  };
}

/**
 * Says whose blobs these are, once and for all: what nobody of this federation needs is swept, so two must not lie in one place.
 * @throws TRB_COORDINATOR_BLOBS_TAKEN
 */
export async function claimObjects(objects: ObjectStore, federation: string, planHash: Sha256): Promise<void> {
  const own = `${space}owner.${planHash}`;
  const owners = async () => await objects.list(`${space}owner.`);
  if ((await owners()).length === 0) await objects.put(own, new TextEncoder().encode(federation));
  if ((await owners()).some((owner) => owner !== own)) throw fail("TRB_COORDINATOR_BLOBS_TAKEN", { federation });
}

function known<Found>(sha256: Sha256, found: Found | undefined): Found {
  if (found === undefined) throw fail("TRB_COORDINATOR_BLOB_UNKNOWN", { sha256 });
  return found;
}

const damaged = (sha256: Sha256) => fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: `blob ${sha256} has other content` });

/** The last piece is held back until all of it is known to be genuine. */
async function* checked(sha256: Sha256, stream: Readable): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  let last: Buffer | undefined;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    if (last !== undefined) yield last;
    hash.update(piece);
    last = piece;
  }
  if (hash.digest("hex") !== sha256) throw damaged(sha256);
  if (last !== undefined) yield last;
}

export const sha256Of = (content: Uint8Array): Sha256 => sha256Hex.parse(createHash("sha256").update(content).digest("hex"));
