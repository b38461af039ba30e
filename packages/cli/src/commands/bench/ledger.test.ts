/** `bench ledger`, of a ledger of a few entries: what it prints, and that it measures a ledger that holds. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyLedger } from "@tributary/ledger";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, expect, test } from "vitest";
import { killAll, tributaryJson } from "../../../../../test/e2e/processes.ts";
import { say } from "../../said.test-support.ts";
import { writeMadeUpLedger } from "./ledger/made-up-ledger.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-bench-ledger-test-"));
afterAll(() => {
  killAll();
  rmSync(folder, { recursive: true });
});

type Measured = Readonly<Record<"seconds" | "cpuSeconds" | "peakMb", number>>;

test("the ledger that is measured verifies, signatures of nodes and all", () => {
  const file = join(folder, "made-up.jsonl");
  expect(writeMadeUpLedger(file, 5)).toBe(4 * (3 + 4)); // votes of a quorum, heads of everybody
  const verdict = verifyLedger(new Uint8Array(readFileSync(file)), { crypto: nodeCrypto() });
  expect(verdict).toMatchObject({ failures: [], verified: true, entries: 5, rounds: { released: 4 } });
});

test("prints both measurements, each taken in a process of its own, and leaves nothing", { timeout: 120_000 }, async () => {
  const figures = (await tributaryJson(["bench", "ledger", "--entries", "4"])) as Record<"coordinator" | "all", Measured>;
  const measured: Record<keyof Measured, unknown> = {
    seconds: expect.any(Number),
    cpuSeconds: expect.any(Number),
    peakMb: expect.any(Number),
  };
  expect(figures).toMatchObject({ entries: 4, nodeSignatures: 21, coordinator: measured, all: measured });
  for (const { seconds, cpuSeconds, peakMb } of [figures.coordinator, figures.all]) {
    expect(Math.min(seconds, cpuSeconds, peakMb)).toBeGreaterThan(0);
  }
});

test("a ledger that doesn't hold is not measured", async () => {
  const file = join(folder, "broken.jsonl");
  writeMadeUpLedger(file, 3);
  writeFileSync(file, readFileSync(file, "utf8").replace('"round":2', '"round":1'));
  await expect(say("bench", "ledger", "--file", file)).rejects.toMatchObject({ code: "TRB_UNEXPECTED" });
});
