import { seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { bootstrapBlock, bootstrapDifference } from "./bootstrap.ts";
import { type Ranks, resultBlock } from "./result-block.ts";

/** @param share of customers whose item comes first; the others' is nowhere */
function ranksOf(customers: number, share: number, seed: number): Ranks {
  const random = seededRandom(seed, "ranks");
  return {
    ranks: Float64Array.from({ length: customers }, () => (random.fraction() < share ? 1 : 100)),
    isNew: Uint8Array.from({ length: customers }, (_, c) => Number(c % 4 !== 0)),
  };
}

describe("bootstrap intervals over customers", () => {
  test("are as wide as the binomial says, around the figure", () => {
    const ranks = ranksOf(2000, 0.3, 1);
    const block = resultBlock(ranks);
    const { hr10, ndcg10, newItems } = bootstrapBlock(ranks, { seed: 5, replicates: 4000 });
    const expected = 2 * 1.96 * Math.sqrt((block.hr10 * (1 - block.hr10)) / 2000);
    expect((hr10[1] - hr10[0]) / expected).toBeCloseTo(1, 1);
    expect((hr10[0] + hr10[1]) / 2).toBeCloseTo(block.hr10, 2);
    expect(ndcg10).toEqual(hr10); // a first rank gains 1
    const fresh = 2 * 1.96 * Math.sqrt((block.newItems.hr10 * (1 - block.newItems.hr10)) / block.newItems.customers);
    expect((newItems.hr10[1] - newItems.hr10[0]) / fresh).toBeCloseTo(1, 1);
    const narrow = bootstrapBlock(ranks, { seed: 5, replicates: 4000, confidence: 0.5 }).hr10;
    expect((narrow[1] - narrow[0]) / (hr10[1] - hr10[0])).toBeCloseTo(0.674 / 1.96, 1);
  });

  test("hold the truth about as often as they say: of 200 samples at least 160 (false alarms below 1e-9)", () => {
    let held = 0;
    for (let sample = 0; sample < 200; sample++) {
      const { hr10 } = bootstrapBlock(ranksOf(300, 0.4, 100 + sample), { seed: sample, replicates: 150 });
      held += Number(hr10[0] <= 0.4 && 0.4 <= hr10[1]);
    }
    // fewer than 160 of 200 at 94 % (percentile intervals hold a little less than 95 %): e^(−200·KL(.8‖.94)) = 2e-10; half the width would hold 134
    expect(held).toBeGreaterThanOrEqual(160);
  });

  test("are the same for the same seed", () => {
    const some = ranksOf(997, 0.3, 1);
    const ranks = { ...some, ranks: some.ranks.map((rank, c) => (rank === 1 ? 1 + (c % 10) : rank)) };
    expect(bootstrapBlock(ranks, { seed: 2 })).toEqual(bootstrapBlock(ranks, { seed: 2 }));
    expect(bootstrapBlock(ranks, { seed: 2 })).not.toEqual(bootstrapBlock(ranks, { seed: 3 }));
  });

  test("of nobody are zero, and options that are none are refused", () => {
    const nobody = { ranks: new Float64Array(0), isNew: new Uint8Array(0) };
    expect(bootstrapBlock(nobody, { seed: 1 }).ndcg10).toEqual([0, 0]);
    const code = expect.objectContaining({ code: "TRB_MODEL_EVALUATION_INVALID" });
    for (const wrong of [{ replicates: 0 }, { replicates: 1.5 }, { confidence: 0 }, { confidence: 1 }]) {
      expect(() => bootstrapBlock(ranksOf(9, 0.5, 1), { seed: 1, ...wrong })).toThrow(code);
    }
    expect(() => bootstrapDifference(ranksOf(9, 0.5, 1), ranksOf(8, 0.5, 1), { seed: 1 })).toThrow(code);
  });
});

describe("two rankers on the same customers", () => {
  test("differ by what they differ: customers that both find hard cancel", () => {
    const others = ranksOf(1000, 0.3, 1);
    const some = { ...others, ranks: others.ranks.map((rank, c) => (c < 50 ? 1 : rank)) };
    const mean = (of: Ranks) => resultBlock(of).ndcg10;
    const { difference, interval, relative, relativeInterval } = bootstrapDifference(some, others, { seed: 1 });
    expect(difference).toBeCloseTo(mean(some) - mean(others), 12);
    expect(relative).toBeCloseTo(mean(some) / mean(others) - 1, 12);
    expect(interval[0]).toBeGreaterThan(0);
    const [low, high] = bootstrapBlock(some, { seed: 1 }).ndcg10;
    expect(interval[1] - interval[0]).toBeLessThan(0.7 * (high - low));
    expect(relativeInterval[0]).toBeLessThan(relative);
    expect(relativeInterval[1]).toBeGreaterThan(relative);
    expect(bootstrapDifference(others, others, { seed: 1 }).interval).toEqual([0, 0]);
  });
});
