/**
 * The door of the store: customers' ids stay outside, pseudonyms go in. Whoever asks for a customer, tells of one or forgets one goes through it.
 *
 *   p₀ = HMAC-SHA-256(k₀, id),  pᵢ₊₁ = HMAC-SHA-256(kᵢ₊₁, pᵢ)      each cut to 128 bits, as 32 hexadecimal digits
 *
 * k₀ comes from the master key, so that a store that was lost and is imported again has the same pseudonyms. Each rotation adds a random key: ids are not
 * in the store, so the new key goes on top of what stands there, and an id takes all of them one after the other. HMAC: RFC 2104.
 */
import { hash, randomBytes } from "node:crypto";
import { type Histories, renameCustomers } from "@tributary/events";
import { derivedKey } from "./sealing.ts";

/** Keys in the order in which they are applied, each 64 hexadecimal digits. */
export type DoorKeys = readonly string[];

/** Of an id, or of a pseudonym that has passed the door's earlier keys. */
export type Door = (id: string) => string;

const noStore = "00".repeat(16);

export const firstDoorKeys = (master: Uint8Array): DoorKeys => [
  Buffer.from(derivedKey(master, noStore, "pseudonyms")).toString("hex"),
];

export const newDoorKey = (): string => randomBytes(32).toString("hex");

/** @param passed how many of the keys have been applied already */
export function doorOf(keys: DoorKeys, passed = 0): Door {
  const steps = keys.slice(passed).map((key) => hmac(Buffer.from(key, "hex")));
  return (id) => steps.reduce((name, step) => step(name), id);
}

/** The same customers under their pseudonyms. */
export const throughDoor = (histories: Histories, door: Door): Histories =>
  renameCustomers(histories, histories.customers.map(door));

/** One key's HMAC, by one-shot hashes over prepared blocks: a log has millions of ids, and `createHmac` takes twice as long. */
function hmac(key: Uint8Array): (text: string) => string {
  const block = 64;
  const inner = Buffer.alloc(block + 1024);
  const outer = Buffer.alloc(block + 32);
  for (let place = 0; place < block; place++) {
    inner[place] = (key[place] ?? 0) ^ 0x36;
    outer[place] = (key[place] ?? 0) ^ 0x5c;
  }
  return (text) => {
    const length = Buffer.byteLength(text, "utf8");
    const message = block + length <= inner.length ? inner : Buffer.concat([inner.subarray(0, block), Buffer.alloc(length)]);
    message.write(text, block, "utf8");
    hash("sha256", message.subarray(0, block + length), "buffer").copy(outer, block);
    message.fill(0, block, block + length);
    return hash("sha256", outer, "hex").slice(0, 32);
  };
}
