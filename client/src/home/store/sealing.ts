/**
 * What lies in the store is sealed: AES-256-GCM, with a key of its own for every file, derived by HKDF-SHA-256 (RFC 5869) from the master key, the store's
 * id and what the file is. A nonce is drawn at random for each sealing; a key seals few times, so that 96 bits never repeat.
 *
 *   sealed = nonce (12 bytes) · ciphertext · tag (16 bytes)
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { z } from "zod";

const nonceLength = 12;
const tagLength = 16;
/** What sealing adds. */
export const sealLength = nonceLength + tagLength;

/** 32 bytes for one purpose in one store: for whoever holds on to them, and overwrites them. All others take `withKey`. */
export function derivedKey(master: Uint8Array, store: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", master, Buffer.from(store, "hex"), `tributary store: ${purpose}`, 32));
}

/** Does something with the key of one purpose, which is overwritten then. `use` must be done with it when it returns. */
export function withKey<Result>(master: Uint8Array, store: string, purpose: string, use: (key: Uint8Array) => Result): Result {
  const key = derivedKey(master, store, purpose);
  try {
    return use(key);
  } finally {
    key.fill(0);
  }
}

/** @param bound what the bytes are and where they belong; authenticated, not stored */
export function seal(plain: Uint8Array, key: Uint8Array, bound: Uint8Array): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(bound);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined when it was sealed with another key or for another place, cut short or changed. */
export function unseal(sealed: Uint8Array, key: Uint8Array, bound: Uint8Array): Uint8Array | undefined {
  if (sealed.length < sealLength) return undefined;
  const end = sealed.length - tagLength;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, nonceLength), { authTagLength: tagLength })
    .setAAD(bound)
    .setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(nonceLength, end));
  try {
    decipher.final();
  } catch {
    return undefined; // nothing of `plain` may be looked at
  }
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length); // a Buffer's `slice` would not copy
}

/**
 * JSON that was sealed. Undefined where it is none, or of another form: the seal says that a holder of the key wrote it, not that this version of the
 * program did.
 */
export function jsonWithin<Schema extends z.ZodType>(schema: Schema, plain: Uint8Array): z.infer<Schema> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString("utf8"));
  } catch {
    return undefined; // the parser's words would quote what was sealed
  }
  return schema.safeParse(value).data;
}

/** JSON behind its length (u32, little-endian), and what follows it. Undefined as for `jsonWithin`. */
export function headWithin<Schema extends z.ZodType>(
  schema: Schema,
  plain: Uint8Array,
): { readonly head: z.infer<Schema>; readonly rest: Uint8Array } | undefined {
  if (plain.length < 4) return undefined;
  const end = 4 + new DataView(plain.buffer, plain.byteOffset, plain.byteLength).getUint32(0, true);
  const head = end > plain.length ? undefined : jsonWithin(schema, plain.subarray(4, end));
  return head === undefined ? undefined : { head, rest: plain.subarray(end) };
}

/** The seal's last 16 bytes, by which a manifest knows this very sealing. */
export const tagOf = (sealed: Uint8Array): string => Buffer.from(sealed.subarray(sealed.length - tagLength)).toString("hex");
