/** One statistical suite holds both samplers to the exact probabilities, and to each other. */
import { describe, expect, it } from "vitest";
import type { Rational } from "../exact/rational.ts";
import { discreteGaussian } from "./discrete-gaussian.ts";
import { fastDiscreteGaussian } from "./fast-discrete-gaussian.ts";
import { wordReader } from "./random-source.ts";
import { chiSquareLimit, seededSource } from "./seeded-source.ts";

type Draw = (variance: Rational, count: number, seed: number) => Float64Array;

const samplers: Record<string, { readonly draw: Draw; readonly count: number; readonly wrong: Rational }> = {
  fast: {
    count: 1_000_000,
    wrong: { numerator: 103n, denominator: 1n },
    draw(variance, count, seed) {
      const out = new Float64Array(count);
      fastDiscreteGaussian(variance, seededSource(seed)).fill(out);
      return out;
    },
  },
  twin: {
    count: 60_000,
    wrong: { numerator: 120n, denominator: 1n },
    draw(variance, count, seed) {
      const words = wordReader(seededSource(seed));
      return Float64Array.from({ length: count }, () => Number(discreteGaussian(variance, words)));
    },
  },
};

const variances: Record<string, Rational> = {
  "1/2": { numerator: 1n, denominator: 2n },
  "25/4": { numerator: 25n, denominator: 4n },
  "100": { numerator: 100n, denominator: 1n },
  "10^6": { numerator: 1_000_000n, denominator: 1n },
};

/** Probabilities of cells of `width` values around 0, and of everything beyond 12σ in the outermost ones. */
function cells(sigmaSquared: number, count: number) {
  const sigma = Math.sqrt(sigmaSquared);
  const width = Math.max(1, Math.floor(sigma / 10)) | 1;
  const reach = Math.ceil((12 * sigma) / width) + 2;
  const weight = (x: number) => Math.exp((-x * x) / (2 * sigmaSquared));
  const raw = new Float64Array(2 * reach + 1);
  for (let cell = -reach; cell <= reach; cell++) {
    for (let k = 0; k < width; k++)
      raw[cell + reach] = (raw[cell + reach] as number) + weight(cell * width + k - (width - 1) / 2);
  }
  const total = raw.reduce((a, b) => a + b, 0);
  const expected = raw.map((value) => (value / total) * count);
  const cellOf = (x: number) => Math.round(x / width) + reach;
  return { expected, cellOf };
}

/** χ² with cells of fewer than 25 expected joined into one for each side. */
function chiSquare(samples: Float64Array, sigmaSquared: number) {
  const { expected, cellOf } = cells(sigmaSquared, samples.length);
  const counts = new Float64Array(expected.length);
  for (const x of samples) counts[cellOf(x)] = (counts[cellOf(x)] as number) + 1; // beyond the reach: NaN, and the test fails
  const middle = (expected.length - 1) / 2;
  let statistic = 0;
  let degrees = -1;
  const tails = { below: [0, 0], above: [0, 0] };
  const addCell = (seen: number, due: number) => {
    statistic += (seen - due) ** 2 / due;
    degrees += 1;
  };
  for (const [i, due] of expected.entries()) {
    const seen = counts[i] as number;
    if (due >= 25) addCell(seen, due);
    else {
      const tail = i < middle ? tails.below : tails.above;
      tail[0] = (tail[0] ?? 0) + seen;
      tail[1] = (tail[1] ?? 0) + due;
    }
  }
  for (const [seen = 0, due = 0] of Object.values(tails)) if (due > 1) addCell(seen, due);
  return { statistic, degrees };
}

describe.each(Object.entries(samplers))("the %s sampler", (_, { draw, count, wrong }) => {
  it.each(Object.entries(variances))("has the probabilities of N_Z(0, %s) (false alarm ≤ 1e-9; seed 5)", (_name, variance) => {
    const sigmaSquared = Number(variance.numerator) / Number(variance.denominator);
    const { statistic, degrees } = chiSquare(draw(variance, count, 5), sigmaSquared);
    expect(statistic).toBeLessThan(chiSquareLimit(degrees));
  });

  it("would be caught with a variance that is wrong by 3 % (fast) or 20 % (twin)", () => {
    const samples = draw(wrong, count, 6);
    const { statistic, degrees } = chiSquare(samples, 100);
    expect(statistic).toBeGreaterThan(chiSquareLimit(degrees));
  });

  it.each([
    { numerator: 0n, denominator: 1n },
    { numerator: -1n, denominator: 1n },
    { numerator: 1n, denominator: 0n },
  ])("refuses a variance that is not positive: $numerator/$denominator", (variance) => {
    expect(() => draw(variance, 1, 1)).toThrow(expect.objectContaining({ code: "TRB_DP_VARIANCE_NOT_POSITIVE" }));
  });
});

it("twin and fast agree cell by cell at a variance that no table was made for (false alarm ≤ 1e-9; seeds 8, 9)", () => {
  const variance = { numerator: 1_234_567n, denominator: 89n };
  const sigmaSquared = 1_234_567 / 89;
  const fast = samplers["fast"]?.draw(variance, 60_000, 8) ?? new Float64Array();
  const twin = samplers["twin"]?.draw(variance, 60_000, 9) ?? new Float64Array();
  const { expected, cellOf } = cells(sigmaSquared, 60_000);
  const difference = new Float64Array(expected.length);
  const sum = new Float64Array(expected.length);
  for (const [samples, sign] of [[fast, 1] as const, [twin, -1] as const]) {
    for (const x of samples) {
      const cell = cellOf(x);
      difference[cell] = (difference[cell] as number) + sign;
      sum[cell] = (sum[cell] as number) + 1;
    }
  }
  let statistic = 0;
  let degrees = 0;
  for (const [i, due] of expected.entries()) {
    if (due < 25) continue;
    statistic += (difference[i] as number) ** 2 / (sum[i] as number);
    degrees += 1;
  }
  expect(statistic).toBeLessThan(chiSquareLimit(degrees));
});
