import { seededRandom } from "@tributary/events";
import { describe, expect, it } from "vitest";
import { draw, exponential, gamma, lognormal, normal, weighted, zipf } from "./distributions.ts";

const count = 40_000;

/** Mean of `count` draws and its distance, in standard errors, from what it should be. Seeds are fixed; 7 is a false-alarm rate of 3e-12. */
function standardErrors(
  sample: (random: ReturnType<typeof seededRandom>) => number,
  mean: number,
  variance: number,
  seed: string,
): number {
  const random = seededRandom(1, seed);
  let sum = 0;
  for (let i = 0; i < count; i++) sum += sample(random);
  return Math.abs(sum / count - mean) / Math.sqrt(variance / count);
}

describe("the market's distributions (fixed seeds, 7 standard errors)", () => {
  it.each([0.3, 0.8, 1, 2.7])("gamma of shape %d has its mean and its second moment", (shape) => {
    expect(standardErrors((random) => gamma(shape, random), shape, shape, `gamma ${shape}`)).toBeLessThan(7);
    const [second, fourth] = [shape * (shape + 1), shape * (shape + 1) * (shape + 2) * (shape + 3)];
    expect(standardErrors((random) => gamma(shape, random) ** 2, second, fourth - second ** 2, `gamma² ${shape}`)).toBeLessThan(
      7,
    );
  });

  it("exponential, normal and lognormal have theirs", () => {
    expect(standardErrors((random) => exponential(3, random), 3, 9, "exponential")).toBeLessThan(7);
    expect(standardErrors(normal, 0, 1, "normal")).toBeLessThan(7);
    expect(standardErrors((random) => normal(random) ** 2, 1, 2, "normal²")).toBeLessThan(7);
    expect(standardErrors((random) => Math.log(lognormal(40, 1.1, random)), Math.log(40), 1.21, "lognormal")).toBeLessThan(7);
  });

  it("draws places by weight, never one of weight 0", () => {
    const weights = [0, 3, 0, 1, 0];
    const cumulative = weighted(weights);
    const random = seededRandom(2, "places");
    const counts = weights.map(() => 0);
    for (let i = 0; i < count; i++) {
      const place = draw(cumulative, random);
      counts[place] = (counts[place] ?? 0) + 1;
    }
    expect([counts[0], counts[2], counts[4]]).toEqual([0, 0, 0]);
    expect(Math.abs((counts[1] ?? 0) - 0.75 * count)).toBeLessThan(7 * Math.sqrt(count * 0.75 * 0.25));
  });

  it("zipf falls as rank^−exponent", () => {
    expect(zipf(3, 1)).toEqual([1, 1 / 2, 1 / 3]);
    expect(zipf(2, 0)).toEqual([1, 1]);
  });
});
