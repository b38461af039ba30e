/** Content-addressed files: `blobs/<sha256>`. What is there is whole, synced, and hashes to its name. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { type Sha256, sha256Hex } from "@tributary/protocol";
import { writeDurably } from "../home/layout.ts";

export interface Blobs {
  path(sha256: Sha256): string;
  has(sha256: Sha256): boolean;
  /** Durable when it returns; writing what is there already does nothing. */
  put(content: Uint8Array): Sha256;
  /** @throws TRB_COORDINATOR_BLOB_UNKNOWN, TRB_COORDINATOR_STORE_DAMAGED when the content is not what its name says */
  read(sha256: Sha256): Uint8Array;
  erase(sha256: Sha256): void;
  list(): Sha256[];
}

export function openBlobs(folder: string): Blobs {
  const path = (sha256: Sha256) => join(folder, sha256);
  return {
    path,
    has: (sha256) => existsSync(path(sha256)),
    put(content) {
      const sha256 = sha256Of(content);
      if (!existsSync(path(sha256))) writeDurably(path(sha256), content);
      return sha256;
    },
    read(sha256) {
      if (!existsSync(path(sha256))) throw fail("TRB_COORDINATOR_BLOB_UNKNOWN", { sha256 });
      const content = readFileSync(path(sha256));
      if (sha256Of(content) !== sha256)
        throw fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: `blob ${sha256} has other content` });
      return new Uint8Array(content.buffer, content.byteOffset, content.length);
    },
    erase: (sha256) => rmSync(path(sha256), { force: true }),
    list: () => readdirSync(folder).flatMap((name) => sha256Hex.safeParse(name).data ?? []),
  };
}

export const sha256Of = (content: Uint8Array): Sha256 => sha256Hex.parse(createHash("sha256").update(content).digest("hex"));
