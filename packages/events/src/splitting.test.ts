import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Histories } from "./histories.ts";
import { refusal } from "./log-files.fixture.ts";
import { withOwnItems } from "./own-items.ts";
import { anyHistories } from "./random-histories.fixture.ts";
import { foldCustomers, leaveLastOut, sliceHistories, splitByTime, splitCustomers } from "./splitting.ts";

/** Events of the customer at this place. */
function eventsOf({ offsets, items, actions, times, dwells, prices, topics }: Histories, place: number) {
  const [start, end] = [offsets[place] ?? 0, offsets[place + 1] ?? 0];
  return Array.from({ length: end - start }, (_, i) => ({
    item: items[start + i],
    action: actions[start + i],
    time: times[start + i],
    dwell: dwells?.[start + i],
    price: prices?.[start + i],
    topic: topics?.[start + i],
  }));
}

const byCustomer = (histories: Histories) => new Map(histories.customers.map((id, place) => [id, eventsOf(histories, place)]));

const three: Histories = {
  customers: ["a", "b", "c", "d"],
  offsets: Uint32Array.of(0, 4, 5, 7, 10),
  items: Int32Array.of(1, 2, 3, 0, 4, 5, 0, 6, 0, 6),
  actions: Uint8Array.of(0, 0, 0, 5, 0, 0, 5, 0, 5, 3),
  times: Float64Array.of(1, 2, 3, 4, 1, 1, 2, 1, 2, 3),
};

describe("sliceHistories", () => {
  it("holds exactly the chosen customers' events", () => {
    fc.assert(
      fc.property(anyHistories, fc.infiniteStream(fc.boolean()), (histories, coins) => {
        const chosen = histories.customers.flatMap((_id, place) => (coins.next().value ? [place] : []));
        const slice = sliceHistories(histories, Uint32Array.from(chosen));
        expect(slice.customers).toEqual(chosen.map((place) => histories.customers[place]));
        chosen.forEach((place, i) => {
          expect(eventsOf(slice, i)).toEqual(eventsOf(histories, place));
        });
        expect(slice.items.length).toBe(slice.offsets.at(-1));
      }),
    );
  });

  it.each([[[1, 0]], [[1, 1]], [[4]], [[-1]], [[0.5]]])(
    "refuses %j, because customers have to stay in order",
    async (chosen) => {
      expect((await refusal(() => sliceHistories(three, chosen))).code).toBe("TRB_EVENTS_SELECTION_INVALID");
    },
  );
});

describe("splitCustomers", () => {
  it("puts every customer with all events into one part, parts equal up to one, the same for the same seed", () => {
    fc.assert(
      fc.property(anyHistories, fc.integer({ min: 1, max: 6 }), fc.integer(), (histories, wanted, seed) => {
        const parts = Math.min(wanted, histories.customers.length);
        const split = splitCustomers(histories, parts, seed, 1);
        expect(split).toHaveLength(parts);
        const everyone = new Map(split.flatMap((part) => [...byCustomer(part)]));
        expect(split.reduce((sum, part) => sum + part.customers.length, 0)).toBe(histories.customers.length);
        expect(everyone).toEqual(byCustomer(histories));
        const sizes = split.map((part) => part.customers.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        for (const part of split) expect(part.customers).toEqual([...part.customers].sort());
        expect(splitCustomers(histories, parts, seed, 1)).toEqual(split);
      }),
    );
  });

  it("depends on the seed", () => {
    const splits = new Set(
      Array.from({ length: 30 }, (_, seed) => JSON.stringify(splitCustomers(three, 2, seed).map((part) => part.customers))),
    );
    expect(splits.size).toBeGreaterThan(3);
  });

  it("refuses no parts, and parts with too few customers to import again", async () => {
    for (const parts of [0, -1, 1.5, Number.NaN]) {
      expect((await refusal(() => splitCustomers(three, parts, 1))).code).toBe("TRB_EVENTS_SPLIT_INVALID");
    }
    expect((await refusal(() => splitCustomers(three, 3, 1))).code).toBe("TRB_EVENTS_TOO_FEW_CUSTOMERS");
  });
});

describe("foldCustomers", () => {
  it("tests every customer exactly once, on a model of all the others, the same for the same seed", () => {
    fc.assert(
      fc.property(anyHistories, fc.integer({ min: 2, max: 6 }), fc.integer(), (histories, wanted, seed) => {
        fc.pre(histories.customers.length >= 2);
        const folds = foldCustomers(histories, Math.min(wanted, histories.customers.length), seed);
        expect(folds).toHaveLength(Math.min(wanted, histories.customers.length));
        expect(folds.flatMap(({ test }) => test.customers).sort()).toEqual([...histories.customers].sort());
        for (const { train, test } of folds) {
          expect(train.customers.length).toBeGreaterThan(0);
          expect(new Map([...byCustomer(train), ...byCustomer(test)])).toEqual(byCustomer(histories));
          expect(train.customers.length + test.customers.length).toBe(histories.customers.length); // disjoint
        }
        const sizes = folds.map(({ test }) => test.customers.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(foldCustomers(histories, folds.length, seed)).toEqual(folds);
      }),
    );
  });

  it("depends on the seed", () => {
    const first = (seed: number) => foldCustomers(three, 2, seed)[0]?.test.customers.join();
    expect(new Set(Array.from({ length: 30 }, (_, seed) => first(seed))).size).toBeGreaterThan(3);
  });

  it("refuses one fold, and more folds than customers", async () => {
    for (const folds of [1, 0, 2.5, Number.NaN]) {
      expect((await refusal(() => foldCustomers(three, folds, 1))).code).toBe("TRB_EVENTS_FOLDS_INVALID");
    }
    expect((await refusal(() => foldCustomers(three, 5, 1))).code).toBe("TRB_EVENTS_TOO_FEW_CUSTOMERS");
  });
});

describe("splitByTime", () => {
  it("puts events before the cut into one part, and the cut's own moment and later into the other", () => {
    const { train, test } = splitByTime(three, 2);
    expect(train.customers).toEqual(three.customers);
    expect(test.customers).toEqual(three.customers);
    expect([...train.offsets]).toEqual([0, 1, 2, 3, 4]);
    expect([...test.offsets]).toEqual([0, 3, 3, 4, 6]);
    expect([...train.items]).toEqual([1, 4, 5, 6]);
    expect([...test.items]).toEqual([2, 3, 0, 0, 0, 6]);
    expect([...test.actions]).toEqual([0, 0, 5, 5, 5, 3]);
  });

  it("loses and repeats nothing, at any moment", () => {
    fc.assert(
      fc.property(anyHistories, fc.oneof(fc.nat(50), fc.integer({ min: -1, max: 2e9 })), (histories, cut) => {
        const { train, test } = splitByTime(histories, cut);
        histories.customers.forEach((_id, place) => {
          expect([...eventsOf(train, place), ...eventsOf(test, place)]).toEqual(eventsOf(histories, place));
        });
        expect(train.times.every((time) => time < cut)).toBe(true);
        expect(test.times.every((time) => time >= cut)).toBe(true);
      }),
    );
  });

  it("refuses a cut that is no moment", async () => {
    for (const cut of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect((await refusal(() => splitByTime(three, cut))).code).toBe("TRB_EVENTS_CUT_INVALID");
    }
  });
});

describe("leaveLastOut", () => {
  it("holds out the last item event and all that follows; who has one item event keeps it and is not evaluated", () => {
    const { train, targets } = leaveLastOut(three);
    expect([...targets]).toEqual([3, 0, 0, 6]);
    expect(train.customers).toEqual(three.customers);
    expect([...train.offsets]).toEqual([0, 2, 3, 5, 7]);
    expect([...train.items]).toEqual([1, 2, 4, 5, 0, 6, 0]);
    expect([...train.times]).toEqual([1, 2, 1, 1, 2, 1, 2]);
  });

  it("is of the customers who are asked for, and leaves the others whole", () => {
    const [whole, some] = [leaveLastOut(three), leaveLastOut(three, (place) => place > 0)];
    expect(some.targets).toEqual(whole.targets.map((target, place) => (place > 0 ? target : 0)));
    expect(eventsOf(some.train, 0)).toEqual(eventsOf(three, 0));
    expect(eventsOf(some.train, 3)).toEqual(eventsOf(whole.train, 3));
    expect(leaveLastOut(three, () => false).train).toEqual(three);
  });

  it("leaves no event at or after the target's place in the training part, for any histories", () => {
    fc.assert(
      fc.property(anyHistories, (given) => {
        const { train, targets } = leaveLastOut(given);
        const histories = withOwnItems(given); // what was only shown is nobody's item
        histories.customers.forEach((_id, place) => {
          const [all, kept] = [eventsOf(histories, place), eventsOf(train, place)];
          expect(kept).toEqual(all.slice(0, kept.length));
          if (targets[place] === 0) expect(kept).toEqual(all);
          else {
            expect(all[kept.length]?.item).toBe(targets[place]);
            expect(all.slice(kept.length + 1).every(({ item }) => item === 0)).toBe(true);
            expect(kept.some(({ item }) => item !== 0)).toBe(true);
          }
        });
      }),
    );
  });
});
