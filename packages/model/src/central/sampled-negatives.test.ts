import { seededRandom } from "@tributary/events/histories";
import { describe, expect, it } from "vitest";
import { negativeSampler } from "./sampled-negatives.ts";

const counts = [0, 1, 2, 4, 8, 16, 32, 64];

describe("sampled negatives", () => {
  it("are distinct rows in ascending order", () => {
    const sample = negativeSampler(counts, { power: 0.75, correction: 1 });
    for (let seed = 0; seed < 200; seed++) {
      const { rows } = sample(5, seededRandom(seed, "rows"));
      expect(new Set(rows).size).toBe(5);
      expect([...rows]).toEqual([...rows].sort((a, b) => a - b));
      expect(Math.min(...rows)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...rows)).toBeLessThanOrEqual(8);
    }
  });

  it.each([0, 0.5, 1])("of power %d: the first drawn is as likely as its share", (power) => {
    // seeded, so this never fails by chance; at 40,000 draws a share's standard deviation is at most 0.0025
    const sample = negativeSampler(counts, { power, correction: 1 });
    const random = seededRandom(7, "first");
    const shares = new Float64Array(counts.length);
    for (let draw = 0; draw < 40_000; draw++) {
      const row = sample(1, random).rows[0] as number;
      shares[row - 1] = (shares[row - 1] as number) + 1 / 40_000;
    }
    const weights = counts.map((count) => Math.max(1, count) ** power);
    const total = weights.reduce((a, b) => a + b, 0);
    weights.forEach((weight, row) => {
      expect(Math.abs((shares[row] as number) - weight / total)).toBeLessThan(0.0125);
    });
  });

  it("correct by the logarithm of the chance to be among the draws", () => {
    const sample = negativeSampler([1, 3], { power: 1, correction: 1 });
    const half = negativeSampler([1, 3], { power: 1, correction: 0.5 });
    const none = negativeSampler([1, 3], { power: 1, correction: 0 });
    for (let seed = 0; seed < 20; seed++) {
      const { rows, correction } = sample(1, seededRandom(seed, "correction"));
      expect(correction[0]).toBeCloseTo(Math.log(rows[0] === 1 ? 0.25 : 0.75), 6);
      expect(half(1, seededRandom(seed, "correction")).correction[0]).toBeCloseTo((correction[0] as number) / 2, 6);
      expect(none(1, seededRandom(seed, "correction")).correction[0]).toBeCloseTo(0, 12);
    }
    // both rows need at least two draws; then 1 − (1 − p)ⁿ with the same n for both
    const { correction } = sample(2, seededRandom(1, "both"));
    const n = Math.log1p(-Math.exp(correction[0] as number)) / Math.log(0.75);
    expect(n).toBeCloseTo(Math.round(n), 4);
    expect(n).toBeGreaterThan(1.5);
    expect(correction[1]).toBeCloseTo(Math.log(1 - 0.25 ** Math.round(n)), 5);
  });
});
