/** Who runs with whom: fixed by each customer's own hash, whoever else is there. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scrambled } from "../rows.ts";
import { type Bucket, runsOf, shareOf } from "./buckets.ts";
import type { Example } from "./examples/examples.ts";

const examples = (hashes: readonly number[]): readonly Example[] =>
  hashes.map((hash, place) => ({ hash: hash >>> 0, customer: `c${place}`, seed: 1, begin: 0, end: 3, inputs: 2 }));

const crowd = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }).map((seeds) => examples(seeds.map(scrambled)));

describe("the runs of a bucket", () => {
  test("hold everybody once, and no more than may run together", () => {
    fc.assert(
      fc.property(crowd, fc.integer({ min: 1, max: 40 }), (all, most) => {
        const runs = runsOf(all, most);
        expect(runs.every((run) => run.length > 0 && run.length <= most)).toBe(true);
        const named = runs.flat().map(({ customer }) => customer);
        expect(named.sort()).toEqual(all.map(({ customer }) => customer).sort());
        if (all.length > 0 && all.length <= most) expect(runs).toEqual([all]);
      }),
    );
  });

  test("without one customer are the same, but for those who ran with it and whom they join", () => {
    fc.assert(
      fc.property(crowd, fc.integer({ min: 1, max: 40 }), fc.nat(), (all, most, chosen) => {
        fc.pre(all.length > 0);
        const gone = all[chosen % all.length];
        const key = (run: readonly Example[]) => run.map(({ customer }) => customer).join();
        const before = runsOf(all, most);
        const after = runsOf(
          all.filter((example) => example !== gone),
          most,
        );
        const old = new Set(before.map(key));
        const fresh = after.filter((run) => !old.has(key(run)));
        // one run at most is new: it fits, so no more than `most` customers are added up in another order
        expect(fresh.length).toBeLessThanOrEqual(1);
        const kept = new Set(after.map(key));
        const lost = before.filter((run) => !kept.has(key(run))).flat();
        expect(lost.filter((example) => example !== gone)).toHaveLength(fresh.flat().length);
      }),
    );
  });

  test("customers of one hash are never lost", () => {
    const same = examples(Array(9).fill(77));
    expect(runsOf(same, 4)).toEqual(same.map((example) => [example]));
    expect(runsOf(same, 9)).toEqual([same]);
  });
});

test("workers share the buckets: each bucket is one's, and nobody has much more to do than another", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ length: fc.integer({ min: 1, max: 50 }), customers: fc.integer({ min: 1, max: 40 }) })),
      fc.integer({ min: 1, max: 5 }),
      (sizes, workers) => {
        const buckets = sizes.map(({ length, customers }, place): Bucket => {
          return { length, place, examples: examples(Array(customers).fill(place)) };
        });
        const shares = Array.from({ length: workers }, (_, worker) => shareOf(buckets, worker, workers));
        expect(
          shares
            .flat()
            .map(({ place }) => place)
            .sort((a, b) => a - b),
        ).toEqual([...buckets.keys()]);
        const cost = (some: readonly Bucket[]) => some.reduce((sum, b) => sum + 60 + b.length * b.examples.length, 0);
        const costs = shares.map(cost);
        const largest = Math.max(0, ...buckets.map((bucket) => cost([bucket])));
        expect(Math.max(...costs) - Math.min(...costs)).toBeLessThanOrEqual(largest);
      },
    ),
  );
});
