import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeMadeUpLog } from "./ingest/made-up-log.ts";
import { measureIngest } from "./ingest/measure.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-bench-ingest-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("the made-up log is the same from the same seed, and has the faults that it says", () => {
  const texts = [1, 1, 2].map((seed, place) => {
    const { path } = writeMadeUpLog(join(folder, `log-${place}.csv`), 20_000, seed);
    return readFileSync(path, "utf8");
  });
  expect(texts[0] === texts[1]).toBe(true);
  expect(texts[0] === texts[2]).toBe(false);
  const [header, ...rows] = (texts[0] ?? "").trimEnd().split("\n");
  expect(header).toBe("customer,item,action,timestamp");
  expect(rows).toHaveLength(20_000);
  const count = (of: (row: string, place: number) => boolean) => rows.filter(of).length;
  // shares of 1 %, 0.5 % and 0.2 %; the bounds are six standard deviations away, and the seed is fixed
  expect(Math.abs(count((row, place) => row === rows[place - 1]) - 200)).toBeLessThan(6 * Math.sqrt(200));
  expect(Math.abs(count((row) => row.includes("sku-unknown")) - 100)).toBeLessThan(6 * Math.sqrt(100));
  expect(Math.abs(count((row) => row.startsWith(",")) - 40)).toBeLessThan(6 * Math.sqrt(40));
});

test("both are measured in processes of their own, and every row is accounted for", { timeout: 120_000 }, async () => {
  const shown: string[] = [];
  const progress = { show: (what: string) => shown.push(what), end: () => {} };
  const figures = await measureIngest({ events: 3_000, runs: 1, seed: 1 }, folder, progress);
  expect(figures.store.kept + figures.store.dropped).toBe(3_000);
  expect(figures.store.dropped).toBeGreaterThan(20);
  for (const { eventsPerSecond, seconds, cpuSeconds, peakMb } of [figures.store, figures.duckdb]) {
    expect(eventsPerSecond * seconds).toBeCloseTo(3_000);
    expect(cpuSeconds).toBeGreaterThan(0);
    expect(peakMb).toBeGreaterThan(50);
  }
  expect([figures.peakMb, figures.ratio]).toEqual([figures.store.peakMb, figures.store.seconds / figures.duckdb.seconds]);
  expect(shown.at(-1)).toBe("bench ingest: import");
});
