/**
 * Messages that no honest party sends, each with the codes that it may be refused with: wrong in form (truncated, oversized, of another
 * type, deep, binary), or well-formed and wrong in what they say (round, plan, sender, signature, step).
 */
import type { Message } from "@tributary/protocol";
import fc from "fast-check";

export interface Malformed {
  readonly kind: string;
  readonly payload: unknown;
  readonly codes: readonly string[];
}

/** The messages that a fuzz starts from, and who signs. */
export interface Ground {
  /** Well-formed, of the round under way. */
  readonly base: Message;
  /** The base with other header fields or body, signed again by its sender. */
  readonly sign: (changes: Readonly<Record<string, unknown>>) => unknown;
  /** Well-formed and signed, at the wrong time or by the wrong side, with what they are refused with. */
  readonly misplaced: readonly { readonly payload: unknown; readonly codes: readonly string[] }[];
  /** What another sender's name is refused with. */
  readonly otherSender: string;
}

const invalid = ["TRB_MESSAGE_INVALID"];
const tooLarge = ["TRB_MESSAGE_TOO_LARGE"];
const header = ["version", "federation", "planHash", "modelHash", "round", "sender", "step", "body", "signature"] as const;
const hexFields = ["planHash", "modelHash", "signature"] as const;

export function malformed({ base, sign, misplaced, otherSender }: Ground): fc.Arbitrary<Malformed> {
  const form = (kind: string, payload: fc.Arbitrary<unknown>, codes = invalid) => ({
    weight: 4,
    arbitrary: payload.map((one): Malformed => ({ kind, payload: one, codes })),
  });
  const rare = (kind: string, payload: fc.Arbitrary<unknown>) => ({ ...form(kind, payload, tooLarge), weight: 1 });
  const says = (kind: string, changes: fc.Arbitrary<Readonly<Record<string, unknown>>>, code: string) =>
    form(kind, changes.map(sign), [code]);
  const field = fc.constantFrom(...header);
  const otherHash = fc.constantFrom(...hexDigits).map((digit) => digit.repeat(64));
  const body = base.body as Readonly<Record<string, unknown>>;
  const withBody = (more: object) => ({ ...base, body: { ...body, ...more } });

  return fc.oneof(
    form("no message", fc.oneof(fc.jsonValue(), fc.string(), fc.integer(), fc.constantFrom(null, true, [], {}))),
    form(
      "a field less",
      field.map((name) => Object.fromEntries(Object.entries(base).filter(([key]) => key !== name))),
    ),
    form(
      "an unknown field",
      fc
        .tuple(fc.constantFrom("__proto__", "constructor", "toString", "extra", "Version", ""), fc.boolean(), fc.jsonValue())
        .map(([key, inBody, value]) => (inBody ? { ...base, body: withOwn(body, key, value) } : withOwn(base, key, value))),
    ),
    form(
      "a field of another type",
      fc.tuple(field, fc.constantFrom<unknown>(null, true, [], {}, [[]], -7.5, { length: 3 })).map(([name, value]) => ({
        ...base,
        [name]: value,
      })),
    ),
    form(
      "a number that counts nothing",
      fc.constantFrom(Number.NaN, -1, 0, 0.5, 1e300, -(2 ** 53), 2 ** 60, "1").map((round) => ({ ...base, round })),
    ),
    form(
      "hex that is none",
      fc
        .tuple(fc.constantFrom(...hexFields), fc.constantFrom("A", "g", " ", "\u0000", "é"), fc.nat(60))
        .map(([name, letter, at]) => ({ ...base, [name]: `${base[name].slice(0, at)}${letter}${base[name].slice(at + 1)}` })),
    ),
    form(
      "a field that was cut off",
      fc.tuple(fc.constantFrom(...hexFields), fc.nat(63)).map(([name, at]) => ({ ...base, [name]: base[name].slice(0, at) })),
    ),
    form(
      "octets where text is expected",
      fc
        .tuple(fc.constantFrom(...header, "inside"), fc.uint8Array({ maxLength: 64, size: "max" }))
        .map(([name, octets]) =>
          name === "inside" ? withBody({ h1: Buffer.from(octets) }) : { ...base, [name]: Buffer.from(octets) },
        ),
    ),
    {
      ...form(
        "many octets",
        fc.integer({ min: 10_000, max: 1_000_000 }).map((length) => withBody({ h1: Buffer.alloc(length) })),
      ),
      weight: 1,
    },
    rare(
      "a huge text",
      fc
        .tuple(field, fc.integer({ min: 4097, max: 400_000 }))
        .map(([name, length]) => ({ ...base, [name]: "a".repeat(length) })),
    ),
    rare(
      "deep nesting",
      fc.integer({ min: 20, max: 1500 }).map((levels) => {
        let value: unknown = 0;
        for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { h1: value };
        return withBody({ h1: value });
      }),
    ),
    rare(
      "too many members",
      fc.integer({ min: 65, max: 40_000 }).map((length) => withBody({ survivors: new Array(length).fill(0) })),
    ),
    rare(
      "too many fields",
      fc
        .integer({ min: 33, max: 3000 })
        .map((length) => withBody(Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, 0])))),
    ),
    form(
      "a version that is none",
      fc.constantFrom("1", "01.0", "1.0.0", "", "one", "1.0 ", "99999.0").map((version) => ({ ...base, version })),
    ),
    form(
      "a version that isn't spoken here",
      fc.constantFrom("0.9", "2.0", "1.1", "1.9999", "9999.0").map((version) => ({ ...base, version, news: "of the future" })),
      ["TRB_ROUND_VERSION_UNKNOWN"],
    ),
    form(
      "a signature of something else",
      fc.nat(127).map((at) => {
        const digit = base.signature[at] === "0" ? "1" : "0";
        return { ...base, signature: `${base.signature.slice(0, at)}${digit}${base.signature.slice(at + 1)}` };
      }),
      ["TRB_ROUND_SIGNATURE_INVALID"],
    ),
    says(
      "another round",
      fc
        .integer({ min: 1, max: 2 ** 31 })
        .filter((round) => round !== base.round)
        .map((round) => ({ round })),
      "TRB_ROUND_NOT_CURRENT",
    ),
    says(
      "another plan",
      otherHash.map((planHash) => ({ planHash })),
      "TRB_ROUND_PLAN_MISMATCHED",
    ),
    says(
      "another model",
      otherHash.map((modelHash) => ({ modelHash })),
      "TRB_ROUND_MODEL_MISMATCHED",
    ),
    says(
      "another federation",
      fc.constantFrom("other", "a", "0").map((federation) => ({ federation })),
      "TRB_ROUND_WRONG_FEDERATION",
    ),
    says(
      "another sender",
      fc.constantFrom("somebody", "x").map((sender) => ({ sender })),
      otherSender,
    ),
    { weight: 6, arbitrary: fc.constantFrom(...misplaced).map((one): Malformed => ({ kind: "out of place", ...one })) },
  );
}

const hexDigits = [..."0123456789abcdef"];

/** With an own property of that name, whatever the name. */
function withOwn(object: object, key: string, value: unknown): object {
  const copy = { ...object };
  Object.defineProperty(copy, key, { value, enumerable: true });
  return copy;
}

/** How many messages, and from which seed: `pnpm test:long` and the environment say otherwise. */
export function extent(short: number): { readonly numRuns: number; readonly seed: number } {
  const numRuns = process.env["TRIBUTARY_LONG"] === "1" ? 20 * short : short;
  return { numRuns, seed: Number(process.env["TRIBUTARY_FUZZ_SEED"] ?? 1) };
}

/** The most that memory may grow by while all of them come, in bytes. */
export const mostGrowth = 256 * 1024 * 1024;
