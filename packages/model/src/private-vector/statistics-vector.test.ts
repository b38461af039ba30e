import { chooseScale, ditherAndShift, sumQueryParameters, toNumber } from "@tributary/dp";
import { actions, type Histories, seededRandom } from "@tributary/events/histories";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PairQuery } from "../statistics/pair-query.ts";
import { startStatistics } from "../statistics/rounds.ts";
import { bytesOf } from "../training/seeded-bytes.ts";
import { fittingQuery } from "./query-size.ts";
import { type StatisticsVectorRequest, statisticsSum, statisticsVector } from "./statistics-vector.ts";

const items = 12;
const caps = { maxEvents: 20, maxItems: 6, maxPairs: 8, window: 3 };

function historiesOf(customers: readonly (readonly number[])[]): Histories {
  const events = customers.flat();
  const offsets = Uint32Array.of(0, ...customers.map((_, i) => customers.slice(0, i + 1).flat().length));
  return {
    customers: customers.map((_, i) => `c${i}`),
    offsets,
    items: Int32Array.from(events),
    actions: new Uint8Array(events.length),
    times: Float64Array.from(events.keys()),
  };
}

/** Every pair of the catalogue, with these weights by turns. */
function everyPair(weights: readonly number[]): PairQuery {
  const cells: { i: number; j: number }[] = [];
  for (let i = 1; i < items; i++) for (let j = i + 1; j <= items; j++) cells.push({ i, j });
  return {
    firsts: Uint32Array.from(cells, ({ i }) => i),
    seconds: Uint32Array.from(cells, ({ j }) => j),
    weights: Float32Array.from(cells, (_, c) => weights[c % weights.length] as number),
  };
}
const cells = (items * (items - 1)) / 2;

function parametersOf(dimension: number, touched: number, fractionBits = 4) {
  const common = { arithmetic: "exact", clipNorm: "1", noiseMultiplier: "3", dimension, touched } as const;
  const { scale } = chooseScale({ ...common, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
  return sumQueryParameters({
    ...common,
    scale,
    fractionBits,
    samplingRate: "1",
    minCohort: 3,
    maxCorrupt: 1,
    customerQuota: 64,
  });
}

function requestOf(
  kind: "popularity" | "pairs",
  customers: readonly (readonly number[])[],
  query?: PairQuery,
  dimension = kind === "pairs" ? cells : items,
): Omit<StatisticsVectorRequest, "random"> {
  const touched = Math.min(dimension, kind === "pairs" ? caps.maxPairs : caps.maxItems);
  const statistics = query === undefined ? startStatistics() : { ...startStatistics(), released: 1, query };
  return { ...parametersOf(dimension, touched), kind, statistics, histories: historiesOf(customers), caps };
}

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "accepted";
};

const history = fc.array(fc.integer({ min: 0, max: items }), { maxLength: 24 });
/** Weights over forty orders of magnitude, with zeros among them. */
const weight = fc.oneof(fc.constant(0), fc.double({ min: 1e-20, max: 1e20, noNaN: true }));

describe("a node's statistics", () => {
  test("change by at most Δ when one customer is taken away, whatever the query asks: in grid units exactly, and after the dither", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("popularity" as const, "pairs" as const),
        fc.array(history, { minLength: 1, maxLength: 6 }),
        fc.array(weight, { minLength: 1, maxLength: 7 }),
        fc.nat(),
        (kind, customers, weights, which) => {
          const query = kind === "pairs" ? everyPair(weights) : undefined;
          const leaving = which % customers.length;
          const all = requestOf(kind, customers, query);
          const { total } = statisticsSum(all);
          const fewer = statisticsSum(
            requestOf(
              kind,
              customers.filter((_, i) => i !== leaving),
              query,
            ),
          ).total;
          let squared = 0n;
          let touched = 0;
          for (const [i, value] of total.entries()) {
            const moved = BigInt(value - (fewer[i] as number));
            squared += moved * moved;
            if (moved !== 0n) touched++;
          }
          expect(squared <= all.grid.squaredLimit).toBe(true);
          expect(touched).toBeLessThanOrEqual(all.touched);
          const dithered = (sum: Float64Array) => ditherAndShift(sum, all.grid.fractionBits, bytesOf(seededRandom(1)));
          const [a, b] = [dithered(total), dithered(fewer)];
          const distance = Math.hypot(...a.map((value, i) => value - (b[i] as number)));
          expect(distance).toBeLessThanOrEqual(toNumber(parametersOf(all.dimension, all.touched).sensitivity));
        },
      ),
      { seed: 6, numRuns: 400 },
    );
  });

  test("count each customer alike: one item or many, the vector's norm is 1 up to what truncation takes", () => {
    for (const [kind, customer] of [
      ["popularity", [3]],
      ["popularity", [1, 2, 3, 4, 5]],
      ["pairs", [1, 2]],
      ["pairs", [1, 2, 3, 4]],
    ] as const) {
      const request = requestOf(kind, [customer], kind === "pairs" ? everyPair([1, 3, 0.2]) : undefined);
      const norm = Math.hypot(...statisticsSum(request).total) / request.grid.unitsPerOne;
      expect(norm).toBeLessThanOrEqual(1);
      expect(norm).toBeGreaterThan(1 - 1e-6);
    }
  });

  test("look at the latest events only, as many as the plan says", () => {
    const long = [7, ...new Array(caps.maxEvents - 1).fill(1), 2];
    const { total } = statisticsSum(requestOf("popularity", [long]));
    expect([total[0] !== 0, total[1] !== 0, total[6] !== 0]).toEqual([true, true, false]);
  });

  test("of customers without anything asked are noise alone, of the same length", () => {
    const { dimension, ...rest } = requestOf("pairs", [[], [4], [5, 5, 0]], everyPair([1]));
    expect(statisticsSum({ dimension, ...rest }).total).toEqual(new Float64Array(dimension));
    const random = { rounding: bytesOf(seededRandom(2)), noise: bytesOf(seededRandom(3)) };
    const { vector } = statisticsVector({ dimension, ...rest, random });
    expect(vector).toHaveLength(dimension);
    expect(new Set(vector).size).toBeGreaterThan(dimension / 2);
  });

  test("are nobody's when time is up, not some customers'", () => {
    const many = new Array(600).fill([1, 2, 3]);
    let looks = 0;
    const { total, counts } = statisticsSum({ ...requestOf("popularity", many), deadline: () => ++looks > 2 });
    expect(counts).toEqual({ customers: 0, zeroed: 0, skipped: 600 });
    expect(total).toEqual(new Float64Array(items));
  });

  test("are refused before anybody is looked at when the model asks nothing, or asks with weights that are no numbers", () => {
    const never: Histories = {
      ...historiesOf([[1, 2]]),
      get items(): Int32Array {
        throw new Error("a customer was looked at");
      },
    };
    const asking = (kind: "popularity" | "pairs", statistics: StatisticsVectorRequest["statistics"]) =>
      code(() => statisticsSum({ ...requestOf(kind, []), statistics, histories: never }));
    expect(asking("pairs", startStatistics())).toBe("TRB_MODEL_QUERY_MISSING");
    expect(asking("popularity", undefined)).toBe("TRB_MODEL_QUERY_MISSING");
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const query = everyPair([1, 1, 1, bad, 1]);
      expect(asking("pairs", { ...startStatistics(), released: 1, query })).toBe("TRB_MODEL_NOT_FINITE");
    }
  });

  test("are refused for more customers than integers stay exact for, whatever the customers did", () => {
    const request = { ...requestOf("popularity", [[], []]), mostCustomers: 1 };
    const random = { rounding: bytesOf(seededRandom(2)), noise: bytesOf(seededRandom(3)) };
    expect(code(() => statisticsVector({ ...request, random }))).toBe("TRB_DP_TOO_MANY_CUSTOMERS");
  });
});

describe("a query that is larger than the release", () => {
  const query = everyPair([1, 5, 3, 3, 2]);

  test("asks its heaviest cells, in their order, of equal ones the first; one that fits is left alone", () => {
    expect(fittingQuery(query, cells)).toBe(query);
    for (const dimension of [1, 13, 14, 20, cells - 1]) {
      const { firsts, seconds, weights } = fittingQuery(query, dimension);
      const order = [...query.weights.keys()].sort(
        (a, b) => (query.weights[b] as number) - (query.weights[a] as number) || a - b,
      );
      const expected = order.slice(0, dimension).sort((a, b) => a - b);
      expect([...firsts]).toEqual(expected.map((cell) => query.firsts[cell]));
      expect([...seconds]).toEqual(expected.map((cell) => query.seconds[cell]));
      expect([...weights]).toEqual(expected.map((cell) => query.weights[cell]));
    }
  });

  test("is answered in the coordinates of what is left", () => {
    const [heaviest] = [fittingQuery(query, 1)];
    const pair = [heaviest?.firsts[0] as number, heaviest?.seconds[0] as number];
    const { total } = statisticsSum(requestOf("pairs", [pair, [1, 4]], query, 1));
    expect(total[0]).toBeGreaterThan(0);
  });
});

test("what a customer was only shown counts as an event without an item, in popularity and in pairs", () => {
  const impression = actions.indexOf("impression");
  const rows = [
    [1, 2, 5, 3],
    [4, 6, 4],
  ];
  const shownAt = new Set([2, 5]);
  for (const kind of ["popularity", "pairs"] as const) {
    const query = kind === "pairs" ? everyPair([1]) : undefined;
    const sumOf = (histories: Histories) => [...statisticsSum({ ...requestOf(kind, rows, query), histories }).total];
    const plain = historiesOf(rows);
    const shown = { ...plain, actions: plain.actions.map((_, event) => (shownAt.has(event) ? impression : 0)) };
    const without = { ...plain, items: plain.items.map((item, event) => (shownAt.has(event) ? 0 : item)) };
    expect(sumOf(shown)).toEqual(sumOf(without));
    expect(sumOf(shown)).not.toEqual(sumOf(plain));
  }
});
