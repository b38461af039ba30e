import { parseLine, publishedHash, verifyLedger } from "@tributary/ledger";
import { describe, expect, test } from "vitest";
import { asBytes } from "../../packages/ledger/src/example-ledger.ts";
import { courseLines } from "./course-ledger.ts";
import { courseTamperings } from "./course-tampering.ts";
import { rosterLines } from "./roster-ledger.ts";
import { rosterTamperings } from "./roster-tampering.ts";
import { tamperings as usualTamperings } from "./tampering.ts";
import { crypto, validLines } from "./valid-ledger.ts";

const lines = validLines();
const tamperings = [...usualTamperings, ...courseTamperings, ...rosterTamperings];

test("the ledger that is tampered with holds", () => {
  const verdict = verifyLedger(asBytes(lines), { crypto });
  expect(verdict.failures).toEqual([]);
  expect(verdict).toMatchObject({ verified: true, complete: true, entries: 12, rounds: { released: 2 } });
});

test("the ledger whose entries decide what follows holds, ends early, and says which model it leaves", () => {
  const verdict = verifyLedger(asBytes(courseLines()), { crypto });
  expect(verdict.failures).toEqual([]);
  expect(verdict).toMatchObject({
    verified: true,
    complete: true,
    entries: 14,
    modelHash: "36".repeat(32),
    rounds: { released: 9 },
  });
});

test("the ledger whose roster changes holds", () => {
  const verdict = verifyLedger(asBytes(rosterLines()), { crypto });
  expect(verdict.failures).toEqual([]);
  expect(verdict).toMatchObject({ verified: true, complete: true, entries: 11, rounds: { released: 4, abortedRefunded: 1 } });
});

test("what is published is promoted, and what training went back from isn't", () => {
  const entries = courseLines().map(parseLine);
  expect(publishedHash(entries)).toBe("34".repeat(32));
  const unpromoted = entries.filter(({ kind }) => kind !== "promotion");
  expect(publishedHash(unpromoted.slice(0, 6))).toBe("34".repeat(32)); // up to the way back
  expect(publishedHash(unpromoted)).toBe("36".repeat(32));
});

test("the list is as long as it should be, and names each once", () => {
  expect(new Set(tamperings.map(({ name }) => name)).size).toBe(tamperings.length);
  expect(tamperings.length).toBeGreaterThanOrEqual(60);
  expect(tamperings.filter(({ python }) => python).length).toBeGreaterThanOrEqual(30);
});

describe("is found, at its entry and by its rule:", () => {
  test.each(tamperings.map((tampering) => [tampering.name, tampering] as const))("%s", (_, { tamper, entry, code, known }) => {
    const { verified, fullyVerified, failures } = verifyLedger(tamper(lines), { crypto, ...known });
    expect([verified, fullyVerified]).toEqual([false, false]);
    expect(failures[0]?.entry).toBe(entry);
    expect(failures.filter((failure) => failure.entry === entry).map((failure) => failure.code)).toContain(code);
  });
});
