/**
 * Canonical bytes: the one byte string that a document is signed and hashed as. RFC 8785 (JSON Canonicalization Scheme)
 * by the `canonicalize` library, over a narrower set of values: objects, arrays, strings, booleans, null and integers below
 * 2⁵³. Anything on which two languages or two JSON parsers could differ is refused before it is written.
 */
import { fail } from "@tributary/errors";
import canonicalize from "canonicalize";
import type { Crypto } from "../crypto/crypto.ts";
import type { Sha256 } from "../identifiers.ts";
import { toHex } from "./hex.ts";

/** Deeper documents than this are nobody's; the bound also ends the walk through a cycle. */
const maxDepth = 64;

const encoder = new TextEncoder();

/**
 * UTF-8 of the value's RFC 8785 form.
 * @throws TRB_CANONICAL_UNSUPPORTED with the path of the offending value: a fraction, NaN, an infinity, an integer of 2⁵³ or
 *   more, undefined, a lone surrogate, a typed array, an instance of a class, or a document nested deeper than 64
 */
export function canonicalBytes(value: unknown): Uint8Array {
  admit(value, [], 0);
  const text = canonicalize(value);
  if (text === undefined) throw fail("TRB_CANONICAL_UNSUPPORTED", { path: "the document", reason: "not a JSON value" });
  return encoder.encode(text);
}

/** SHA-256 of the canonical bytes, in lower-case hex. @throws TRB_CANONICAL_UNSUPPORTED */
export function hashOf(crypto: Pick<Crypto, "sha256">, value: unknown): Sha256 {
  return toHex(crypto.sha256(canonicalBytes(value))) as Sha256;
}

function admit(value: unknown, path: readonly (string | number)[], depth: number): void {
  if (depth > maxDepth) throw refusal(path, `nested deeper than ${maxDepth}`);
  switch (typeof value) {
    case "boolean":
      return;
    case "string":
      if (!value.isWellFormed()) throw refusal(path, "a lone surrogate");
      return;
    case "number":
      if (!Number.isSafeInteger(value)) throw refusal(path, "a number that is not an integer below 2^53");
      return;
    case "object":
      if (value === null) return;
      if (Array.isArray(value)) {
        // by index, because a hole would read as undefined
        for (let i = 0; i < value.length; i++) admit(value[i], [...path, i], depth + 1);
        return;
      }
      admitObject(value, path, depth);
      return;
    default:
      throw refusal(path, `a value of type ${typeof value}`);
  }
}

function admitObject(value: object, path: readonly (string | number)[], depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refusal(path, "an instance of a class");
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed()) throw refusal(path, "a key with a lone surrogate");
    if (name === "toJSON" && typeof member === "function") throw refusal(path, "an object with toJSON");
    admit(member, [...path, name], depth + 1);
  }
}

function refusal(path: readonly (string | number)[], reason: string) {
  return fail("TRB_CANONICAL_UNSUPPORTED", { path: path.length === 0 ? "the document" : path.join("."), reason });
}
