/** Coins of exact bias, and what the readable samplers and the release path refuse. */
import { describe, expect, it } from "vitest";
import { parseRational, type Rational, whole } from "../exact/rational.ts";
import { addNoise } from "../sum-query/noise.ts";
import { bernoulli, bernoulliExp } from "./bernoulli.ts";
import { simulationGaussian } from "./continuous-gaussian.ts";
import { discreteGaussian } from "./discrete-gaussian.ts";
import { fastDiscreteGaussian } from "./fast-discrete-gaussian.ts";
import { type RandomSource, wordReader } from "./random-source.ts";
import { chiSquareLimit, scriptedSource, seededSource } from "./seeded-source.ts";

/** Largest distance of a frequency of n coins from its probability, but with probability 1e-10 (Hoeffding). */
const slack = (n: number) => Math.sqrt(Math.log(2e10) / (2 * n));

function frequency(coin: (random: RandomSource) => boolean, seed: number, draws = 100_000): number {
  const words = wordReader(seededSource(seed));
  let heads = 0;
  for (let i = 0; i < draws; i++) if (coin(words)) heads++;
  return heads / draws;
}

describe("coins (false alarm ≤ 1e-9; seed 3)", () => {
  it.each(["0", "0.1", "0.333333", "0.75", "1"])("bernoulli(%s)", (text) => {
    const p = parseRational(text);
    expect(Math.abs(frequency((random) => bernoulli(p, random), 3) - Number(text))).toBeLessThan(slack(100_000));
  });

  it.each(["0", "0.05", "0.5", "1", "1.7", "3"])("bernoulliExp(%s)", (text) => {
    const gamma = parseRational(text);
    const seen = frequency((random) => bernoulliExp(gamma, random), 3, 40_000);
    expect(Math.abs(seen - Math.exp(-Number(text)))).toBeLessThan(slack(40_000));
  });

  it("0 and 1 are certain, and a third is told from its neighbours by its second word", () => {
    for (const seed of [1, 2, 3]) {
      expect(bernoulli(whole(0), seededSource(seed))).toBe(false);
      expect(bernoulli(whole(1), seededSource(seed))).toBe(true);
      expect(bernoulliExp(whole(0), seededSource(seed))).toBe(true);
    }
    const third: Rational = { numerator: 1n, denominator: 3n };
    expect(bernoulli(third, scriptedSource([0x55555555, 0x55555554]))).toBe(true);
    expect(bernoulli(third, scriptedSource([0x55555555, 0x55555556]))).toBe(false);
  });

  it("refuses what is no probability, and a negative γ", () => {
    const refused = expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" });
    for (const p of [
      { numerator: 4n, denominator: 3n },
      { numerator: -1n, denominator: 3n },
      { numerator: 1n, denominator: 0n },
    ]) {
      expect(() => bernoulli(p, seededSource(1))).toThrow(refused);
    }
    expect(() => bernoulliExp({ numerator: -1n, denominator: 2n }, seededSource(1))).toThrow(refused);
    expect(() => bernoulliExp({ numerator: 1n, denominator: -2n }, seededSource(1))).toThrow(refused);
  });
});

it.each([
  { numerator: 0n, denominator: 1n },
  { numerator: -1n, denominator: 1n },
  { numerator: 1n, denominator: 0n },
])("both Gaussians refuse a variance that is not positive: $numerator/$denominator", (variance) => {
  const refused = expect.objectContaining({ code: "TRB_DP_VARIANCE_NOT_POSITIVE" });
  expect(() => discreteGaussian(variance, seededSource(1))).toThrow(refused);
  expect(() => fastDiscreteGaussian(variance, seededSource(1))).toThrow(refused);
});

describe("the continuous Gaussian", () => {
  it("has the stated deviation, and tails on both sides (false alarm ≤ 1e-9; seed 4)", () => {
    const samples = new Float64Array(100_000);
    simulationGaussian(2.5, seededSource(4)).fill(samples);
    const statistic = samples.reduce((sum, x) => sum + (x / 2.5) ** 2, 0); // χ² with 100 000 degrees of freedom
    const limit = chiSquareLimit(samples.length) - samples.length;
    expect(Math.abs(statistic - samples.length)).toBeLessThan(limit);
    expect(Math.abs(samples.reduce((sum, x) => sum + x, 0))).toBeLessThan(2.5 * 6.5 * Math.sqrt(samples.length));
    const beyond = samples.filter((x) => Math.abs(x) > 2.5 * 1.959964).length / samples.length;
    expect(Math.abs(beyond - 0.05)).toBeLessThan(slack(samples.length));
  });

  it("is refused where noise is released, by its mark and by what it draws", () => {
    const refused = expect.objectContaining({ code: "TRB_DP_SAMPLER_NOT_EXACT" });
    const sampler = simulationGaussian(8, seededSource(4));
    // @ts-expect-error the compiler refuses it, too
    expect(() => addNoise(new Float64Array(4), sampler)).toThrow(refused);
    const unmarked = { fill: (out: Float64Array | Int32Array) => sampler.fill(out as Float64Array) };
    expect(() => addNoise(new Float64Array(4), unmarked)).toThrow(refused);
    expect(() => simulationGaussian(Number.NaN, seededSource(4))).toThrow(
      expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }),
    );
  });
});
