import { type Histories, leaveLastOut } from "@tributary/events/histories";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rankCustomers } from "../evaluation/rank-customers.ts";
import { itemKnnScorer, itemNeighbours } from "./item-knn.ts";

/** Customers as lists of items. */
function histories(...customers: readonly (readonly number[])[]): Histories {
  const offsets = [0];
  for (const customer of customers) offsets.push((offsets.at(-1) ?? 0) + customer.length);
  const items = customers.flat();
  return {
    customers: customers.map((_, c) => `c${c}`),
    offsets: Uint32Array.from(offsets),
    items: Int32Array.from(items),
    actions: new Uint8Array(items.length),
    times: Float64Array.from(items.keys()),
  };
}

const log = histories([1, 2, 2, 0], [1, 2, 3], [1, 4], [5]);

/** The neighbours of an item, numbers and similarities. */
function of(item: number, { offsets, places, similarities }: ReturnType<typeof itemNeighbours>) {
  const [from, to] = [offsets[item - 1], offsets[item]];
  return [...places.subarray(from, to)].map((place, n) => [place + 1, similarities.subarray(from, to)[n]] as const);
}

describe("item neighbours", () => {
  it("by hand: repeats count once, level ones come by number, and only the best are kept", () => {
    const all = itemNeighbours(log, 6);
    // item 1 has three customers, item 2 two, items 3, 4, 5 one
    expect(of(1, all)).toEqual([
      [2, 2 / Math.sqrt(6)],
      [3, 1 / Math.sqrt(3)],
      [4, 1 / Math.sqrt(3)],
    ]);
    expect(of(5, all)).toEqual([]);
    expect(of(6, all)).toEqual([]);
    expect(of(1, itemNeighbours(log, 6, { neighbours: 2 }))).toEqual(of(1, all).slice(0, 2));
    expect(of(3, itemNeighbours(log, 6, { shrinkage: 1 }))).toEqual([
      [2, 1 / (Math.sqrt(2) + 1)],
      [1, 1 / (Math.sqrt(3) + 1)],
    ]);
  });

  it("are cosines of columns of the customer × item matrix", () => {
    const any = fc.array(fc.array(fc.nat(8), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 9 }), (customers, neighbours) => {
        const found = itemNeighbours(histories(...customers), 8, { neighbours });
        const columns = Array.from({ length: 8 }, (_, i) => customers.map((own): number => (own.includes(i + 1) ? 1 : 0)));
        const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, c) => sum + x * (b[c] ?? 0), 0);
        columns.forEach((column, i) => {
          const cosines = columns
            .map((other, j) => ({
              item: j + 1,
              cosine: dot(column, other) / Math.sqrt(dot(column, column) * dot(other, other)),
            }))
            .filter(({ item, cosine }) => item !== i + 1 && cosine > 0)
            .sort((a, b) => b.cosine - a.cosine || a.item - b.item);
          expect(of(i + 1, found)).toEqual(cosines.slice(0, neighbours).map(({ item, cosine }) => [item, cosine]));
        });
      }),
    );
  });

  it("are refused for items outside of the catalogue, and for no neighbours", () => {
    expect(() => itemNeighbours(log, 4)).toThrow(expect.objectContaining({ code: "TRB_MODEL_TARGET_OUTSIDE" }));
    expect(() => itemNeighbours(log, 5, { neighbours: 0 })).toThrow(
      expect.objectContaining({ code: "TRB_MODEL_EVALUATION_INVALID" }),
    );
    expect(() => itemNeighbours(log, 5, { shrinkage: -1 })).toThrow(
      expect.objectContaining({ code: "TRB_MODEL_EVALUATION_INVALID" }),
    );
  });
});

describe("scores of a history", () => {
  it("add up what each of its items, once, says of every other", async () => {
    const neighbours = itemNeighbours(log, 6);
    const scores = await itemKnnScorer(neighbours)(histories([3, 3, 0, 4], [6]), [
      { begin: 0, end: 4 },
      { begin: 4, end: 5 },
    ]);
    const third = 1 / Math.sqrt(3);
    expect([...scores.subarray(0, 6)]).toEqual([third + third, 1 / Math.sqrt(2), 0, 0, 0, 0]);
    expect([...scores.subarray(6)]).toEqual([0, 0, 0, 0, 0, 0]); // nobody has item 6
  });

  it("find the pair that popularity can't: everybody who has one has the other", async () => {
    const pairs = Array.from({ length: 40 }, (_, c) => [1 + 2 * (c % 10), 2 + 2 * (c % 10)]);
    const heldOut = leaveLastOut(histories(...pairs));
    const known = itemNeighbours(histories(...pairs.slice(0, 20)), 20);
    const { ranks } = await rankCustomers(itemKnnScorer(known), heldOut, { items: 20 });
    expect([...new Set(ranks)]).toEqual([1]);
  });
});
