/**
 * `ledger verify` and `ledger statement` of a file that is larger than what they may keep: with 64 MB of heap, of 300 MB of ledger (`pnpm test:long`; 3 MB in `pnpm test`,
 * where it is the same commands under the same limit).
 */
import { statSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { killAll, temporaryFolder, tributaryJson } from "../e2e/processes.ts";
import { writeLongLedger } from "./long-file.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
const rounds = long ? 5_800 : 60;
const folder = temporaryFolder("long-ledger");
const file = folder.file("ledger.jsonl");

afterAll(() => {
  killAll();
  folder.remove();
});

test("a long ledger is verified, and stated, with a heap that it would not fit in", async () => {
  const { key, head, entries } = writeLongLedger(file, rounds);
  expect(statSync(file).size).toBeGreaterThan(long ? 300e6 : 3e6);
  const known = [file, "--key", key, "--head", head];
  const limited = { env: { NODE_OPTIONS: "--max-old-space-size=64" } };
  const verdict = await tributaryJson(["ledger", "verify", ...known], limited);
  expect(verdict).toMatchObject({ fullyVerified: true, completeness: "proven", entries, rounds: { released: rounds } });
  const stated = await tributaryJson(["ledger", "statement", ...known], limited);
  expect(stated).toMatchObject({
    epsilon: verdict["epsilon"],
    ledgers: [{ statement: { releases: [{ released: rounds }], verification: { fullyVerified: true, entries } } }],
  });
}, 1_200_000);
