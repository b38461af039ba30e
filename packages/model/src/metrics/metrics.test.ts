import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classificationMetrics } from "./classification.ts";
import { rankMetrics, rankOf } from "./ranking.ts";

describe("ranks", () => {
  it("count from 1, and ties count half", () => {
    expect(rankOf([3, 1, 2], 0)).toBe(1);
    expect(rankOf([3, 1, 2], 1)).toBe(3);
    expect(rankOf([5, 5, 5, 5], 2)).toBe(2.5);
    expect(rankOf([9, 5, 5, 1], 1)).toBe(2.5);
  });

  it("of a constant score are the middle, wherever the target stands in the catalogue", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(), (items, place) => {
        expect(rankOf(new Float64Array(items), place % items)).toBe((items + 1) / 2);
      }),
    );
  });

  it("with items masked equal ranks in the list without them; the target itself is never masked", () => {
    const scores = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(scores, fc.nat(), fc.array(fc.nat(29)), (values, place, hidden) => {
        const target = place % values.length;
        const excluded = new Set(hidden.filter((i) => i < values.length));
        const kept = values.flatMap((value, i) => (excluded.has(i) && i !== target ? [] : [{ value, i }]));
        const plain = rankOf(
          kept.map(({ value }) => value),
          kept.findIndex(({ i }) => i === target),
        );
        expect(rankOf(values, target, excluded)).toBe(plain);
      }),
    );
  });
});

describe("list metrics", () => {
  it("are the textbook's on ranks 1, 3, 10, 10.5 and 100", () => {
    const { count, hitRatio, ndcg, mrr } = rankMetrics([1, 3, 10, 10.5, 100]);
    expect(count).toBe(5);
    expect(hitRatio).toBeCloseTo(3 / 5, 12);
    expect(ndcg).toBeCloseTo((1 + 1 / 2 + 1 / Math.log2(11)) / 5, 12);
    expect(mrr).toBeCloseTo((1 + 1 / 3 + 1 / 10 + 1 / 10.5 + 1 / 100) / 5, 12);
  });

  it("of nobody are zero, not NaN", () => {
    expect(rankMetrics([])).toEqual({ count: 0, hitRatio: 0, ndcg: 0, mrr: 0 });
  });
});

describe("class metrics", () => {
  it("follow from the confusion counts", () => {
    //              truth      0  0  0  1  1  2
    const result = classificationMetrics([0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 2], 4);
    expect(result.accuracy).toBeCloseTo(3 / 6, 12);
    expect(result.classes[0]).toMatchObject({ precision: 2 / 4, recall: 2 / 3, support: 3 });
    expect(result.classes[0]?.f1).toBeCloseTo(4 / 7, 12);
    expect(result.classes[1]).toEqual({ precision: 1 / 2, recall: 1 / 2, f1: 1 / 2, support: 2 });
    expect(result.classes[2]).toEqual({ precision: 0, recall: 0, f1: 0, support: 1 });
    expect(result.recall).toBeCloseTo((2 / 3 + 1 / 2 + 0) / 3, 12); // class 3 never occurs and is not averaged
    expect(result.f1).toBeCloseTo((4 / 7 + 1 / 2 + 0) / 3, 12);
  });
});
