/**
 * Whole federations under faults and lies, one from each seed (`simulate-faults.ts` says how and in which order to read). `pnpm test` runs 200
 * seeds, `pnpm test:long` 2,000, and `pnpm simulate:faults` as many as one likes.
 */
import { expect, test } from "vitest";
import { replayCommand, searchSeeds } from "./search.ts";

const seeds = process.env["TRIBUTARY_LONG"] === "1" ? 2000 : 200;

test(
  `nothing leaks, is said twice, counted twice or forgotten (seeds 0 to ${seeds - 1})`,
  async () => {
    const { findings, figures, refusals } = await searchSeeds({ from: 0, seeds });
    expect(findings.map(({ seed, finding }) => `${finding} (${replayCommand(seed)})`)).toEqual([]);
    // a search that gets nowhere finds nothing: sums come off, charges come back, processes die, lies are told and refused
    expect(figures["sums"]).toBeGreaterThan(seeds);
    expect(figures["refunds"]).toBeGreaterThan(0);
    expect(figures["promotions"]).toBeGreaterThan(0);
    expect(figures["rollbacks"]).toBeGreaterThan(0);
    for (const change of ["admitted", "revoked", "rotated"]) expect(figures[change]).toBeGreaterThan(0);
    expect(figures["crashes"]).toBeGreaterThan(seeds);
    expect(figures["dropped"]).toBeGreaterThan(seeds);
    expect(Object.keys(refusals).length).toBeGreaterThan(35);
  },
  seeds * 2_000,
);

test("a seed happens in one way only", async () => {
  for (const seed of [3, 4]) {
    const traces: string[][] = [[], []];
    for (const trace of traces) await searchSeeds({ from: seed, seeds: 1, threads: 1, trace: (line) => trace.push(line) });
    expect(traces[0]?.length).toBeGreaterThan(100);
    expect(traces[1]).toEqual(traces[0]);
  }
});
