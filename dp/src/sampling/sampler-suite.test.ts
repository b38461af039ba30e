/** The suite of `sampler-suite.test-support.ts` on our four samplers, and on planted bugs that it must catch. */
import { describe, expect, it } from "vitest";
import { type Rational, toNumber, whole } from "../exact/rational.ts";
import { simulationGaussian } from "./continuous-gaussian.ts";
import { discreteGaussian } from "./discrete-gaussian.ts";
import { discreteLaplace } from "./discrete-laplace.ts";
import { fastDiscreteGaussian } from "./fast-discrete-gaussian.ts";
import { fastDiscreteLaplace } from "./fast-discrete-laplace.ts";
import type { IntegerSampler } from "./integer-sampler.ts";
import { type RandomSource, wordReader } from "./random-source.ts";
import { agreement, type SamplerUnderTest, type Shape, samplerCases, suiteParameters } from "./sampler-suite.test-support.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";

const twin =
  (draw: (parameter: Rational, random: RandomSource) => bigint): SamplerUnderTest["create"] =>
  (parameter, random) => {
    const words = wordReader(random);
    return {
      fill(out) {
        for (let i = 0; i < out.length; i++) out[i] = Number(draw(parameter, words));
      },
    };
  };

const samplers: Record<Shape, Record<"fast" | "twin", SamplerUnderTest>> = {
  gaussian: {
    fast: { create: fastDiscreteGaussian, samples: long ? 20_000_000 : 500_000, seeded: true },
    twin: { create: twin(discreteGaussian), samples: long ? 2_000_000 : 20_000, seeded: true },
  },
  laplace: {
    fast: { create: fastDiscreteLaplace, samples: long ? 20_000_000 : 500_000, seeded: true },
    twin: { create: twin(discreteLaplace), samples: long ? 2_000_000 : 20_000, seeded: true },
  },
};

const failures = (subject: SamplerUnderTest, shape: Shape, name: string) => {
  const found = samplerCases(shape).find((each) => each.name === `${shape} ${name}`);
  return (found?.run(subject) ?? []).filter(({ value, least, most }) => !(value >= least && value <= most));
};

for (const shape of ["gaussian", "laplace"] as const) {
  describe.each(Object.entries(samplers[shape]))(`the ${shape}'s %s sampler (false alarm ≤ 1e-9; seed 5)`, (_, subject) => {
    it.each(samplerCases(shape))(
      "$name: probabilities, moments, tails, symmetry, low bits, replay",
      ({ run }) => {
        const verdicts = run(subject);
        expect(verdicts.length).toBeGreaterThanOrEqual(12);
        expect(verdicts.filter(({ value, least, most }) => !(value >= least && value <= most))).toEqual([]);
      },
      600_000,
    );
  });

  it.each(suiteParameters[shape])(`the ${shape}'s twins agree at %s (false alarm ≤ 1e-10; seeds 7, 9)`, (_, parameter) => {
    const { value, most } = agreement(shape, parameter, samplers[shape].fast, samplers[shape].twin);
    expect(value).toBeLessThan(most);
  });
}

describe("the suite catches", () => {
  /** Any exact sampler, changed afterwards. */
  const changed = (change: (x: number, i: number) => number, parameterOf = (p: Rational) => p): SamplerUnderTest => ({
    samples: 500_000,
    seeded: false,
    create(parameter, random) {
      const sampler = fastDiscreteGaussian(parameterOf(parameter), random);
      return {
        fill(out) {
          sampler.fill(out);
          for (let i = 0; i < out.length; i++) out[i] = change(out[i] as number, i);
        },
      };
    },
  });
  const same = (x: number) => x;
  const times = (numerator: bigint, denominator: bigint) => (p: Rational) => ({
    numerator: p.numerator * numerator,
    denominator: p.denominator * denominator,
  });
  const rounded: SamplerUnderTest = {
    samples: 500_000,
    seeded: false,
    create(parameter, random): IntegerSampler {
      const sampler = simulationGaussian(Math.sqrt(toNumber(parameter)), random);
      return {
        fill(out) {
          const floats = new Float64Array(out.length);
          sampler.fill(floats);
          for (let i = 0; i < out.length; i++) out[i] = Math.round(floats[i] as number) + 0;
        },
      };
    },
  };

  it.each<[string, string, SamplerUnderTest]>([
    ["a variance 3 % too large", "100", changed(same, times(103n, 100n))],
    ["a variance 3 % too small", "10^6", changed(same, times(97n, 100n))],
    [
      "the variance passed as deviation",
      "25/4",
      changed(same, (p) => ({ numerator: p.numerator ** 2n, denominator: p.denominator ** 2n })),
    ],
    ["half the noise", "10^10", changed((x) => Math.trunc(x / 2) + 0)],
    ["a rounded float Gaussian", "1/2", rounded],
    ["zero drawn too often", "25/4", changed((x, i) => (x === 1 && i % 20 === 0 ? 0 : x))],
    ["one sign in a hundred wrong", "100", changed((x, i) => (i % 50 === 0 ? Math.abs(x) : x))],
    ["a shift by one", "10^10", changed((x) => (x % 2 === 0 ? x : x + 1))],
    ["a lowest bit that is stuck for one in ten", "10^6", changed((x, i) => (i % 10 === 0 ? x - (x % 2) + 0 : x))],
    ["tails that end at three and a half deviations", "100", changed((x) => (Math.abs(x) > 35 ? 0 : x))],
    ["samples that are not whole", "100", changed((x, i) => (i === 77 ? x + 0.5 : x))],
    ["minus zero", "100", changed((x) => (x === 0 ? -0 : x))],
  ])("%s (σ² = %s)", (_, name, subject) => {
    expect(failures(subject, "gaussian", name).length).toBeGreaterThan(0);
  });

  it("samples that depend on how they are asked for", () => {
    const restless: SamplerUnderTest = {
      samples: 20_000,
      seeded: true,
      create: (parameter, random) => {
        const sampler = fastDiscreteGaussian(parameter, random);
        return {
          fill(out) {
            random.fill(new Uint8Array(1));
            sampler.fill(out);
          },
        };
      },
    };
    const found = failures(restless, "gaussian", "100").map(({ what }) => what);
    expect(found).toContain("samples that single draws change");
  });

  it("twins of different variance", () => {
    const wrong = changed(same, times(105n, 100n));
    const { value, most } = agreement("gaussian", whole(100), samplers.gaussian.fast, wrong);
    expect(value).toBeGreaterThan(most);
  });
});
