import { foldCustomers, type Histories, leaveLastOut, splitByTime } from "@tributary/events/histories";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { itemCounts, popularityRanks, popularityScorer } from "../baselines/popularity.ts";
import { listMetrics } from "../metrics/lists.ts";
import type { ItemScorer } from "./item-scorer.ts";
import { rankCustomers } from "./rank-customers.ts";
import { joinRanks, resultBlock } from "./result-block.ts";

/** Customers as lists of items, one event a second; 0 is an event without an item. */
function histories(...customers: readonly (readonly number[])[]): Histories {
  const offsets = [0];
  for (const customer of customers) offsets.push((offsets.at(-1) ?? 0) + customer.length);
  const events = customers.flatMap((items) => items.map((item, time) => ({ item, time })));
  return {
    customers: customers.map((_, c) => `c${String(c).padStart(3, "0")}`),
    offsets: Uint32Array.from(offsets),
    items: Int32Array.from(events, ({ item }) => item),
    actions: new Uint8Array(events.length),
    times: Float64Array.from(events, ({ time }) => time),
  };
}

/** The items' scores are their numbers, for everybody: the last item is ranked first. */
const byNumber =
  (items: number): ItemScorer =>
  (_, stretches) =>
    Float32Array.from({ length: stretches.length * items }, (_unused, i) => i % items);

/** Scores that differ from customer to customer: a hash of the last item known and the item. */
const byLastItem =
  (items: number): ItemScorer =>
  ({ items: known }, stretches) =>
    Float64Array.from({ length: stretches.length * items }, (_, i) => {
      const last = known[(stretches[Math.floor(i / items)]?.end ?? 0) - 1] ?? 0;
      return (last * 7 + (i % items) * 5) % 11;
    });

const log = histories([1, 2, 3, 4], [5, 5, 6], [6], [0, 2, 0, 3, 3], [0, 0, 4]);
const anyLog = fc
  .array(fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 })
  .map((customers) => histories(...customers));

describe("customers of a temporal split", () => {
  it("are those with an item on either side of the cut; relevant are all items after it, each once", async () => {
    const split = splitByTime(log, 2);
    const ranked = await rankCustomers(byNumber(6), split, { items: 6, coverageAt: 2 });
    // customer 0: items 3, 4; customer 1: item 6; customer 3: item 3; 2 has nothing after the cut, 4 no item before it
    expect([...ranked.customers]).toEqual([0, 1, 3]);
    expect([...ranked.offsets]).toEqual([0, 2, 3, 4]);
    expect([...ranked.ranks]).toEqual([3, 4, 1, 4]);
    expect([...ranked.isNew]).toEqual([1, 1, 1, 1]);
    expect([...ranked.candidates]).toEqual([6, 6, 6]);
    expect(ranked.coverage).toBe(2 / 6);
    const metrics = listMetrics(ranked, 3);
    expect(metrics.recall).toBeCloseTo((1 / 2 + 1 + 0) / 3, 14);
    expect(metrics.precision).toBeCloseTo((1 / 3 + 1 / 3 + 0) / 3, 14);
    expect(metrics.auc).toBeCloseTo((1 - (2 + 2) / (2 * 4) + 1 + (1 - 3 / 5)) / 3, 14);
  });

  it("can have own items masked, but never what they come back for", async () => {
    const back = histories([1, 2, 4, 2, 3]);
    const split = splitByTime(back, 3); // knows 1, 2, 4; relevant: 2 again, and 3
    const keep = await rankCustomers(byNumber(5), split, { items: 5, coverageAt: 3 });
    expect([[...keep.ranks], [...keep.isNew], [...keep.candidates]]).toEqual([[3, 4], [1, 0], [5]]);
    const mask = await rankCustomers(byNumber(5), split, { items: 5, coverageAt: 3, repeats: "mask" });
    expect([[...mask.ranks], [...mask.isNew], [...mask.candidates]]).toEqual([[2, 3], [1, 0], [3]]);
    expect([keep.coverage, mask.coverage]).toEqual([3 / 5, 3 / 5]); // 5 4 3, and 5 3 2
  });
});

describe("whoever scores", () => {
  it("is ranked as by sorting, in any batch", async () => {
    await fc.assert(
      fc.asyncProperty(anyLog, fc.nat(12), fc.integer({ min: 1, max: 5 }), fc.boolean(), async (any, cut, batch, isMasked) => {
        const split = splitByTime(any, cut);
        const repeats = isMasked ? "mask" : "keep";
        const ranked = await rankCustomers(byLastItem(9), split, { items: 9, batch, repeats, coverageAt: 2 });
        const shown = new Set<number>();
        ranked.customers.forEach((customer, e) => {
          const items = ({ offsets, items: all }: Histories) => [...all.subarray(offsets[customer], offsets[customer + 1])];
          const [known, next] = [items(split.train), new Set(items(split.test).filter((item) => item > 0))];
          const last = known.at(-1) ?? 0;
          const scoreOf = (item: number) => (last * 7 + (item - 1) * 5) % 11;
          const candidates = [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((item) => !isMasked || !known.includes(item) || next.has(item));
          const others = candidates.filter((item) => !next.has(item)).map(scoreOf);
          const expected = [...next]
            .map(scoreOf)
            .sort((a, b) => b - a)
            .map((own, j) => j + 1 + others.filter((s) => s > own).length + others.filter((s) => s === own).length / 2);
          expect([...ranked.ranks.subarray(ranked.offsets[e], ranked.offsets[e + 1])]).toEqual(expected);
          expect(ranked.candidates[e]).toBe(candidates.length);
          const list = candidates.sort((a, b) => scoreOf(b) - scoreOf(a) || a - b);
          for (const item of list.slice(0, 2)) shown.add(item);
        });
        expect(ranked.coverage).toBe(shown.size / 9);
      }),
    );
  });

  it("popularity's ranks are the same by either way", async () => {
    const heldOut = leaveLastOut(log);
    const counts = itemCounts([heldOut.train], 6);
    for (const repeats of ["keep", "mask"] as const) {
      const { ranks, isNew } = await rankCustomers(popularityScorer(counts), heldOut, { items: 6, repeats });
      expect({ ranks, isNew }).toEqual(popularityRanks(heldOut, counts, repeats));
    }
  });

  it("may give more columns than the catalogue has, but not fewer, and no NaN", async () => {
    const heldOut = leaveLastOut(log);
    const wide: ItemScorer = (_, stretches) =>
      Float32Array.from({ length: stretches.length * 8 }, (_unused, i) => (i % 8) * 10);
    const plain = await rankCustomers(byNumber(6), heldOut, { items: 6 });
    expect((await rankCustomers(wide, heldOut, { items: 6 })).ranks).toEqual(plain.ranks);
    await expect(rankCustomers(byNumber(5), heldOut, { items: 6 })).rejects.toMatchObject({
      code: "TRB_MODEL_LENGTH_MISMATCH",
    });
    const broken: ItemScorer = (_, stretches) => new Float32Array(stretches.length * 6).fill(Number.NaN);
    await expect(rankCustomers(broken, heldOut, { items: 6 })).rejects.toMatchObject({ code: "TRB_MODEL_SCORE_NAN" });
  });

  it("is asked only for items of the catalogue, and for a whole number of places", async () => {
    const heldOut = leaveLastOut(log);
    await expect(rankCustomers(byNumber(3), heldOut, { items: 3 })).rejects.toMatchObject({ code: "TRB_MODEL_TARGET_OUTSIDE" });
    await expect(rankCustomers(byNumber(6), heldOut, { items: 6, coverageAt: 0 })).rejects.toMatchObject({
      code: "TRB_MODEL_EVALUATION_INVALID",
    });
  });
});

describe("edge cases", () => {
  it("nobody to evaluate, one item, and all level", async () => {
    const single = await rankCustomers(byNumber(6), leaveLastOut(histories([1], [2])), { items: 6, coverageAt: 3 });
    expect([single.customers.length, single.ranks.length, single.coverage]).toEqual([0, 0, 0]);
    expect(resultBlock(single)).toMatchObject({ customers: 0, hr10: 0 });
    const alone = await rankCustomers(byNumber(1), leaveLastOut(histories([1, 1])), { items: 1, coverageAt: 10 });
    expect([[...alone.ranks], alone.coverage]).toEqual([[1], 1]);
    const level: ItemScorer = (_, stretches) => new Float32Array(stretches.length * 6);
    const ties = await rankCustomers(level, leaveLastOut(log), { items: 6, coverageAt: 2 });
    expect([...ties.ranks]).toEqual([3.5, 3.5, 3.5]);
    expect(ties.coverage).toBe(2 / 6); // level items: the lower numbers, as a shop would show them
  });
});

describe("sampled negatives", () => {
  it("are ranked against the relevant item alone; enough of them are all items", async () => {
    const heldOut = leaveLastOut(log);
    const full = await rankCustomers(byLastItem(6), heldOut, { items: 6 });
    const all = await rankCustomers(byLastItem(6), heldOut, { items: 6, sampled: { count: 99, seed: 1, by: "uniform" } });
    expect(all).toEqual(full);
    const masked = { items: 6, repeats: "mask" } as const;
    const allMasked = await rankCustomers(byLastItem(6), heldOut, {
      ...masked,
      sampled: { count: 99, seed: 1, by: "uniform" },
    });
    expect(allMasked).toEqual(await rankCustomers(byLastItem(6), heldOut, masked));
    const two = await rankCustomers(byLastItem(6), heldOut, { items: 6, sampled: { count: 2, seed: 1, by: "uniform" } });
    expect([...two.candidates]).toEqual([3, 3, 3]);
    two.ranks.forEach((rank, e) => {
      expect(rank).toBeLessThanOrEqual(Math.min(3, full.ranks[e] ?? 0));
    });
  });

  it("of a customer don't depend on who else is evaluated", async () => {
    const sampled = { count: 3, seed: 8, by: "uniform" } as const;
    const both = await rankCustomers(byLastItem(9), leaveLastOut(histories([1, 2, 3], [4, 5, 6])), { items: 9, sampled });
    const one = await rankCustomers(byLastItem(9), leaveLastOut(histories([1, 2, 3])), { items: 9, sampled, batch: 1 });
    expect(both.ranks[0]).toBe(one.ranks[0]);
  });
});

describe("cross-validation by customer", () => {
  it("judges every customer once, by what the others show", async () => {
    const everyone = histories(...Array.from({ length: 30 }, (_, c) => [1 + (c % 6), 1 + ((c + 1) % 6), 1 + ((c + 2) % 6)]));
    const parts = [];
    for (const { train, test } of foldCustomers(everyone, 5, 3)) {
      const counts = itemCounts([train], 6);
      parts.push(await rankCustomers(popularityScorer(counts), leaveLastOut(test), { items: 6 }));
    }
    expect(resultBlock(joinRanks(parts)).customers).toBe(30);
  });
});
