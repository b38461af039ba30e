/**
 * The store's old form, one file `store/histories` with customers' ids in it, and its way into the new one.
 *
 *   "TRBSTOR1" · nonce (12 bytes) · ciphertext · tag (16 bytes), AES-256-GCM under the master key itself
 */
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { decodeHistories } from "@tributary/events";
import { reasonOf } from "../../reason.ts";
import { removeFile } from "../durable.ts";
import type { Layout } from "../layout.ts";
import { swapManifest } from "./changing.ts";
import { doorOf, throughDoor } from "./door.ts";
import { holdingManifest } from "./locks.ts";
import { unseal } from "./sealing.ts";
import { syncSegments, writeSegments } from "./segments.ts";

const magic = Buffer.from("TRBSTOR1", "ascii");

/** Killed in between, it is done again: until the new manifest is there the old file counts, and afterwards it is removed. */
export function migrateOldStore(layout: Layout): void {
  holdingManifest(layout, () => {
    if (!existsSync(layout.oldHistories)) return; // another process was quicker
    swapManifest(layout, (store) => {
      const histories = decodeHistories(unsealOld(layout, store.master));
      const { door } = store.manifest;
      const fresh = writeSegments(layout, store, throughDoor(histories, doorOf(door)), "log");
      syncSegments(layout, fresh);
      const { edition, generation } = store.manifest;
      return { edition: edition + 1, segments: fresh.map((segment) => ({ ...segment, since: generation + 1 })) };
    });
    removeFile(layout.oldHistories);
  });
}

/** @throws TRB_NODE_STORE_UNREADABLE */
function unsealOld(layout: Layout, key: Uint8Array): Uint8Array {
  let file: Buffer;
  try {
    file = readFileSync(layout.oldHistories);
  } catch (cause) {
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: reasonOf(cause) }, cause);
  }
  if (!magic.equals(file.subarray(0, magic.length)))
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "it is not a Tributary store" });
  const plain = unseal(file.subarray(magic.length), key, magic);
  if (plain === undefined) throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "the key doesn't fit, or the file was changed" });
  return plain;
}
