/**
 * The encrypted store: all customers' histories in one file, AES-256-GCM under `keys/store`, replaced as a whole.
 *
 *   "TRBSTOR1" · nonce (12 bytes, random) · ciphertext · tag (16 bytes); the first eight bytes are authenticated too.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fail } from "@tributary/errors";
import { decodeHistories, encodeHistories, type Histories } from "@tributary/events";
import { replaceFile } from "./durable.ts";
import { openStoreKey } from "./keys.ts";
import { type Layout, reasonOf } from "./layout.ts";

const magic = Buffer.from("TRBSTOR1", "ascii");
const nonceLength = 12;
const tagLength = 16;

export async function writeHistories(layout: Layout, histories: Histories): Promise<void> {
  await replaceFile(layout.histories, seal(encodeHistories(histories), openStoreKey(layout)));
}

/** @throws TRB_NODE_NO_HISTORIES, TRB_NODE_STORE_UNREADABLE */
export function readHistories(layout: Layout): Histories {
  if (!existsSync(layout.histories)) throw fail("TRB_NODE_NO_HISTORIES", { home: layout.home });
  let sealed: Buffer;
  try {
    sealed = readFileSync(layout.histories);
  } catch (cause) {
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: reasonOf(cause) }, cause);
  }
  return decodeHistories(unseal(sealed, openStoreKey(layout)));
}

/** Changes whenever the store is replaced; undefined when there is none. */
export function storeGeneration(layout: Layout): string | undefined {
  const facts = statSync(layout.histories, { bigint: true, throwIfNoEntry: false });
  return facts === undefined ? undefined : `${facts.ino}:${facts.mtimeNs}:${facts.size}`;
}

export function seal(plain: Uint8Array, key: Uint8Array): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(magic);
  return Buffer.concat([magic, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws TRB_NODE_STORE_UNREADABLE when it was made with another key, cut short or changed */
export function unseal(sealed: Uint8Array, key: Uint8Array): Uint8Array {
  const start = magic.length + nonceLength;
  if (sealed.length < start + tagLength || !magic.equals(sealed.subarray(0, magic.length))) {
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "it is not a Tributary store" });
  }
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(magic.length, start), { authTagLength: tagLength })
    .setAAD(magic)
    .setAuthTag(sealed.subarray(sealed.length - tagLength));
  try {
    const plain = Buffer.concat([decipher.update(sealed.subarray(start, sealed.length - tagLength)), decipher.final()]);
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length); // a Buffer's `slice` would not copy
  } catch (cause) {
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "the key doesn't fit, or the file was changed" }, cause);
  }
}
