/** A ledger that is read bit by bit says what one says that is read at once: whatever the bits, whoever checks the signatures, and whatever the bytes. */
import {
  checkEntryProof,
  type Failure,
  type LedgerVerdict,
  proveEntry,
  verifyLedger,
  verifyLedgerStream,
} from "@tributary/ledger";
import { signatureThreads } from "@tributary/ledger/threads";
import { fingerprintOf } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asBytes, type Draft, writeLedger } from "../../packages/ledger/src/example-ledger.ts";
import { tamperings } from "./tampering.ts";
import { crypto, federation, validDrafts, validLines } from "./valid-ledger.ts";

const seed = 20261130;
const lines = validLines();
const file = asBytes(lines);
const key = fingerprintOf(crypto, federation.plan.coordinatorKey);

/** In pieces of so many octets, in a buffer that is written over as file readers do. */
async function* cut(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let start = 0; start < bytes.length; start += size) {
    const piece = bytes.subarray(start, start + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
  }
}

const codes = (failures: readonly Failure[]) =>
  failures.map(({ entry, code, message }) => `${entry} ${code} ${message}`).sort();
const told = ({ failures, ...verdict }: LedgerVerdict) => ({ ...verdict, failures: codes(failures) });

test("wherever it is cut, the verdict is the same", async () => {
  const whole = verifyLedger(file, { crypto, key });
  for (const size of [1, 7, 1000, 4096, file.length]) {
    expect(await verifyLedgerStream(cut(file, size), { crypto, key })).toEqual(whole);
  }
});

test("signatures that are checked apart say of every tampering what they say among the rest", async () => {
  for (const { name, tamper, known } of tamperings) {
    const bytes = tamper(lines);
    const apart = await verifyLedgerStream(cut(bytes, 5000), { crypto, ...known }, signatureThreads());
    expect(told(apart), name).toEqual(told(verifyLedger(bytes, { crypto, ...known })));
  }
});

describe("of a long ledger", () => {
  const pauses = Array.from({ length: 1400 }, (_, i): Draft => {
    return { kind: "operator", action: i % 2 === 0 ? "pause" : "resume", operator: "platform", reason: "a long night" };
  });
  const long = writeLedger(federation, [...validDrafts().slice(0, 2), ...pauses]);

  test("threads find what is wrong in the middle, and nothing where nothing is", async () => {
    const threads = signatureThreads({ threads: 2 });
    try {
      expect(await verifyLedgerStream(cut(asBytes(long), 1 << 16), { crypto }, threads)).toMatchObject({
        ...{ verified: true, entries: 1402, completeness: "unproven" },
        countersigned: { entry: 0, nodes: ["shop-1", "shop-2", "shop-3", "shop-4"] },
        reaches: { entry: 1401, at: "2026-01-02T03:04:05Z", by: key },
      });
    } finally {
      await threads.close();
    }
    const forged = long.map((line, i) => (i === 700 ? line.replace(/"signature":"./, '"signature":"0') : line));
    const others = signatureThreads({ threads: 2 });
    try {
      const { failures } = await verifyLedgerStream(cut(asBytes(forged), 1 << 16), { crypto }, others);
      expect(failures[0]).toMatchObject({ entry: 700, code: "TRB_LEDGER_SIGNATURE_INVALID" });
    } finally {
      await others.close();
    }
  }, 60_000);

  test("no more than a thousand failures are told, the first ones, and all are counted", () => {
    const reversed = long.map((line, i) => (i > 100 ? line.replace(/"reason":"[^"]*"/, '"reason":"none"') : line));
    const { failures, failureCount } = verifyLedger(asBytes(reversed), { crypto });
    expect(failures.length).toBe(1000);
    expect(failureCount).toBeGreaterThan(2000); // signature and chain of each
    expect(failures[0]?.entry).toBe(101);
  });
});

test("a file without an end of line is no reason to hold it all", async () => {
  const piece = new Uint8Array(1 << 20).fill(0x61);
  async function* endless() {
    yield* cut(file, 4096);
    for (let i = 0; i < 80; i++) yield piece;
  }
  const { failures } = await verifyLedgerStream(endless(), { crypto });
  expect(failures.map(({ entry, code }) => `${entry} ${code}`)).toEqual([
    "12 TRB_LEDGER_LINE_INVALID",
    "12 TRB_LEDGER_UNTERMINATED",
  ]);
});

test("whatever bytes are changed, cut out, or put in: a coded finding, never a crash, never verified", () => {
  const change = fc.record({
    at: fc.nat(file.length - 1),
    out: fc.nat(300),
    put: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(file.subarray(0, 500)), fc.constant(new Uint8Array([0x0a]))),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const bytes = changes.reduce<Uint8Array>((before, { at, out, put }) => {
        return Buffer.concat([before.subarray(0, at), put, before.subarray(at + out)]);
      }, file);
      const { verified, failures } = verifyLedger(bytes, { crypto });
      if (Buffer.compare(bytes, file) === 0) return expect(verified).toBe(true);
      // what is cut off at the end of an entry is no failure of what is left
      const isBeginning = bytes.length < file.length && Buffer.compare(bytes, file.subarray(0, bytes.length)) === 0;
      if (isBeginning && bytes.at(-1) === 0x0a) return;
      expect(verified).toBe(false);
      for (const { code } of failures) expect(code).toMatch(/^TRB_LEDGER_/);
    }),
    { seed, numRuns: 250 },
  );
}, 60_000);

test("any bytes at all are no ledger", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(verifyLedger(bytes, { crypto }).verified).toBe(false);
    }),
    { seed, numRuns: 200 },
  );
});

test("every entry can be proved, by the tree that the last one signs, and no other line in its place", async () => {
  for (let entry = 0; entry < lines.length; entry++) {
    const proof = await proveEntry(crypto, cut(file, 999), entry);
    const last = entry === lines.length - 1;
    expect(checkEntryProof(crypto, proof, { key })).toMatchObject({
      ...{ included: true, trust: "pinned", index: entry, size: last ? 12 : 11, root: last ? "nothing" : "signed" },
    });
    const forged = { ...proof, line: lines[(entry + 1) % lines.length] };
    expect(checkEntryProof(crypto, forged).included).toBe(false);
    expect(checkEntryProof(crypto, { ...proof, root: "00".repeat(32) }).included).toBe(false);
    expect(checkEntryProof(crypto, proof, { root: proof.root }).root).toBe("known");
    expect(checkEntryProof(crypto, proof, { root: "00".repeat(32) }).included).toBe(false);
    expect(checkEntryProof(crypto, proof, { key: "00".repeat(32) }).included).toBe(false);
  }
  const early = await proveEntry(crypto, cut(file, 999), 1, 4);
  expect(checkEntryProof(crypto, early)).toMatchObject({ included: true, size: 4, root: "signed", trust: "unpinned" });
  expect(checkEntryProof(crypto, { ...early, signedBy: lines[5] }).included).toBe(false);
  for (const [entry, size] of [
    [12, undefined],
    [3, 3],
    [3, 13],
  ] as const) {
    await expect(proveEntry(crypto, cut(file, 999), entry, size)).rejects.toMatchObject({
      code: "TRB_LEDGER_PROOF_IMPOSSIBLE",
    });
  }
  expect(() => checkEntryProof(crypto, {})).toThrow(expect.objectContaining({ code: "TRB_LEDGER_PROOF_INVALID" }));
});
