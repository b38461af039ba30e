import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listMetrics, type RankedCustomers } from "./lists.ts";
import { rankMetrics, ranksAmong, relevantRanks } from "./ranking.ts";

const rankedOf = (customers: readonly { ranks: readonly number[]; candidates: number }[]): RankedCustomers => {
  const offsets = [0];
  for (const { ranks } of customers) offsets.push((offsets.at(-1) ?? 0) + ranks.length);
  return {
    offsets: Uint32Array.from(offsets),
    ranks: Float64Array.from(customers.flatMap(({ ranks }) => ranks)),
    candidates: Float64Array.from(customers, ({ candidates }) => candidates),
  };
};

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return isTributaryError(error) ? error.code : "uncoded";
  }
  return "none";
};

/** Scores with many ties, places that are relevant, places that are masked. */
const question = fc
  .record({
    scores: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 30 }),
    right: fc.array(fc.nat(29), { minLength: 1, maxLength: 8 }),
    hidden: fc.array(fc.nat(29), { maxLength: 10 }),
  })
  .map(({ scores, right, hidden }) => ({
    scores,
    relevant: [...new Set(right.map((i) => i % scores.length))],
    hidden: new Set(hidden.map((i) => i % scores.length)),
  }));

/** The definition, word by word. */
function twin(scores: readonly number[], relevant: readonly number[], candidates: readonly number[]): number[] {
  const others = candidates.filter((i) => !relevant.includes(i)).map((i) => scores[i] ?? Number.NaN);
  return relevant
    .map((i) => scores[i] ?? Number.NaN)
    .sort((a, b) => b - a)
    .map((own, j) => j + 1 + others.filter((s) => s > own).length + others.filter((s) => s === own).length / 2);
}

describe("ranks of several relevant items", () => {
  it("are what counting says, with ties, masks and an offset into the scores", () => {
    fc.assert(
      fc.property(question, fc.nat(5), ({ scores, relevant, hidden }, first) => {
        const padded = Float64Array.from([...Array(first).fill(99), ...scores, 99]);
        const asked = { scores: padded, first, items: scores.length, relevant };
        const candidates = [...scores.keys()].filter((i) => !hidden.has(i));
        const { ranks, places } = relevantRanks(asked, hidden);
        expect([...ranks]).toEqual(twin(scores, relevant, candidates));
        expect([...places].sort()).toEqual([...relevant].sort());
        expect([...places].map((i) => scores[i])).toEqual(relevant.map((i) => scores[i] ?? 0).sort((a, b) => b - a));
      }),
    );
  });

  it("among chosen negatives are those of a catalogue that holds nothing else", () => {
    fc.assert(
      fc.property(question, ({ scores, relevant, hidden }) => {
        const negatives = [...hidden].filter((i) => !relevant.includes(i));
        const asked = { scores, first: 0, items: scores.length, relevant };
        expect([...ranksAmong(asked, negatives).ranks]).toEqual(twin(scores, relevant, [...relevant, ...negatives]));
      }),
    );
  });

  it("are refused where a score is not a number, wherever it stands; infinities are numbers", () => {
    for (const relevant of [[1], [1, 2]]) {
      for (let bad = 0; bad < 4; bad++) {
        const scores = Float32Array.from([3, 1, 2, 0], (s, i) => (i === bad ? Number.NaN : s));
        expect(code(() => relevantRanks({ scores, first: 0, items: 4, relevant }))).toBe("TRB_MODEL_SCORE_NAN");
      }
    }
    expect(code(() => ranksAmong({ scores: [1, Number.NaN], first: 0, items: 2, relevant: [0] }, [1]))).toBe(
      "TRB_MODEL_SCORE_NAN",
    );
    const endless = [Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY];
    expect([...relevantRanks({ scores: endless, first: 0, items: 3, relevant: [0, 2] }).ranks]).toEqual([1, 3]);
  });
});

describe("list metrics", () => {
  it("by hand: two relevant items of five at ranks 1 and 4, one of three in the middle of a tie", () => {
    const metrics = listMetrics(
      rankedOf([
        { ranks: [1, 4], candidates: 5 },
        { ranks: [2], candidates: 3 },
      ]),
      2,
    );
    const dcg2 = 1 + 1 / Math.log2(3);
    expect(metrics.customers).toBe(2);
    expect(metrics.hitRatio).toBe(1);
    expect(metrics.recall).toBe((1 / 2 + 1) / 2);
    expect(metrics.precision).toBe((1 / 2 + 1 / 2) / 2);
    expect(metrics.f1).toBeCloseTo((1 / 2 + 2 / 3) / 2, 14);
    expect(metrics.ndcg).toBeCloseTo((1 / dcg2 + 1 / Math.log2(3)) / 2, 14);
    expect(metrics.mrr).toBe((1 + 1 / 2) / 2);
    expect(metrics.accuracy).toBe(1 / 2);
    expect(metrics.auc).toBeCloseTo((4 / 6 + 1 / 2) / 2, 14); // pairs in order: 3 + 1 of 6, and half of a tie of two
  });

  it("of one relevant item each are the single-item figures, and 1/k of the hit ratio as precision", () => {
    const customers = fc.array(fc.integer({ min: 2, max: 60 }).map((half) => half / 2));
    fc.assert(
      fc.property(customers, fc.integer({ min: 1, max: 40 }), (ranks, k) => {
        const lists = listMetrics(rankedOf(ranks.map((rank) => ({ ranks: [rank], candidates: 30 }))), k);
        const { count, hitRatio, ndcg, mrr } = rankMetrics(ranks, k);
        expect(lists).toMatchObject({ customers: count, hitRatio, mrr, recall: hitRatio });
        expect(lists.ndcg).toBeCloseTo(ndcg, 12);
        expect(lists.precision).toBeCloseTo(hitRatio / k, 12);
      }),
    );
  });

  it("are what walking down the sorted list gives, where no scores are level", () => {
    const distinct = fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 25 });
    fc.assert(
      fc.property(
        distinct,
        fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 30 }),
        (scores, raw, k) => {
          const relevant = [...new Set(raw.map((i) => i % scores.length))];
          const { ranks } = relevantRanks({ scores, first: 0, items: scores.length, relevant });
          const found = listMetrics(rankedOf([{ ranks: [...ranks], candidates: scores.length }]), k);
          const list = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).map((i) => relevant.includes(i));
          const top = list.slice(0, k);
          const hits = top.filter(Boolean).length;
          const gain = (one: readonly boolean[]) => one.reduce((sum, hit, i) => sum + (hit ? 1 / Math.log2(i + 2) : 0), 0);
          const ideal = gain(Array(Math.min(k, relevant.length)).fill(true));
          const pairs = list.flatMap((a, i) =>
            list
              .slice(i + 1)
              .filter((b) => a !== b)
              .map(() => a),
          );
          expect(found.hitRatio).toBe(hits > 0 ? 1 : 0);
          expect(found.recall).toBeCloseTo(hits / relevant.length, 12);
          expect(found.precision).toBeCloseTo(hits / k, 12);
          expect(found.ndcg).toBeCloseTo(gain(top) / ideal, 12);
          expect(found.mrr).toBeCloseTo(1 / (1 + list.indexOf(true)), 12);
          if (pairs.length === 0) expect(found.auc).toBeUndefined();
          else expect(found.auc).toBeCloseTo(pairs.filter(Boolean).length / pairs.length, 12);
        },
      ),
    );
  });

  it("of a constant score are those of a coin: AUC one half, whatever is relevant", () => {
    const { ranks } = relevantRanks({ scores: new Float32Array(9), first: 0, items: 9, relevant: [2, 5, 8] });
    expect(listMetrics(rankedOf([{ ranks: [...ranks], candidates: 9 }])).auc).toBe(1 / 2);
  });

  it("reach 1 with two relevant items level on top: they cost each other nothing", () => {
    const { ranks } = relevantRanks({ scores: [7, 7, 1], first: 0, items: 3, relevant: [0, 1] });
    expect(listMetrics(rankedOf([{ ranks: [...ranks], candidates: 3 }]), 2)).toMatchObject({ ndcg: 1, recall: 1, auc: 1 });
  });

  it("of a catalogue of one item have no AUC, of nobody are zero, and of no list are refused", () => {
    const alone = listMetrics(rankedOf([{ ranks: [1], candidates: 1 }]), 10);
    expect(alone).toMatchObject({ hitRatio: 1, ndcg: 1, accuracy: 1, precision: 0.1 });
    expect("auc" in alone).toBe(false);
    expect(listMetrics(rankedOf([]))).toEqual({
      customers: 0,
      hitRatio: 0,
      ndcg: 0,
      mrr: 0,
      recall: 0,
      precision: 0,
      f1: 0,
      accuracy: 0,
    });
    for (const k of [0, -1, 1.5, Number.NaN])
      expect(code(() => listMetrics(rankedOf([]), k))).toBe("TRB_MODEL_EVALUATION_INVALID");
  });
});
