/**
 * Ed25519 by a browser's own cryptography (WebCrypto: `crypto.subtle`), some fifty times faster than in JavaScript and on threads of the browser's. It answers later, so it
 * is no `Crypto`: it is for many signatures at once, as of a ledger. It accepts what `portable.ts` accepts and nothing else (`web.test.ts`).
 * Exported as `@tributary/protocol/web-crypto`, apart from the index. Source: W3C Web Cryptography Level 2, §"Ed25519".
 */
import { fromHex } from "../canonical/hex.ts";

export { portableVerify } from "./portable.ts";

import { hasSmallOrder, mayVerify } from "./strict.ts";

/** `Crypto.verify`, answered later. False for anything that is not a strictly valid signature. */
export type VerifyLater = (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) => Promise<boolean>;

/** What is used of `crypto.subtle`. */
export interface SubtleEd25519<Key> {
  importKey(
    format: "raw",
    bytes: Uint8Array<ArrayBuffer>,
    algorithm: "Ed25519",
    extractable: boolean,
    usages: ["verify"],
  ): Promise<Key>;
  verify(
    algorithm: "Ed25519",
    key: Key,
    signature: Uint8Array<ArrayBuffer>,
    message: Uint8Array<ArrayBuffer>,
  ): Promise<boolean>;
}

/** Keys that were asked for last are kept: a roster's are asked for in every entry. */
const mostKeys = 1024;

/**
 * @param subtle undefined in a page that came by HTTP from another machine
 * @param otherwise answers what the browser refuses to answer, as for a key that is no point of the curve
 * @returns undefined where the browser has no Ed25519, or one that gets a vector of RFC 8032 wrong
 */
export async function webVerify<Key>(
  subtle: SubtleEd25519<Key> | undefined,
  otherwise: VerifyLater,
): Promise<VerifyLater | undefined> {
  if (subtle === undefined || !(await isSound(subtle))) return undefined;
  const keys = new Map<string, Promise<Key>>();
  const keyOf = (bytes: Uint8Array): Promise<Key> => {
    const name = String.fromCharCode(...bytes);
    const known = keys.get(name);
    if (known !== undefined) return known;
    const key = subtle.importKey("raw", Uint8Array.from(bytes), "Ed25519", false, ["verify"]);
    if (keys.size === mostKeys) keys.delete(keys.keys().next().value ?? name);
    keys.set(name, key);
    return key;
  };

  return async (signature, message, publicKey) => {
    if (!mayVerify(signature, publicKey)) return false;
    // the W3C's text has browsers refuse such an R, RFC 8032 doesn't, and not all do: nobody signs so who signs by the rules
    if (hasSmallOrder(signature.subarray(0, 32))) return otherwise(signature, message, publicKey);
    try {
      return await subtle.verify("Ed25519", await keyOf(publicKey), Uint8Array.from(signature), Uint8Array.from(message));
    } catch (_) {
      // some browsers throw for a key that is no point where others say false: the slow way says it the same everywhere
      return otherwise(signature, message, publicKey);
    }
  };
}

/** RFC 8032 §7.1, test 2. */
const vector = {
  key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  message: "72",
  signature:
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
};

/** Whether it accepts what is valid and refuses the same of another message. */
async function isSound<Key>(subtle: SubtleEd25519<Key>): Promise<boolean> {
  const [signature, message] = [Uint8Array.from(fromHex(vector.signature)), Uint8Array.from(fromHex(vector.message))];
  try {
    const key = await subtle.importKey("raw", Uint8Array.from(fromHex(vector.key)), "Ed25519", false, ["verify"]);
    const accepts = await subtle.verify("Ed25519", key, signature, message);
    return accepts && !(await subtle.verify("Ed25519", key, signature, Uint8Array.of(0x73)));
  } catch (_) {
    // NotSupportedError: a browser from before 2025
    return false;
  }
}
