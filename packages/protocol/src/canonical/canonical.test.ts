import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { portableCrypto } from "../crypto/portable.ts";
import { canonicalBytes, hashOf } from "./canonical.ts";
import { fromHex, toHex } from "./hex.ts";

const text = (value: unknown) => new TextDecoder().decode(canonicalBytes(value));

/** The details of the refusal. */
function refusal(value: unknown): unknown {
  try {
    canonicalBytes(value);
  } catch (error) {
    if (isTributaryError(error)) return [error.code, error.details["path"]];
    throw error;
  }
  return "accepted";
}

/** JSON of the kind that signed documents hold. */
const documents = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: "binary" }), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

describe("canonical bytes", () => {
  test("sort keys by UTF-16 code units and escape as RFC 8785 §3.2.2 and §3.2.3 say", () => {
    const value = { "€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, ö: 7, string: '€$\u000F\nA\'B"\\\\"/' };
    expect(text(value)).toBe(
      '{"\\r":2,"1":4,"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    );
  });

  test("read back as the same value, whatever order its keys came in", () => {
    fc.assert(
      fc.property(documents, (value) => {
        const bytes = canonicalBytes(value);
        const again: unknown = JSON.parse(new TextDecoder().decode(bytes));
        expect(canonicalBytes(again)).toEqual(bytes);
        if (typeof value === "object" && value !== null && !Array.isArray(value)) {
          expect(canonicalBytes(Object.fromEntries(Object.entries(value).reverse()))).toEqual(bytes);
        }
      }),
    );
  });

  test("refuse what JSON parsers may read differently, and say where it stands", () => {
    expect(refusal({ a: [1, { b: 0.5 }] })).toEqual(["TRB_CANONICAL_UNSUPPORTED", "a.1.b"]);
    for (const value of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      undefined,
      1n,
      "\ud800",
      () => 1,
      Symbol("s"),
      new Date(0),
      new Uint8Array(2),
      new Map(),
    ]) {
      expect(refusal(value)).toEqual(["TRB_CANONICAL_UNSUPPORTED", "the document"]);
      expect(refusal({ inside: [value] })).toEqual(["TRB_CANONICAL_UNSUPPORTED", "inside.0"]);
    }
    expect(refusal({ "\ud800": 1 })).toEqual(["TRB_CANONICAL_UNSUPPORTED", "the document"]);
    expect(refusal({ toJSON: () => 1 })).toEqual(["TRB_CANONICAL_UNSUPPORTED", "the document"]);
    // biome-ignore lint/suspicious/noSparseArray: a hole is what must be refused
    expect(refusal([1, , 2])).toEqual(["TRB_CANONICAL_UNSUPPORTED", "1"]);
    const cycle: Record<string, unknown> = {};
    cycle["again"] = cycle;
    expect(refusal(cycle)).toMatchObject(["TRB_CANONICAL_UNSUPPORTED", expect.stringContaining("again.again")]);
  });

  test("hash to the SHA-256 of exactly these bytes", () => {
    expect(hashOf(portableCrypto(), { b: 1, a: "x" })).toBe(
      toHex(portableCrypto().sha256(new TextEncoder().encode('{"a":"x","b":1}'))),
    );
  });
});

describe("hex", () => {
  test("goes there and back", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void expect(fromHex(toHex(bytes))).toEqual(bytes)));
  });

  test("has one form", () => {
    for (const other of ["AB", "a", "0x00", "zz", " 00"]) expect(() => fromHex(other)).toThrow("not lower-case hex");
  });
});
