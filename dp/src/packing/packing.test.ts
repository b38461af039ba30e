import { randomInt } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distributedGaussianRdp, rotatedScale, roundedNormBound } from "../accounting/distributed-noise.ts";
import { epsilonFromRdp, epsilonOf } from "../accounting/epsilon.ts";
import { rdpIntegerOrders } from "../accounting/orders.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { roundConditionally } from "./conditional-rounding.ts";
import { choosePackedSum, type PackedSumChoice, packedRdp, packedVector, readPackedSum } from "./packed-sum.ts";
import { rotate, rotateBack, rotatedDimension, rotationSigns } from "./rotation.ts";

const seed = randomInt(2 ** 31);
console.info(`packing tests: seed ${seed}`);
const stream = (name: number) => seededSource((seed + 7919 * name) | 0);
const squared = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value * value, 0);
const bias = Math.exp(-0.5);
const rdpEpsilon = (rdp: readonly number[], steps: number) =>
  epsilonFromRdp(
    rdpIntegerOrders,
    rdp.map((value) => steps * value),
    1e-6,
  ).epsilon;

describe("rotation", () => {
  it("is H·D/√d: at d = 8 row i, column j has the sign of the common bits of i and j", () => {
    const signs = rotationSigns(8, stream(1));
    const vector = Float64Array.of(3, -1, 4, 1, -5, 9, 2, -6);
    const parity = (bits: number) => bits.toString(2).replaceAll("0", "").length % 2;
    const expected = Array.from(
      vector,
      (_, i) =>
        vector.reduce((sum, value, j) => sum + (parity(i & j) === 0 ? 1 : -1) * (signs[j] as number) * value, 0) / Math.sqrt(8),
    );
    for (const [i, value] of rotate(vector, signs).entries()) expect(value).toBeCloseTo(expected[i] as number, 12);
  });

  it("keeps lengths and comes back, whatever the length", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 90 }), (list) => {
        const vector = Float64Array.from(list);
        const signs = rotationSigns(vector.length, stream(2));
        const rotated = rotate(vector, signs);
        expect(rotated.length).toBe(rotatedDimension(vector.length));
        expect(Math.abs(Math.sqrt(squared(rotated)) - Math.sqrt(squared(vector)))).toBeLessThan(1e-9);
        for (const [i, value] of rotateBack(rotated, signs, vector.length).entries()) {
          expect(Math.abs(value - (vector[i] as number))).toBeLessThan(1e-9);
        }
      }),
    );
  });

  it("leaves no coordinate that stands out: Hoeffding, false alarm 1e-9", () => {
    const dimension = 4096;
    const spike = new Float64Array(dimension);
    for (let i = 0; i < 64; i++) spike[i] = 1 / 8; // length 1
    const rotated = rotate(spike, rotationSigns(dimension, stream(3)));
    // P[any |y_i| > t] ≤ 2d·e^(−d·t²/2)
    const most = Math.sqrt((2 / dimension) * Math.log((2 * dimension) / 1e-9));
    expect(Math.max(...rotated.map(Math.abs))).toBeLessThan(most);
  });
});

describe("conditional rounding", () => {
  it("gives whole numbers beside each coordinate, no longer than Δ, exactly", () => {
    const coordinates = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(coordinates, (list) => {
        const before = Float64Array.from(list);
        const most = Math.floor(roundedNormBound(Math.max(1e-6, Math.sqrt(squared(before))), before.length, bias) ** 2);
        const values = before.slice();
        roundConditionally(values, most, stream(4));
        expect(squared(values)).toBeLessThanOrEqual(most);
        for (const [i, value] of values.entries()) {
          expect([Math.floor(before[i] as number), Math.ceil(before[i] as number)]).toContain(value);
        }
      }),
    );
  });

  it("passes at the first try at least as often as 1 − β says, and matters: without it, some are too long", () => {
    const [dimension, tries] = [1024, 4000];
    const before = Float64Array.from({ length: dimension }, () => 0.5);
    const most = Math.floor(roundedNormBound(Math.sqrt(squared(before)), dimension, bias) ** 2);
    const [random, counts] = [stream(5), { first: 0, tooLong: 0 }];
    for (let i = 0; i < tries; i++) {
      const values = before.slice();
      if (roundConditionally(values, most, random) === 1) counts.first += 1;
      else counts.tooLong += 1;
    }
    // Hoeffding: below (1 − β) − √(ln(1e9)/2n) with probability 1e-9
    expect(counts.first / tries).toBeGreaterThan(1 - bias - Math.sqrt(Math.log(1e9) / (2 * tries)));
    expect(counts.tooLong).toBeGreaterThan(0);
  });

  it("rounds up as often as what is above: mean of 200,000, false alarm 1e-9", () => {
    const [value, length] = [2.3, 200_000];
    const values = new Float64Array(length).fill(value);
    roundConditionally(values, 9 * length, stream(6)); // every rounding passes
    const mean = values.reduce((sum, one) => sum + one, 0) / length;
    expect(Math.abs(mean - value)).toBeLessThan(Math.sqrt(Math.log(2e9) / (2 * length))); // Hoeffding
  });

  it("truncates what never passes, and refuses what is too long even then", () => {
    const values = Float64Array.of(1.9, -1.9, 0.9);
    expect(roundConditionally(values, 2, stream(7))).toBeGreaterThan(1);
    expect([...values]).toEqual([1, -1, 0]);
    const long = Float64Array.of(10, 10);
    const code = expect.objectContaining({ code: "TRB_DP_SENSITIVITY_INVALID" });
    expect(() => roundConditionally(long, 3, stream(8))).toThrow(code);
    expect([...long]).toEqual([0, 0]);
    expect(() => roundConditionally(values, Number.NaN, stream(8))).toThrow(code);
  });

  it("refuses what is no square of a length, before anything is rounded, and takes 0 and 2⁵² − 1", () => {
    const code = expect.objectContaining({ code: "TRB_DP_SENSITIVITY_INVALID" });
    for (const most of [-1, 0.5, 2 ** 52, Number.POSITIVE_INFINITY]) {
      const values = Float64Array.of(0.5, -7.25);
      expect(() => roundConditionally(values, most, stream(8))).toThrow(code);
      expect([...values]).toEqual([0.5, -7.25]);
    }
    expect(roundConditionally(Float64Array.of(0, 0), 0, stream(8))).toBe(1);
    expect(roundConditionally(Float64Array.of(2 ** 25, 0), 2 ** 52 - 1, stream(8))).toBe(1);
  });
});

const choice: PackedSumChoice = {
  ...{ bits: 16, dimension: 2 ** 20, clipNorm: 1, noiseMultiplier: 8, maxNodes: 100, honestMinimum: 100 },
};

describe("a packed sum's numbers", () => {
  it.each([16, 18, 20] as const)(
    "at %d bits: the scale is the recipe's at this very noise, and Δ is the condition's",
    (bits) => {
      const packed = choosePackedSum({ ...choice, bits });
      const nodeDeviation = Math.sqrt(packed.nodeVariance) / packed.scale;
      const recipe = rotatedScale({ bits, nodes: 100, dimension: 2 ** 20, clipNorm: 1, nodeDeviation, deviations: 4 });
      expect(Math.abs(packed.scale / recipe - 1)).toBeLessThan(1e-6);
      expect(packed.mostSquared).toBe(Math.floor(roundedNormBound(packed.scale, 2 ** 20, bias) ** 2));
      expect(packed.nodeVariance * 100).toBeGreaterThanOrEqual(64 * packed.mostSquared);
    },
  );

  it("cost what the exact formula says: a Gaussian's of the same z, 6.734624610068 over 100 rounds", () => {
    expect(rdpEpsilon(packedRdp(choosePackedSum(choice)), 100)).toBeCloseTo(6.734624610068, 8);
    const few = choosePackedSum({ ...choice, dimension: 1000, noiseMultiplier: 3, maxNodes: 40, honestMinimum: 12 });
    const gaussian = epsilonOf({ samplingRate: 1, noiseMultiplier: 3, steps: 10, delta: 1e-6 });
    expect(rdpEpsilon(packedRdp(few), 10)).toBeCloseTo(gaussian, 8);
  });

  it("a claim of s·C in place of Δ is told by its ε, although 16 bits look the same from outside", () => {
    const packed = choosePackedSum(choice);
    const claimed = { ...packed, nodeVariance: packed.nodeVariance / packed.inflation ** 2 };
    expect(rdpEpsilon(packedRdp(claimed), 100)).toBeGreaterThan(1.05 * rdpEpsilon(packedRdp(packed), 100));
    const { sent: dimension, mostSquared, nodeVariance } = packed;
    const honest = distributedGaussianRdp({ nodes: 100, nodeVariance, sensitivity: Math.sqrt(mostSquared), dimension });
    expect(packedRdp(packed)).toEqual(honest);
  });

  it("are refused when so few bits have no room for noise", () => {
    const code = expect.objectContaining({ code: "TRB_DP_SCALE_IMPOSSIBLE" });
    expect(() => choosePackedSum({ ...choice, noiseMultiplier: 0.1, maxNodes: 100_000, honestMinimum: 100_000 })).toThrow(code);
  });
});

describe("a packed sum", () => {
  const [nodes, dimension] = [20, 4096];
  const packed = choosePackedSum({
    ...{ bits: 16, dimension, clipNorm: 1, noiseMultiplier: 1, maxNodes: nodes, honestMinimum: 15 },
  });
  const signs = rotationSigns(dimension, stream(9));
  const vectors = Array.from({ length: nodes }, (_, node) =>
    Float64Array.from({ length: dimension }, (_value, i) => (i % (node + 2) === 0 ? 0.05 : -0.01)),
  );
  const clipped = vectors.map((vector) => vector.map((value) => value / Math.max(1, Math.sqrt(squared(vector)))));

  it("is the clipped vectors' sum and noise of the stated variance: both sides, false alarm 1e-9", () => {
    const random = { rounding: stream(10), noise: stream(11) };
    const total = new Uint32Array(packed.sent);
    for (const vector of vectors) {
      const y = packedVector(vector, packed, signs, random);
      expect(y.every((word) => word < 2 ** 16)).toBe(true);
      for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (y[i] as number); // whatever 2^32 does
    }
    const sum = readPackedSum(total, packed, signs);
    const errors = sum.map((value, i) => value - clipped.reduce((all, vector) => all + (vector[i] as number), 0));
    // rotated again, what wrapped around stands out: wrong by 2^16, where noise is below 2^15
    const rotated = [...rotate(errors, signs)].map((error) => error * packed.scale);
    const right = rotated.filter((error) => Math.abs(error) < 2 ** 15);
    expect(rotated.length - right.length).toBeLessThan(40); // at most 2.75 are expected
    // noise, and at most a quarter of a squared unit from each rounding
    const noise = nodes * packed.nodeVariance;
    const measured = squared(right) / right.length;
    const tolerance = 6.5 * Math.sqrt(2 / right.length); // χ² of thousands, nearly normal: 6.5 deviations
    expect(measured / noise).toBeGreaterThan(1 - tolerance);
    expect(measured / (noise + nodes / 4)).toBeLessThan(1 + tolerance);
  });

  it("is refused for a vector that is not finite", () => {
    const vector = new Float64Array(dimension).fill(Number.NaN);
    const random = { rounding: stream(12), noise: stream(13) };
    expect(() => packedVector(vector, packed, signs, random)).toThrow(
      expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }),
    );
  });
});
