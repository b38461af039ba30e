/** Tree and banded noise: sums come out right, the noise has the covariance that theory says, and no schedule costs more than is charged. */
import { describe, expect, it } from "vitest";
import { treeSensitivity } from "../accounting/correlated/tree.ts";
import { toNumber } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import type { IntegerSampler } from "../sampling/integer-sampler.ts";
import { chiSquareLimit, seededSource } from "../sampling/seeded-source.ts";
import { type BandedOptions, bandedNoise, coefficientUnit, scheduleSensitivity, wholeCoefficients } from "./banded.ts";
import { type TreeOptions, treeSums } from "./tree.ts";

const silent = (): IntegerSampler => ({ fill: (out) => void out.fill(0) });

/** All schedules of at most `most` steps out of `steps`, at least `separation` apart. */
function* schedules(steps: number, most: number, separation: number, from = 0): Generator<number[]> {
  yield [];
  if (most === 0) return;
  for (let first = from; first < steps; first++) {
    for (const rest of schedules(steps, most - 1, separation, first + separation)) yield [first, ...rest];
  }
}

const squaredNorm = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
const multiplierOf = (event: object) => (event as { noiseMultiplier: number }).noiseMultiplier;

describe("the tree", () => {
  const options: TreeOptions = {
    steps: 24,
    dimension: 2,
    sensitivity: "4",
    noiseMultiplier: "3",
    participations: 8,
    minSeparation: 3,
  };

  it("gives the exact running sums when there is no noise", () => {
    const tree = treeSums(options, seededSource(1), silent);
    const sum = [0, 0];
    for (let t = 0; t < 24; t++) {
      const vector = [t * t - 50, -3 * t];
      vector.forEach((value, i) => void (sum[i] = (sum[i] ?? 0) + value));
      expect(Array.from(tree.next(new Float64Array(vector)))).toEqual(sum);
    }
  });

  it("releases every complete node once: step t adds one noise for each zero at the end of t, and one", () => {
    let asked = 0;
    const tree = treeSums({ ...options, dimension: 1 }, seededSource(1), () => ({
      fill: (out) => void (asked += out.fill(0).length),
    }));
    const after = Array.from({ length: 8 }, () => {
      tree.next(new Float64Array(1));
      return asked;
    });
    expect(after).toEqual([1, 3, 4, 7, 8, 10, 11, 15]);
  });

  it("has as many noises in a running sum as t has binary ones (false alarm ≤ 1e-9; seed 51)", () => {
    const dimension = 20_000;
    const tree = treeSums({ ...options, dimension }, seededSource(51));
    for (let t = 1; t <= 13; t++) {
      const noise = tree.next(new Float64Array(dimension));
      const ones = t.toString(2).replaceAll("0", "").length;
      const statistic = noise.reduce((sum, x) => sum + (x * x) / (144 * ones), 0);
      expect(Math.abs(statistic - dimension)).toBeLessThan(chiSquareLimit(dimension) - dimension);
    }
  });

  it("charges the published 88 for 8 participations in 24 steps, 2 steps between them, and no schedule moves the nodes farther", () => {
    expect(treeSensitivity({ steps: 24, participations: 8, minSeparation: 3 })).toBe(88);
    const event = treeSums(options, seededSource(1)).event;
    expect(event).toMatchObject({ kind: "discrete-gaussian", samplingRate: 1 });
    expect(multiplierOf(event)).toBeCloseTo(3 / Math.sqrt(88), 12);
    expect(multiplierOf(event)).toBeLessThan(3 / Math.sqrt(88));
    // by running it: a customer adds 1 to a step's vector or not, and every node that is released is looked at
    for (const [steps, most, separation] of [
      [7, 3, 2],
      [11, 4, 1],
      [12, 2, 5],
    ] as const) {
      let worst = 0;
      for (const schedule of schedules(steps, most, separation)) {
        const nodes: number[] = [];
        const sampler: IntegerSampler = { fill: (out) => void out.fill(0) };
        const spy = { ...options, steps, dimension: 1, participations: most, minSeparation: separation };
        const tree = treeSums(spy, seededSource(1), () => sampler);
        // running sums of zero noise determine the nodes: node of level l ending at t is S_t − S_{t−2^l}
        const sums = [0];
        for (let t = 0; t < steps; t++) sums.push(tree.next(new Float64Array([schedule.includes(t) ? 1 : 0]))[0] as number);
        for (let size = 1; size <= steps; size *= 2) {
          for (let end = size; end <= steps; end += size) nodes.push((sums[end] as number) - (sums[end - size] as number));
        }
        worst = Math.max(worst, squaredNorm(nodes));
      }
      expect(treeSensitivity({ steps, participations: most, minSeparation: separation })).toBe(worst);
    }
  });

  it("refuses what it can't take", () => {
    const tree = treeSums({ ...options, steps: 1 }, seededSource(1), silent);
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => tree.next(new Float64Array(3))).toThrow(refused("TRB_DP_LENGTH_MISMATCH"));
    expect(() => tree.next(new Float64Array([0.5, 0]))).toThrow(refused("TRB_DP_PARAMETER_INVALID"));
    expect(Array.from(tree.next(new Float64Array([2 ** 40, 1])))).toEqual([2 ** 28, 1]);
    expect(() => tree.next(new Float64Array(2))).toThrow(refused("TRB_DP_STEPS_INVALID"));
    expect(() => treeSums({ ...options, steps: 0 }, seededSource(1))).toThrow(refused("TRB_DP_PARAMETER_INVALID"));
    expect(() => treeSums({ ...options, sensitivity: "0" }, seededSource(1))).toThrow(refused("TRB_DP_SENSITIVITY_INVALID"));
    expect(() => treeSums({ ...options, noiseMultiplier: "0" }, seededSource(1))).toThrow(
      refused("TRB_DP_NOISE_MULTIPLIER_INVALID"),
    );
  });
});

describe("banded noise", () => {
  const options: BandedOptions = {
    steps: 40,
    dimension: 2,
    bands: 8,
    sensitivity: "4",
    noiseMultiplier: "3",
    participations: 5,
  };

  it("has the published sensitivities", () => {
    const of = (steps: number, bands: number, participations = 1, minSeparation = steps) =>
      scheduleSensitivity(wholeCoefficients(bands), { steps, participations, minSeparation });
    expect(of(100, 100)).toBeCloseTo(2.5313521126, 4);
    expect(of(2000, 2000)).toBeCloseTo(3.4856784633, 3);
    expect(of(2000, 2000, 3, 400)).toBeCloseTo(15.0515838463, 2);
    expect(of(2000, 400, 3, 400)).toBeCloseTo(8.9196580786, 3);
    expect(Array.from(wholeCoefficients(5), (c) => c / coefficientUnit)).toEqual([
      1,
      0.5,
      0.375,
      0.3125,
      expect.closeTo(0.2734375, 4),
    ]);
  });

  it.each([
    [9, 4, 3, 2],
    [10, 3, 3, 3],
    [8, 8, 2, 3],
    [9, 1, 4, 1],
  ])(
    "no schedule moves what is measured farther than is charged: %d steps, %d bands, %d times, %d apart",
    (steps, bands, participations, minSeparation) => {
      const asked = { ...options, steps, bands, participations, minSeparation, dimension: 1 };
      let worst = 0;
      for (const schedule of schedules(steps, participations, minSeparation)) {
        for (let signs = 0; signs < 2 ** schedule.length; signs++) {
          // zero noise: multiply the answers by C again to see what was measured
          const noise = bandedNoise(asked, seededSource(1), silent);
          const seen = Array.from({ length: steps }, (_, t) => {
            const place = schedule.indexOf(t);
            const value = place < 0 ? 0 : (signs >> place) & 1 ? -1 : 1;
            return noise.next(new Float64Array([value]))[0] as number;
          });
          const c = wholeCoefficients(bands);
          const measured = seen.map((_, t) =>
            c.reduce((sum, value, j) => sum + (value / coefficientUnit) * (seen[t - j] ?? 0), 0),
          );
          worst = Math.max(worst, squaredNorm(measured));
        }
      }
      const charged = (3 / multiplierOf(bandedNoise(asked, seededSource(1), silent).event)) ** 2;
      expect(charged).toBeGreaterThanOrEqual(worst * (1 - 1e-9));
      expect(charged / worst).toBeLessThan(1 + 1e-9);
    },
  );

  it("gives the vectors back when there is no noise", () => {
    const noise = bandedNoise(options, seededSource(1), silent);
    for (let t = 0; t < 40; t++) {
      const back = noise.next(new Float64Array([t * 1000 - 7, -t * t]));
      expect(back[0]).toBeCloseTo(t * 1000 - 7, 6);
      expect(back[1]).toBeCloseTo(-t * t, 6);
    }
  });

  it("measures whole numbers plus noise of exactly (zΔ·2^16)²", () => {
    const seen: number[] = [];
    bandedNoise(options, seededSource(1), (variance, random) => {
      seen.push(toNumber(variance));
      return fastDiscreteGaussian(variance, random);
    });
    expect(seen).toEqual([(12 * coefficientUnit) ** 2]);
  });

  it("sums carry the noise of A·C^−1 and no more: less than independent noise of the same ε (false alarm ≤ 1e-9; seed 52)", () => {
    const dimension = 20_000;
    const steps = 24;
    const bands = 12;
    const noise = bandedNoise({ ...options, steps, bands, dimension, participations: 1 }, seededSource(52));
    const sum = new Float64Array(dimension);
    for (let t = 0; t < steps; t++) {
      const x = noise.next(new Float64Array(dimension));
      for (let i = 0; i < dimension; i++) sum[i] = (sum[i] as number) + (x[i] as number);
    }
    // rows of C^−1, from the same recursion, and their sum
    const c = wholeCoefficients(bands).map((value) => value / coefficientUnit);
    const inverse: number[] = [];
    for (let k = 0; k < steps; k++) {
      const earlier = inverse.reduce((total, value, i) => total + value * (c[k - i] ?? 0), 0);
      inverse.push(((k === 0 ? 1 : 0) - earlier) / (c[0] as number));
    }
    let running = 0;
    const prefix = inverse.map((value) => (running += value));
    const variance = 144 * squaredNorm(prefix);
    const statistic = sum.reduce((total, x) => total + (x * x) / variance, 0);
    expect(Math.abs(statistic - dimension)).toBeLessThan(chiSquareLimit(dimension) - dimension);
    const sensitivity = scheduleSensitivity(wholeCoefficients(bands), { steps, participations: 1, minSeparation: bands });
    expect((variance / 144) * sensitivity).toBeLessThan(0.7 * steps);
  });

  it("refuses what it can't take", () => {
    const noise = bandedNoise({ ...options, steps: 1, bands: 1 }, seededSource(1), silent);
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => noise.next(new Float64Array(1))).toThrow(refused("TRB_DP_LENGTH_MISMATCH"));
    expect(() => noise.next(new Float64Array([0, Number.NaN]))).toThrow(refused("TRB_DP_PARAMETER_INVALID"));
    noise.next(new Float64Array(2));
    expect(() => noise.next(new Float64Array(2))).toThrow(refused("TRB_DP_STEPS_INVALID"));
    expect(() => bandedNoise({ ...options, bands: 41 }, seededSource(1))).toThrow(refused("TRB_DP_PARAMETER_INVALID"));
    expect(() => bandedNoise({ ...options, noiseMultiplier: "0" }, seededSource(1))).toThrow(
      refused("TRB_DP_NOISE_MULTIPLIER_INVALID"),
    );
  });
});
