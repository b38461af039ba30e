/**
 * Bugs that were made in real libraries, planted in `dp`'s own pipeline and mechanisms: the harness catches each, and does not object to
 * what is right. False alarms: 1e-9 a verdict. Nothing here is a proof that what passes is private; docs/privacy/auditing.md.
 */
import { describe, expect, it } from "vitest";
import { account } from "../accounting/account.ts";
import { discreteGaussianDelta } from "../accounting/discrete-gaussian.ts";
import { sampledGaussian } from "../accounting/events.ts";
import { gaussianDelta } from "../accounting/gaussian-dp.ts";
import { clipL2, normL2 } from "../clipping/clip-l2.ts";
import { multiply, parseRational, type Rational, toNumber, whole } from "../exact/rational.ts";
import { nextClipNorm } from "../mechanisms/adaptive-clipping.ts";
import { discreteGaussianMechanism, type SamplerOf } from "../mechanisms/gaussian.ts";
import { simulationGaussian } from "../sampling/continuous-gaussian.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import { poissonSample } from "../sampling/poisson-sample.ts";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { addCustomer } from "../sum-query/grid.ts";
import { noisyVector, readSum } from "../sum-query/node-vector.ts";
import { type SumQueryParameters, type SumQueryPlan, sumQueryParameters } from "../sum-query/parameters.ts";
import { type Claim, distinguish } from "./distinguish.ts";
import { intervals } from "./partitions.ts";

/** One node that brings all the noise. Each coordinate is a query of its own, about one customer: 200 runs at a time. */
const plan: SumQueryPlan = {
  arithmetic: "exact",
  clipNorm: "1",
  scale: "40",
  fractionBits: 8,
  dimension: 200,
  touched: 1,
  samplingRate: "1",
  noiseMultiplier: "1",
  minCohort: 1,
  maxCorrupt: 0,
  customerQuota: 1,
  noiseMode: "local",
};
const samples = 12_000;

/** What the plan promises: δ of N(0, 1) against N(1/z, 1) at several ε. */
const promised = (noiseMultiplier: number): Claim[] =>
  [0.25, 1, 2].map((epsilon) => ({ epsilon, delta: gaussianDelta(1 / noiseMultiplier, epsilon) }));

interface Pipeline {
  /** The customer's vector in its coordinate, when the customer is there; far beyond the clip norm unless given. */
  readonly value?: number;
  readonly add?: (total: Float64Array, vector: Float64Array, parameters: SumQueryParameters) => void;
  readonly noise?: (parameters: SumQueryParameters) => SumQueryParameters;
}

const clipAndAdd: NonNullable<Pipeline["add"]> = (total, vector, { grid, touched }) =>
  void addCustomer(total, vector, grid, touched);

/** The node's pipeline from customers' vectors to the released mean, with the customer and without. */
function sumQuery({ value = 1e3, add = clipAndAdd, noise = (parameters) => parameters }: Pipeline, seed: number) {
  const parameters = sumQueryParameters(plan);
  const { dimension } = parameters;
  const random = { rounding: seededSource(seed), noise: wordReader(seededSource(seed + 1)) };
  const draw = (there: boolean) => (outputs: Float64Array) => {
    for (let start = 0; start < outputs.length; start += dimension) {
      const total = new Float64Array(dimension);
      for (let customer = 0; there && customer < dimension; customer++) {
        add(total, new Float64Array(dimension).fill(value, customer, customer + 1), parameters);
      }
      outputs.set(readSum(noisyVector(total, noise(parameters), random), parameters), start);
    }
  };
  return { first: draw(true), second: draw(false) };
}

const verdictOf = (pipeline: Pipeline, seed = 1) => distinguish(sumQuery(pipeline, seed), { claims: promised(1), samples });
const withVariance = (change: (variance: Rational) => Rational) => (parameters: SumQueryParameters) => ({
  ...parameters,
  nodeVariance: change(parameters.nodeVariance),
});

describe("the sum query", () => {
  it.each([1, 2, 3])("keeps what it promises for a customer of any length (seed %d)", (seed) => {
    const verdict = verdictOf({ value: seed === 2 ? 0.3 : 1e3 }, seed);
    expect(verdict.refuted).toBe(false);
    expect(verdict.findings.every(({ epsilon, claim }) => epsilon <= claim.epsilon)).toBe(true);
  });

  it("is caught with its noise halved", () => {
    const quarter: Rational = { numerator: 1n, denominator: 4n };
    expect(verdictOf({ noise: withVariance((variance) => multiply(variance, quarter)) }).refuted).toBe(true);
  });

  it("is caught with its sensitivity doubled: a customer is clipped to 2C", () => {
    const twice = sumQueryParameters({ ...plan, clipNorm: "2" }).grid;
    const add: Pipeline["add"] = (total, vector) => void addCustomer(total, vector, twice, 1);
    // the clamp is a second lock, and holds a lone customer at C: a quota of two opens it, as a node with more customers has
    const noise = (parameters: SumQueryParameters) => ({ ...parameters, clampBound: 2 * parameters.clampBound });
    expect(verdictOf({ add, noise }).refuted).toBe(true);
    expect(verdictOf({ add }).refuted).toBe(false);
  });

  it("is caught with its sensitivity doubled: a customer's events are split over two vectors", () => {
    const add: Pipeline["add"] = (total, vector, parameters) => {
      clipAndAdd(total, vector, parameters);
      clipAndAdd(total, vector, parameters);
    };
    const noise = (parameters: SumQueryParameters) => ({ ...parameters, clampBound: 2 * parameters.clampBound });
    expect(verdictOf({ add, noise }).refuted).toBe(true);
  });

  it("is caught when σ goes where σ² belongs", () => {
    const root = withVariance((variance) => whole(Math.round(Math.sqrt(toNumber(variance)))));
    expect(verdictOf({ noise: root }).refuted).toBe(true);
  });

  it("is caught when the clip factor is the wrong way round: max(1, C/‖v‖) for min", () => {
    const add: Pipeline["add"] = (total, vector, { grid }) => {
      const factor = Math.max(1, grid.clipNorm / normL2(vector));
      for (let i = 0; i < total.length; i++)
        total[i] = (total[i] ?? 0) + Math.trunc((vector[i] ?? 0) * factor * grid.unitsPerOne);
    };
    const noise = (parameters: SumQueryParameters) => ({ ...parameters, clampBound: 8 * parameters.clampBound });
    expect(verdictOf({ value: 4, add, noise }).refuted).toBe(true);
    // the right way round, by hand, it is not
    const right: Pipeline["add"] = (total, vector, { grid }) => {
      const clipped = vector.slice();
      clipL2(clipped, grid.clipNorm);
      for (let i = 0; i < total.length; i++) total[i] = (total[i] ?? 0) + Math.trunc((clipped[i] ?? 0) * grid.unitsPerOne);
    };
    expect(verdictOf({ value: 4, add: right, noise }).refuted).toBe(false);
  });

  it("is caught when everybody is in although ε counts on a Poisson sample", () => {
    const claims = [0.25, 1].map((epsilon) => account("pld").add(sampledGaussian(0.2, 1)).delta(epsilon));
    const words = wordReader(seededSource(5));
    const rate = parseRational("0.2");
    const sampled: Pipeline["add"] = (total, vector, parameters) => {
      if (poissonSample(1, rate, words).length === 1) clipAndAdd(total, vector, parameters);
    };
    expect(distinguish(sumQuery({ add: sampled }, 6), { claims, samples }).refuted).toBe(false);
    expect(distinguish(sumQuery({}, 6), { claims, samples }).refuted).toBe(true);
  });
});

describe("the discrete Gaussian mechanism", () => {
  /** A count of 10 or 11 customers, one a coordinate, with noise of σ = 1/2: here a variance taken for σ is too small, not too large. */
  function count(samplerOf: SamplerOf) {
    const options = { sensitivity: "1", noiseMultiplier: "0.5" };
    const random = wordReader(seededSource(7));
    const draw = (truth: number) => (outputs: Float64Array) =>
      outputs.set(discreteGaussianMechanism(new Float64Array(outputs.length).fill(truth), options, random, samplerOf).values);
    return { first: draw(11), second: draw(10) };
  }
  const claims = [0.5, 2, 4].map((epsilon) => ({
    epsilon,
    delta: discreteGaussianDelta({ variance: 0.25, sensitivity: 1, epsilon }),
  }));
  const judge = (samplerOf: SamplerOf) => distinguish(count(samplerOf), { claims, samples: 40_000 });

  it("keeps its own curve, and is within 15 % of it", () => {
    const verdict = judge(fastDiscreteGaussian);
    expect(verdict.refuted).toBe(false);
    expect(verdict.findings[1]?.epsilon).toBeGreaterThan(1.7);
  });

  it("is caught when the variance is passed as σ (DISCO's bug)", () => {
    const squared = (variance: Rational, random: RandomSource) => fastDiscreteGaussian(multiply(variance, variance), random);
    expect(judge(squared).refuted).toBe(true);
  });
});

describe("float noise", () => {
  /** N(0, 1) in floats on 0 or 1, as released by a library that adds `gaussian()` to a number. */
  function onANumber(round: (value: number) => number) {
    const noise = simulationGaussian(1, seededSource(9));
    const draw = (truth: number) => (outputs: Float64Array) => {
      noise.fill(outputs);
      for (let i = 0; i < outputs.length; i++) outputs[i] = round(truth + (outputs[i] ?? 0));
    };
    return { first: draw(1), second: draw(0) };
  }

  it("is caught by its lowest bits, though its distribution is right", () => {
    const verdict = distinguish(
      onANumber((value) => value),
      { claims: promised(1), samples },
    );
    expect(verdict.refuted).toBe(true);
    expect(verdict.findings.find(({ refuted }) => refuted)?.event?.partition).toBe("lowest bit in 8 intervals");
    // at δ = 0 the bound is far above anything that a Gaussian of this size would show
    const pure = distinguish(
      onANumber((value) => value),
      { claims: [{ epsilon: 1, delta: 0 }], samples },
    );
    expect(pure.findings[0]?.epsilon).toBeGreaterThan(2);
  });

  it("is not caught by where it falls", () => {
    const byPlace = { claims: promised(1), samples, partitions: [intervals(64)] };
    expect(
      distinguish(
        onANumber((value) => value),
        byPlace,
      ).refuted,
    ).toBe(false);
  });

  it("of a Laplace variable by the logarithm is caught as well, with 32 uniform bits as with 53", () => {
    for (const bits of [32, 53]) {
      const words = wordReader(seededSource(bits));
      const draw = (truth: number) => (outputs: Float64Array) => {
        for (let i = 0; i < outputs.length; i++) {
          const uniform = (words.bits(bits) + 0.5) * 2 ** -bits;
          outputs[i] = truth + (words.bits(1) === 1 ? 1 : -1) * Math.log(uniform);
        }
      };
      const claims = [{ epsilon: 1, delta: 0 }];
      const verdict = distinguish({ first: draw(1), second: draw(0) }, { claims, samples });
      expect(verdict.refuted).toBe(true);
      expect(verdict.findings[0]?.epsilon).toBeGreaterThan(2);
    }
  });

  it("rounded to a grid that both inputs share shows nothing more: what is left of it no test of this size sees", () => {
    const verdict = distinguish(
      onANumber((value) => Math.round(value * 1024) / 1024),
      { claims: promised(1), samples },
    );
    expect(verdict.refuted).toBe(false);
  });
});

describe("adaptive clipping", () => {
  /** Norms are 1, 2, …, 100; the median is 50. After 200 rounds with noise of a twentieth of the customers: where is C? */
  function settled(next: typeof nextClipNorm, start: number): number {
    const customers = 100;
    const noise = new Float64Array(200);
    fastDiscreteGaussian(whole(25), seededSource(11)).fill(noise);
    let clipNorm = start;
    for (const extra of noise) {
      const below = Math.min(customers, Math.floor(clipNorm));
      clipNorm = next({ clipNorm, noisySum: 2 * below - customers + extra, expected: customers, quantile: 0.5 });
    }
    return clipNorm;
  }

  it("finds the median from above and from below", () => {
    for (const start of [0.1, 5000]) {
      expect(settled(nextClipNorm, start)).toBeGreaterThan(40);
      expect(settled(nextClipNorm, start)).toBeLessThan(60);
    }
  });

  it("with its sign turned round runs away: no privacy is lost by that, so only its own behaviour shows it", () => {
    const turned: typeof nextClipNorm = (clip) => clip.clipNorm ** 2 / nextClipNorm(clip);
    expect(settled(turned, 0.1)).toBeLessThan(1e-6);
    expect(settled(turned, 5000)).toBeGreaterThan(1e6);
  });
});
