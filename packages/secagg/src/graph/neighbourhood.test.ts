import { describe, expect, test } from "vitest";
import { allMarked, log2Of, times, unionAtMost, upperTail } from "./hypergeometric.ts";
import { boundsOf, type NeighbourhoodRequest, smallestNeighbourhood } from "./neighbourhood.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";

/** C(n, k) exactly. */
function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let result = 1n;
  for (let i = 0; i < k; i++) result = (result * BigInt(n - i)) / BigInt(i + 1);
  return result;
}

/** P[X ≥ least] as a fraction of integers. */
function exactTail(population: number, marked: number, drawn: number, least: number): readonly [bigint, bigint] {
  let sum = 0n;
  for (let x = Math.max(0, least); x <= drawn; x++) sum += choose(marked, x) * choose(population - marked, drawn - x);
  return [sum, choose(population, drawn)];
}

/** mantissa · 2^exponent as a fraction: a mantissa is 53 bits. */
function fractionOf({ mantissa, exponent }: { mantissa: number; exponent: number }): readonly [bigint, bigint] {
  const digits = BigInt(mantissa * 2 ** 52);
  const power = exponent - 52;
  return power >= 0 ? [digits << BigInt(power), 1n] : [digits, 1n << BigInt(-power)];
}

/** Whether two fractions agree at 2⁻⁴⁰ relative. */
function near([a, b]: readonly [bigint, bigint], [c, d]: readonly [bigint, bigint]): boolean {
  const difference = a * d - c * b;
  return (difference < 0n ? -difference : difference) << 40n <= c * b;
}

describe("tails of the hypergeometric distribution", () => {
  test("are those of exact integers, for every draw from small urns", () => {
    for (const population of long ? [1, 2, 3, 7, 16, 29, 44] : [1, 2, 7, 19]) {
      for (let marked = 0; marked <= population; marked++) {
        for (let drawn = 0; drawn <= population; drawn++) {
          for (let least = 0; least <= drawn + 1; least++) {
            const tail = upperTail({ population, marked, drawn }, least);
            const exact = exactTail(population, marked, drawn, least);
            if (!near(fractionOf(tail), exact)) throw new Error(`${population} ${marked} ${drawn} ${least}`);
          }
          const all = allMarked({ population, marked, drawn });
          const exactAll = exactTail(population, marked, drawn, drawn);
          expect(near(fractionOf(all), drawn > marked ? [0n, 1n] : exactAll)).toBe(true);
        }
      }
    }
  });

  test("are those of exact integers in large urns, down to 2⁻²⁰⁰⁰ and below what a float64 holds", () => {
    for (const [population, marked, drawn, least] of [
      [999, 249, 92, 59],
      [999, 100, 92, 33],
      [4999, 1249, 104, 67],
      [9999, 2499, 1200, 1200],
      [999, 900, 500, 401],
    ] as const) {
      const tail = upperTail({ population, marked, drawn }, least);
      expect(near(fractionOf(tail), exactTail(population, marked, drawn, least))).toBe(true);
    }
    expect(log2Of(upperTail({ population: 9999, marked: 2499, drawn: 1200 }, 1200))).toBeLessThan(-1100);
    expect(log2Of(upperTail({ population: 10, marked: 2, drawn: 5 }, 3))).toBe(Number.NEGATIVE_INFINITY);
  });

  test("are exactly 1 where nothing else can happen, and exactly 0 where it can't", () => {
    for (const [population, marked, drawn, least] of [
      [999, 249, 92, 0],
      [19, 7, 5, -2],
      [37, 30, 17, 10],
      [11, 11, 3, 3],
    ] as const) {
      expect(upperTail({ population, marked, drawn }, least)).toEqual({ mantissa: 1, exponent: 0 });
    }
    expect(upperTail({ population: 37, marked: 30, drawn: 17 }, 18)).toEqual({ mantissa: 0, exponent: 0 });
    expect(allMarked({ population: 9, marked: 4, drawn: 5 })).toEqual({ mantissa: 0, exponent: 0 });
  });

  test("have mantissas from 1 to below 2", () => {
    const one = { mantissa: 1, exponent: 0 };
    expect([0.25, 1, 3, 4].map((factor) => times(one, factor))).toEqual([
      { mantissa: 1, exponent: -2 },
      one,
      { mantissa: 1.5, exponent: 1 },
      { mantissa: 1, exponent: 2 },
    ]);
    expect(log2Of(times(one, 2 ** -9))).toBe(-9);
  });

  test("are compared with 2^−bits to the last bit", () => {
    expect(unionAtMost(4, { mantissa: 1, exponent: -46 }, 44)).toBe(true);
    expect(unionAtMost(4, { mantissa: 1 + 2 ** -52, exponent: -46 }, 44)).toBe(false);
    expect(unionAtMost(1000, { mantissa: 0, exponent: 0 }, 44)).toBe(true);
  });
});

describe("the smallest neighbourhood", () => {
  const halfOf = (part: number, nodes: number) => Math.floor(nodes * part);
  const reference = (nodes: number, corrupt: number) => {
    const dropouts = halfOf(0.1, nodes);
    return smallestNeighbourhood(
      { nodes, corrupt, dropouts, mostMissing: dropouts, chosen: false },
      { security: 40, failure: 30, gaps: 1 },
    );
  };

  test.each([
    [100, 10, 42, 11],
    [100, 33, 78, 34],
    [200, 20, 42, 20],
    [200, 66, 80, 52],
    [500, 50, 46, 25],
    [500, 166, 96, 66],
    [1000, 100, 52, 28],
    [1000, 333, 114, 78],
  ])(
    "of %i nodes, %i corrupt and a tenth dropping out, at 2⁻⁴⁰ and 2⁻³⁰: k = %i, t = %i (privacy-core §7)",
    (nodes, corrupt, k, t) => {
      expect(reference(nodes, corrupt)).toEqual({ neighbours: k, threshold: t });
    },
  );

  /** As a plan with the defaults has it: a quarter corrupt, a tenth expected to drop out, two thirds needed. */
  const byDefault = (nodes: number, changes: Partial<NeighbourhoodRequest> = {}): NeighbourhoodRequest => {
    const corrupt = Math.floor((nodes - 1) / 4);
    const least = Math.max(Math.floor((nodes + corrupt) / 2) + 1, Math.ceil((2 * nodes) / 3));
    return { nodes, corrupt, dropouts: Math.ceil(nodes / 10), mostMissing: nodes - least, chosen: false, ...changes };
  };

  test("of 1000 nodes is within 120 for a quarter corrupt, and for a tenth", () => {
    expect(smallestNeighbourhood(byDefault(1000))).toEqual({ neighbours: 92, threshold: 60 });
    expect(smallestNeighbourhood(byDefault(1000, { corrupt: 100 }))).toEqual({ neighbours: 54, threshold: 30 });
  });

  test("keeps every bound, and two neighbours fewer, or a share fewer, would not", () => {
    for (const nodes of [151, 160, 200, 333, 1000, 5000, 10_000]) {
      for (const chosen of [false, true]) {
        const request = byDefault(nodes, { chosen });
        const found = smallestNeighbourhood(request);
        if (found === undefined) throw new Error(`nothing for ${nodes}`);
        const { corrupted, apart, lost, cut } = boundsOf(request, found);
        expect(Math.max(corrupted, lost - 15, chosen ? cut : apart)).toBeLessThanOrEqual(-45);
        const fewer = boundsOf(request, { ...found, threshold: found.threshold - 1 });
        expect(Math.max(fewer.corrupted, chosen ? fewer.cut : -99)).toBeGreaterThan(-45);
        const smaller = (threshold: number) => boundsOf(request, { neighbours: found.neighbours - 2, threshold });
        for (let t = 1; t <= found.neighbours - 2; t++) {
          const b = smaller(t);
          expect(Math.max(b.corrupted, b.lost - 15, chosen ? b.cut : b.apart)).toBeGreaterThan(-45);
        }
      }
    }
  });

  test("never shrinks when more are corrupt, more drop out, less is borne, or dropouts are chosen", () => {
    const sizes = (requests: readonly NeighbourhoodRequest[]) =>
      requests.map((request) => smallestNeighbourhood(request)?.neighbours ?? Number.POSITIVE_INFINITY);
    const ascending = (values: readonly number[]) => values.every((value, i) => i === 0 || value >= (values[i - 1] ?? 0));
    for (const nodes of [160, 1000]) {
      const steps = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4];
      expect(ascending(sizes(steps.map((part) => byDefault(nodes, { corrupt: halfOf(part, nodes) }))))).toBe(true);
      expect(ascending(sizes(steps.map((part) => byDefault(nodes, { dropouts: halfOf(part, nodes) }))))).toBe(true);
      expect(ascending(sizes(steps.map((part) => byDefault(nodes, { mostMissing: halfOf(part, nodes) }))))).toBe(true);
      expect(ascending(sizes([byDefault(nodes), byDefault(nodes, { chosen: true })]))).toBe(true);
      const strict = [30, 45, 60].map((security) =>
        smallestNeighbourhood(byDefault(nodes), { security, failure: 30, gaps: 2 }),
      );
      expect(ascending(strict.map((found) => found?.neighbours ?? 1e9))).toBe(true);
    }
  });

  test("takes every neighbour's share where nobody drops out by chance and all of half may be corrupt", () => {
    const request = { nodes: 1000, corrupt: 249, dropouts: 0, mostMissing: 300, chosen: true };
    // the first k/2 with n·Π (c − i)/(n − 1 − i) ≤ 2⁻⁴⁵
    let [half, chance] = [0, 1000];
    for (; chance > 2 ** -45; half++) chance *= (249 - half) / (999 - half);
    expect(smallestNeighbourhood(request)).toEqual({ neighbours: 2 * half, threshold: 2 * half });
  });

  test("can't fall apart where everybody is joined to everybody, or nobody is missing", () => {
    const of = (removed: number, neighbours: number) =>
      boundsOf({ nodes: 7, corrupt: 0, dropouts: 0, mostMissing: removed }, { neighbours, threshold: 1 }).apart;
    expect(of(6, 6)).toBe(Number.NEGATIVE_INFINITY);
    expect(of(0, 4)).toBe(Number.NEGATIVE_INFINITY);
    // two gaps of two places: 21 pairs, each with all four places among the five of seven removed
    expect(of(5, 4)).toBe(0);
    expect(of(4, 4)).toBeCloseTo(Math.log2((21 * 24) / (7 * 6 * 5 * 4)), 12);
  });

  test("is none where half are corrupt and half drop out", () => {
    expect(smallestNeighbourhood(byDefault(160, { corrupt: 80, dropouts: 80 }))).toBeUndefined();
  });
});
