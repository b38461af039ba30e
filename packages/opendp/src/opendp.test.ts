/**
 * What was built: dp's own statistical suite on OpenDP's samplers and measurements, and what they cost. A clean machine without cargo has
 * nothing built; there the same file holds that the library says so.
 */
import {
  discreteGaussianMechanism,
  epsilonFromZcdp,
  fastDiscreteGaussian,
  fastDiscreteLaplace,
  type RandomSource,
  type Rational,
  type SamplerOf,
  toNumber,
} from "@tributary/dp";
import { agreement, type SamplerUnderTest, type Shape, samplerCases, suiteParameters } from "@tributary/dp/sampler-suite";
import { isTributaryError } from "@tributary/errors";
import { describe, expect, it } from "vitest";
import { sha256 } from "./artefact.ts";
import { type BuiltOpenDp, type Measurement, openOpenDp, readArtefact } from "./index.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
const samples = long ? 2_000_000 : 60_000;

const opened = await openOpenDp().catch((error: unknown) => {
  if (isTributaryError(error) && error.code === "TRB_OPENDP_NOT_BUILT") return undefined;
  throw error;
});

if (opened === undefined) describe("without an artefact", absent);
else describe(`as built (${opened.artefact.kind})`, () => present(opened));

function absent(): void {
  it("the library can't be opened, and says how it is built", async () => {
    await expect(openOpenDp()).rejects.toMatchObject({
      code: "TRB_OPENDP_NOT_BUILT",
      exitCode: 1,
      advice: expect.stringContaining("--filter @opendp/opendp build"),
    });
  });
}

function present(opendp: BuiltOpenDp): void {
  const samplers: Record<Shape, SamplerUnderTest> = {
    gaussian: { create: opendp.discreteGaussian, samples, seeded: true },
    laplace: { create: opendp.discreteLaplace, samples, seeded: true },
  };
  const ours: Record<Shape, SamplerUnderTest> = {
    gaussian: { create: fastDiscreteGaussian, samples, seeded: true },
    laplace: { create: fastDiscreteLaplace, samples, seeded: true },
  };
  /** A measurement of zeros draws nothing but noise. What is left of its bytes is not used again, so a seed alone does not replay. */
  const noiseOf = (make: (parameter: number) => Measurement, scaleOf: (parameter: number) => number): SamplerUnderTest => ({
    samples,
    seeded: false,
    create: (parameter, random) => ({
      fill: (out) => out.set(Array.from(make(scaleOf(toNumber(parameter))).invoke(new Int32Array(out.length), random))),
    }),
  });
  const measurements: Record<Shape, SamplerUnderTest> = {
    gaussian: noiseOf(opendp.makeGaussian, Math.sqrt),
    laplace: noiseOf(opendp.makeLaplace, (scale) => scale),
  };

  it("is what the record says, and of the version that was asked for", () => {
    const { record, bytes } = readArtefact();
    expect(sha256(bytes)).toBe(record.sha256);
    expect(opendp.artefact).toEqual(record);
    expect(opendp.version).toBe("0.16.0");
  });

  for (const shape of ["gaussian", "laplace"] as const) {
    it.each(samplerCases(shape))(
      "sampler, $name: the suite (false alarm ≤ 1e-9; seed 5)",
      ({ run }) => {
        const verdicts = run(samplers[shape]);
        expect(verdicts.length).toBeGreaterThanOrEqual(12);
        expect(verdicts.filter(({ value, least, most }) => !(value >= least && value <= most))).toEqual([]);
      },
      600_000,
    );

    // √½ is no double: the measurement takes σ and can't be asked for that one
    const exactScale = samplerCases(shape).filter(({ name }) => name !== "gaussian 1/2");
    it.each(exactScale)(
      "measurement, $name: the suite (false alarm ≤ 1e-9; seed 5)",
      ({ run }) => {
        const verdicts = run(measurements[shape]);
        expect(verdicts.length).toBeGreaterThanOrEqual(10);
        expect(verdicts.filter(({ value, least, most }) => !(value >= least && value <= most))).toEqual([]);
      },
      600_000,
    );

    it.each(suiteParameters[shape])(
      `the ${shape} agrees with ours at %s (false alarm ≤ 1e-10; seeds 7, 9)`,
      (_, parameter) => {
        const { value, most } = agreement(shape, parameter, samplers[shape], ours[shape]);
        expect(value).toBeLessThan(most);
      },
      600_000,
    );
  }

  it("draws variances without a rational root as exactly (false alarm ≤ 1e-10 each; seeds 7, 9)", () => {
    for (const [numerator, denominator] of [
      [3n, 1n],
      [31n, 2n],
      [123_456_789n, 1000n],
      [10n ** 30n + 1n, 7n * 10n ** 20n],
    ] as const) {
      const parameter: Rational = { numerator, denominator };
      const { value, most } = agreement("gaussian", parameter, samplers.gaussian, ours.gaussian);
      expect(value).toBeLessThan(most);
      const wrong: Rational = { numerator: 5n * numerator, denominator: 4n * denominator };
      const other: SamplerUnderTest = { ...ours.gaussian, create: (_, random) => fastDiscreteGaussian(wrong, random) };
      const apart = agreement("gaussian", parameter, samplers.gaussian, other);
      expect(apart.value).toBeGreaterThan(apart.most);
    }
  }, 600_000);

  it("draws all its randomness from the source that it is given, and from the system's when it is given none", () => {
    const draw = (random?: RandomSource): string => {
      const out = new Float64Array(64);
      opendp.discreteGaussian({ numerator: 10n ** 12n, denominator: 1n }, random).fill(out);
      const noisy = opendp.makeLaplace(1000).invoke(BigInt64Array.of(1n, 2n, 3n, 4n), random);
      return [...out, ...noisy].join();
    };
    const bytes = (seed: number): RandomSource => {
      let state = seed;
      return {
        fill(out) {
          for (let i = 0; i < out.length; i++) out[i] = (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
        },
      };
    };
    expect(draw(bytes(1))).toBe(draw(bytes(1)));
    expect(draw(bytes(1))).not.toBe(draw(bytes(2)));
    expect(draw()).not.toBe(draw());
  });

  it("refuses a source whose bytes never make a sample", () => {
    const zeros: RandomSource = { fill: (out) => void out.fill(0) };
    const sampler = opendp.discreteLaplace({ numerator: 5n, denominator: 1n }, zeros);
    expect(() => sampler.fill(new Float64Array(1))).toThrow(expect.objectContaining({ code: "TRB_OPENDP_FAILED" }));
  });

  it("stands in for our sampler in dp's mechanisms", () => {
    const samplerOf: SamplerOf = opendp.discreteGaussian;
    const random: RandomSource = { fill: (out) => void crypto.getRandomValues(out) };
    const options = { sensitivity: "1", noiseMultiplier: "50" };
    const { values } = discreteGaussianMechanism(new Float64Array(1000).fill(1e6), options, random, samplerOf);
    expect(values.every(Number.isInteger)).toBe(true);
    // a mean of 1000 samples of σ = 50: 16 is ten deviations, false alarm below 1e-22
    expect(Math.abs(values.reduce((a, b) => a + b, 0) / 1000 - 1e6)).toBeLessThan(16);
    expect(new Set(values).size).toBeGreaterThan(50);
  });

  it("adds noise to vectors of both widths, leaves the values as they were, and stays within the type", () => {
    const values = Int32Array.from({ length: 1000 }, (_, i) => 1_000_000 * i);
    const before = values.slice();
    const noisy = opendp.makeGaussian(10).invoke(values);
    expect(values).toEqual(before);
    // |noise| > 200 is twenty deviations
    expect(noisy.every((value, i) => Math.abs(value - (values[i] ?? 0)) <= 200)).toBe(true);
    expect(noisy).not.toEqual(values);
    const wide = BigInt64Array.from({ length: 500 }, (_, i) => BigInt(i) << 53n);
    const noisyWide = opendp.makeLaplace(3).invoke(wide);
    expect(noisyWide.every((value, i) => value - (wide[i] ?? 0n) <= 300n && (wide[i] ?? 0n) - value <= 300n)).toBe(true);
    const full = opendp.makeGaussian(1000).invoke(new Int32Array(200).fill(0x7fffffff));
    expect(Math.max(...full)).toBe(0x7fffffff);
    expect(Math.min(...full)).toBeGreaterThan(0x7fffffff - 20_000);
    expect(opendp.makeGaussian(1000).invoke(new Int32Array(0))).toHaveLength(0);
  });

  it("says what measurements cost", () => {
    expect(opendp.makeGaussian(1000).map(1000)).toBe(0.5);
    expect(opendp.makeGaussian(4).map(1)).toBe(1 / 32);
    expect(opendp.makeGaussian(4).map(0)).toBe(0);
    expect(opendp.makeLaplace(4).map(2)).toBe(0.5);
    // OpenDP called from Rust, November 2026
    expect(opendp.epsilonFromZcdp(0.5, 1e-6)).toBe(5.22153444453017);
  });

  it("converts zCDP to within a hair of dp's conversion, and back", () => {
    for (const rho of [0.001, 0.05, 0.5, 3]) {
      for (const delta of [1e-9, 1e-6, 1e-3]) {
        const epsilon = opendp.epsilonFromZcdp(rho, delta);
        expect(Math.abs(epsilon / epsilonFromZcdp(rho, delta).epsilon - 1)).toBeLessThan(1e-6);
        expect(opendp.deltaFromZcdp(rho, epsilon)).toBeLessThanOrEqual(delta);
        expect(opendp.deltaFromZcdp(rho, epsilon * 0.999)).toBeGreaterThan(delta);
      }
    }
  });

  const invalid = expect.objectContaining({ code: "TRB_OPENDP_ARGUMENT_INVALID" });
  it.each<[string, () => unknown]>([
    ["a variance of zero", () => opendp.discreteGaussian({ numerator: 0n, denominator: 1n })],
    ["a scale below zero", () => opendp.discreteLaplace({ numerator: -1n, denominator: 3n })],
    ["a measurement without noise", () => opendp.makeGaussian(0)],
    ["an infinite scale", () => opendp.makeLaplace(Number.POSITIVE_INFINITY)],
    ["a scale that is no number", () => opendp.makeGaussian(Number.NaN)],
    ["a distance below zero", () => opendp.makeGaussian(1).map(-1)],
    ["minus zero", () => opendp.makeLaplace(1).map(-0)],
    ["δ of 0", () => opendp.epsilonFromZcdp(1, 0)],
    ["δ of 1", () => opendp.epsilonFromZcdp(1, 1)],
    ["ρ below zero", () => opendp.deltaFromZcdp(-1, 1)],
    ["ε that is no number", () => opendp.deltaFromZcdp(1, Number.NaN)],
  ])("refuses %s", (_, call) => {
    expect(call).toThrow(invalid);
  });
}
