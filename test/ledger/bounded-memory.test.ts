/**
 * `ledger verify` and `ledger statement` of a file that is larger than what they may keep. `pnpm test` runs both on 3 MB; `pnpm test:long` on 300 MB as well, for which the peak of the
 * memory (resident, all threads, what V8's limits don't count included) may grow by a third of the file at most: what reads it whole grows by all of it.
 */
import { statSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { killAll, temporaryFolder, tributary } from "../e2e/processes.ts";
import { writeLongLedger } from "./long-file.ts";

const folder = temporaryFolder("long-ledger");
afterAll(() => {
  killAll();
  folder.remove();
});

/** A heap of 64 MB in each thread, and the peak told on stderr at the end. */
const limited = {
  NODE_OPTIONS: [
    ...["--max-old-space-size=64", "--max-semi-space-size=2"],
    "--import=data:text/javascript,process.once('exit',()=>process._rawDebug('peak',process.resourceUsage().maxRSS))",
  ].join(" "),
};

/** What a command prints, and the most memory that it had, in octets. */
async function limitedRun(...words: readonly string[]) {
  const { exitCode, stdout, stderr } = await tributary(["ledger", ...words, "--json"], { env: limited });
  expect(exitCode, stderr).toBe(0);
  return { said: JSON.parse(stdout) as Record<string, unknown>, peak: 1024 * Number(/peak (\d+)/.exec(stderr)?.[1]) };
}

async function verifiedAndStated(rounds: number) {
  const file = folder.file(`${rounds}.jsonl`);
  const { key, head, entries } = writeLongLedger(file, rounds);
  const known = [file, "--key", key, "--head", head];
  const verified = await limitedRun("verify", ...known);
  expect(verified.said).toMatchObject({ fullyVerified: true, completeness: "proven", entries, rounds: { released: rounds } });
  const stated = await limitedRun("statement", ...known);
  expect(stated.said).toMatchObject({
    epsilon: verified.said["epsilon"],
    ledgers: [{ statement: { releases: [{ released: rounds }], verification: { fullyVerified: true, entries } } }],
  });
  return { size: statSync(file).size, peaks: [verified.peak, stated.peak] as const };
}

test("a ledger is verified, and stated, in memory that doesn't grow with it", async () => {
  const small = await verifiedAndStated(60);
  expect(small.size).toBeGreaterThan(3e6);
  for (const peak of small.peaks) expect(peak).toBeGreaterThan(50e6);
  if (process.env["TRIBUTARY_LONG"] !== "1") return;
  const large = await verifiedAndStated(5_800);
  expect(large.size).toBeGreaterThan(300e6);
  console.log(`peaks of ${small.size} octets ${small.peaks.join(", ")}, of ${large.size} ${large.peaks.join(", ")}`);
  for (const [place, peak] of large.peaks.entries()) expect(peak - (small.peaks[place] ?? 0)).toBeLessThan(large.size / 3);
}, 1_800_000);
