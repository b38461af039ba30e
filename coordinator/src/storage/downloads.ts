/**
 * Blobs on their way to nodes. The newest model is asked for by everybody at once, so what is not too large is read and checked once and kept in memory, the
 * least recently asked for giving way; the rest comes as streams from where it lies.
 */
import type { Readable } from "node:stream";
import type { Sha256 } from "@tributary/protocol";
import type { Blobs } from "./blobs.ts";

interface Download {
  /** Of the whole, in octets. */
  readonly size: number;
  /** Some of its octets, from the first on or from another. */
  body(from: number, length: number): Promise<Buffer | Readable>;
}

export interface Downloads {
  /** @throws TRB_COORDINATOR_BLOB_UNKNOWN, TRB_COORDINATOR_STORE_DAMAGED */
  find(sha256: Sha256): Promise<Download>;
}

/** @param room octets that are kept in memory at most */
export function openDownloads(blobs: Blobs, room = 64 * 2 ** 20): Downloads {
  /** In the order in which they were asked for, latest last. */
  const kept = new Map<Sha256, Promise<Buffer>>();
  const sizes = new Map<Sha256, number>();
  let used = 0;

  const drop = (sha256: Sha256) => {
    if (!kept.delete(sha256)) return;
    used -= sizes.get(sha256) ?? 0;
    sizes.delete(sha256);
  };
  const keep = (sha256: Sha256, size: number): Promise<Buffer> => {
    const reading = blobs.read(sha256).then(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length));
    kept.set(sha256, reading);
    sizes.set(sha256, size);
    used += size;
    for (const oldest of kept.keys()) if (used > room) drop(oldest);
    reading.catch(() => drop(sha256)); // whoever asks next tries anew
    return reading;
  };
  const inMemory = (content: Buffer): Download => ({
    size: content.length,
    body: async (from, length) => content.subarray(from, from + length),
  });

  return {
    async find(sha256) {
      const found = kept.get(sha256);
      if (found !== undefined) {
        kept.delete(sha256);
        kept.set(sha256, found);
        return inMemory(await found);
      }
      const size = await blobs.size(sha256);
      if (size <= room) return inMemory(await (kept.get(sha256) ?? keep(sha256, size)));
      const whole = (from: number, length: number) => from === 0 && length === size;
      return {
        size,
        body: (from, length) => (whole(from, length) ? blobs.stream(sha256) : blobs.stream(sha256, from, length)),
      };
    },
  };
}
