import { chachaSource } from "@tributary/dp";
import { type Histories, seededRandom } from "@tributary/events";
import {
  itemSimilarity,
  popularityVector,
  type StatisticsRecipe,
  statisticsRecipe,
  statisticsReleases,
} from "@tributary/model";
import { describe, expect, it } from "vitest";
import { noiseMultiplierOfAll, spent, utilityAccountants } from "./budget.ts";
import { type ReleaseNoise, releaseStatistics } from "./release-statistics.ts";

const items = 40;
const customers = 500;
const histories: Histories = {
  customers: Array.from({ length: customers }, (_, c) => `c${c}`),
  offsets: Uint32Array.from({ length: customers + 1 }, (_, c) => 6 * c),
  items: Int32Array.from({ length: 6 * customers }, (_, e) => 1 + ((Math.floor(e / 6) * 7 + (e % 6)) % items)),
  actions: new Uint8Array(6 * customers),
  times: Float64Array.from({ length: 6 * customers }, (_, e) => e),
};
const similarity = itemSimilarity(Array.from({ length: items }, (_, i) => ({ category: `c${i % 5}` })));
const recipe: StatisticsRecipe = { ...statisticsRecipe(8), rounds: 2 };
const alone = { nodes: 1, minCohort: 1, maxCorrupt: 0 };

function seeded(seed: number) {
  const source = (purpose: string) => {
    const random = seededRandom(seed, purpose);
    return chachaSource({
      fill(out) {
        for (let i = 0; i < out.length; i++) out[i] = random.below(256);
      },
    });
  };
  return { rounding: source("rounding"), noise: source("noise") };
}

const release = (seed: number, noiseMultiplier: number, cohort = alone, of = recipe) =>
  releaseStatistics(histories, similarity, of, { cohort, noiseMultiplier, random: seeded(seed) });

describe("releases on one machine", () => {
  it("are the recipe's sums, with the noise that they say: next to none tells the popularity exactly", () => {
    const { released, releases } = release(1, 1e-4);
    const exact = new Float64Array(items);
    for (let c = 0; c < customers; c++) {
      const { coordinates, values } = popularityVector(histories.items.subarray(6 * c, 6 * c + 6), recipe);
      for (const [n, at] of coordinates.entries()) exact[at] = (exact[at] as number) + (values[n] as number);
    }
    const mean = exact.reduce((sum, value) => sum + value, 0) / items;
    for (const [i, p] of (released.popularity ?? []).entries()) expect(p).toBeCloseTo((exact[i] as number) / mean, 1);
    expect(released.popularity).toHaveLength(items);
    expect(releases.map(({ kind }) => kind)).toEqual(statisticsReleases(recipe, items).map(({ kind }) => kind));
    // 500 customers walk over 40 neighbouring pairs: they are what is left to ask for
    expect(released.evidence?.firsts.length).toBeGreaterThanOrEqual(40);
  });

  it("are the same for the same seed, and others for another", () => {
    expect(release(5, 2)).toEqual(release(5, 2));
    expect(release(5, 2).released.popularity).not.toEqual(release(6, 2).released.popularity);
  });

  it("have noise of the multiplier and of the cohort: more where fewer are trusted", () => {
    const cohort = { nodes: 20, minCohort: 16, maxCorrupt: 6 };
    const [honest, third] = [alone, cohort].map((of) => release(3, 2, of).releases[0] as ReleaseNoise);
    for (const one of [honest, third]) {
      const multiplier = one?.noiseMultiplier ?? 0;
      expect(multiplier).toBeGreaterThanOrEqual(2 / Math.sqrt(recipe.popularityShare));
      expect(multiplier).toBeLessThan(2 / Math.sqrt(recipe.popularityShare) + 2e-6);
    }
    // a customer's vector has norm 1; rounding to the grid costs less than a thousandth
    expect((honest?.drawn ?? 0) / (honest?.noiseMultiplier ?? 1)).toBeCloseTo(1, 3);
    // 20 shares where 10 are counted on
    expect((third?.drawn ?? 0) / (honest?.drawn ?? 1)).toBeCloseTo(Math.SQRT2, 3);
  });

  it("cost what was asked for, by either accountant, and not much less", () => {
    for (const accountant of utilityAccountants) {
      for (const epsilon of [1, 8]) {
        const { releases } = release(2, noiseMultiplierOfAll(accountant, epsilon, 1e-6));
        expect(spent(accountant, releases, 1e-6)).toBeLessThanOrEqual(epsilon);
        expect(spent(accountant, releases, 1e-6)).toBeGreaterThan(epsilon * 0.999);
      }
    }
    expect(noiseMultiplierOfAll("rdp", 2, 1e-6) / noiseMultiplierOfAll("lattice", 2, 1e-6)).toBeGreaterThan(1.03);
  });

  it("end when nothing is left to ask for", () => {
    const { releases, released } = release(4, 50, alone, { ...recipe, rounds: 5, roundOdds: 1e-12 });
    expect(releases.length).toBe(2);
    expect(released.query?.firsts).toHaveLength(0);
  });
});
