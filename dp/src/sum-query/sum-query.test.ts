/** The sum query from end to end: what a customer can move, what the sum and its noise are, and each step against its inverse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipToGrid } from "../clipping/clip-to-grid.ts";
import { compare, multiply, type Rational, toNumber, whole } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import { chiSquareLimit, seededSource } from "../sampling/seeded-source.ts";
import { clampToQuota } from "./clamp.ts";
import { ditherAndShift } from "./dither.ts";
import { addBucket, addBucketPart, addCustomer, allFinite, moveBucketPart } from "./grid.ts";
import { fromModular, toModular } from "./modular.ts";
import { addNoisyVector, noisyVector, readSum } from "./node-vector.ts";
import { addNoise, noiseDeviation } from "./noise.ts";
import { type SumQueryPlan, sumQueryParameters } from "./parameters.ts";

const plan: SumQueryPlan = {
  arithmetic: "exact",
  clipNorm: "0.7",
  scale: "19.3",
  fractionBits: 8,
  dimension: 12,
  touched: 12,
  samplingRate: "0.5",
  noiseMultiplier: "2",
  minCohort: 5,
  maxCorrupt: 2,
  customerQuota: 4,
};

const vectors = (dimension: number) =>
  fc.array(fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: dimension, maxLength: dimension }), {
    minLength: 1,
    maxLength: 9,
  });

/** Grid total of customers in exact arithmetic. */
function totalOf(customers: readonly (readonly number[])[], parameters: ReturnType<typeof sumQueryParameters>): Float64Array {
  const total = new Float64Array(parameters.dimension);
  for (const customer of customers) addCustomer(total, new Float64Array(customer), parameters.grid, parameters.touched);
  return total;
}

/** y before the noise, for the dither of one seed. */
function rounded(total: Float64Array, parameters: ReturnType<typeof sumQueryParameters>, seed: number): Float64Array {
  const copy = total.slice();
  clampToQuota(copy, parameters.clampBound);
  return ditherAndShift(copy, parameters.grid.fractionBits, seededSource(seed));
}

function squaredDistance(a: Float64Array, b: Float64Array): bigint {
  return a.reduce((sum, value, i) => sum + BigInt(value - (b[i] as number)) ** 2n, 0n);
}

const square = (value: Rational) => multiply(value, value);

describe("one customer moves y by at most Δ", () => {
  it("in exact arithmetic, whoever else is there and whatever the dither", () => {
    const options = fc.record({
      customers: vectors(12),
      seed: fc.integer(),
      scale: fc.constantFrom("0.9", "19.3", "5000.25"),
      fractionBits: fc.integer({ min: 0, max: 12 }),
      customerQuota: fc.constantFrom(1, 4, 1024),
    });
    fc.assert(
      fc.property(options, ({ customers, seed, scale, fractionBits, customerQuota }) => {
        const noiseMultiplier = "10";
        const parameters = sumQueryParameters({ ...plan, scale, fractionBits, customerQuota, noiseMultiplier });
        const all = rounded(totalOf(customers, parameters), parameters, seed);
        const without = rounded(totalOf(customers.slice(1), parameters), parameters, seed);
        const moved = whole(squaredDistance(all, without));
        expect(compare(moved, square(parameters.sensitivity))).toBeLessThanOrEqual(0);
      }),
      { numRuns: 500 },
    );
  });

  it("√touched is needed: rounding alone can move y farther than s·C", () => {
    const parameters = sumQueryParameters({ ...plan, scale: "1", fractionBits: 8 });
    const beyond = Array.from({ length: 200 }, (_, seed) => {
      const customer = new Array<number>(12).fill(0.2);
      const all = rounded(totalOf([customer], parameters), parameters, seed);
      return Number(squaredDistance(all, new Float64Array(12)));
    });
    expect(Math.max(...beyond)).toBeGreaterThan(0.7 ** 2);
  });

  it("with touched below the dimension, too, and a customer that touches more counts as zero", () => {
    const sparse = { ...plan, dimension: 30, touched: 3, noiseMultiplier: "10" };
    const parameters = sumQueryParameters(sparse);
    const place = fc.uniqueArray(fc.integer({ min: 0, max: 29 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(place, fc.double({ min: -9, max: 9, noNaN: true }), fc.integer(), (places, value, seed) => {
        const customer = new Array<number>(30).fill(0);
        for (const i of places) customer[i] = value;
        const other = new Array<number>(30).fill(0).with(4, 0.31).with(7, -0.2);
        const all = rounded(totalOf([customer, other], parameters), parameters, seed);
        const without = rounded(totalOf([other], parameters), parameters, seed);
        expect(compare(whole(squaredDistance(all, without)), square(parameters.sensitivity))).toBeLessThanOrEqual(0);
      }),
    );
    const total = new Float64Array(30);
    expect(addCustomer(total, new Float64Array(30).fill(0.1), parameters.grid, 3)).toBe(false);
    expect(total).toEqual(new Float64Array(30));
  });

  it("in bucketed arithmetic, when a bucket's real sum moves by C and its float error allowance", () => {
    const bucketed = { ...plan, arithmetic: "bucketed", noiseMultiplier: "10" } as const;
    const parameters = sumQueryParameters(bucketed);
    const direction = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 });
    const sum = fc.array(fc.double({ min: -300, max: 300, noNaN: true }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(direction, sum, sum, fc.integer(), (way, bucket, otherBucket, seed) => {
        const length = Math.hypot(...way);
        fc.pre(length > 1e-6);
        const reach = (0.7 * (1 + 2 ** -10) * (1 - 2 ** -40)) / length;
        const totals = [0, reach].map((factor) => {
          const total = new Float64Array(12);
          addBucket(total, new Float64Array(otherBucket), parameters.grid);
          addBucket(
            total,
            Float64Array.from(bucket, (value, i) => value + factor * (way[i] as number)),
            parameters.grid,
          );
          return ditherAndShift(total, parameters.grid.fractionBits, seededSource(seed));
        });
        const moved = squaredDistance(totals[0] as Float64Array, totals[1] as Float64Array);
        expect(compare(whole(moved), square(parameters.sensitivity))).toBeLessThanOrEqual(0);
      }),
      { numRuns: 500 },
    );
  });

  it("the order of customers does not change a bit of the total", () => {
    fc.assert(
      fc.property(vectors(12), (customers) => {
        const parameters = sumQueryParameters(plan);
        expect(totalOf(customers.toReversed(), parameters)).toEqual(totalOf(customers, parameters));
      }),
    );
  });
});

describe("steps and their inverses", () => {
  it.each([0, 5, 20])(
    "all steps of a node in one pass are the steps one after the other, at %i fraction bits (seeds 61, 62)",
    (bits) => {
      const length = 2 * 8192 + 5; // more than two pieces
      const parameters = sumQueryParameters({ ...plan, dimension: length, touched: length, fractionBits: bits });
      const bound = parameters.clampBound;
      const total = Float64Array.from({ length }, (_, i) =>
        Math.round(((Math.imul(i + 7, 2654435761) | 0) / 2 ** 31) * bound * 1.5),
      );
      total.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, bound, -bound, bound + 1, -0]);
      const units = total.slice();
      clampToQuota(units, bound);
      const noisy = ditherAndShift(units, bits, seededSource(61));
      addNoise(noisy, fastDiscreteGaussian(parameters.nodeVariance, seededSource(62)));
      const before = Uint32Array.from({ length }, (_, i) => Math.imul(i, 2246822519));
      const added = before.slice();
      const random = () => ({ rounding: seededSource(61), noise: seededSource(62) });
      addNoisyVector(added, total.slice(), parameters, random());
      expect(noisyVector(total, parameters, random())).toEqual(toModular(noisy));
      expect(added).toEqual(toModular(noisy).map((word, i) => word + (before[i] as number)));
    },
  );

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY])("a sampler that draws %d is found out, wherever it stands", (bad) => {
    const parameters = sumQueryParameters({ ...plan, dimension: 9000, touched: 9000 });
    const random = { rounding: seededSource(1), noise: seededSource(2) };
    const total = new Float64Array(9000).fill(3);
    const draw = () => noisyVector(total, parameters, random, () => ({ fill: (out) => void out.fill(1).set([bad], 700) }));
    expect(draw).toThrow(expect.objectContaining({ code: "TRB_DP_SAMPLER_NOT_EXACT" }));
    expect(total.every((value) => value === 0)).toBe(true);
  });

  it.each([7, 8, 64])(
    "a vector of %i has one sum on the grid in either kind of array, and none when it is beyond by a unit",
    (length) => {
      const { grid } = sumQueryParameters({ ...plan, dimension: length, touched: length });
      const vector = Float32Array.from({ length }, (_, i) => ((i % 5) - 2) * 0.31);
      const [single, double, units] = [new Float64Array(length), new Float64Array(length), clipToGrid(vector, grid)];
      expect(addCustomer(single, vector, grid, length)).toBe(true);
      expect(addCustomer(double, Float64Array.from(vector), grid, length)).toBe(true);
      expect([Array.from(single), Array.from(double)]).toEqual([Array.from(units ?? []), Array.from(units ?? [])]);
      // so narrow a bound that floats can't prove it: the slow way decides, on a total that has not moved
      const squares = single.reduce((sum, unit) => sum + BigInt(unit) ** 2n, 0n);
      const total = new Float64Array(length).fill(5);
      expect(addCustomer(total, vector, { ...grid, squaredLimit: squares - 1n }, length)).toBe(true);
      const shrunk = clipToGrid(vector, { ...grid, squaredLimit: squares - 1n }) ?? new Float64Array();
      expect(Array.from(total)).toEqual(Array.from(shrunk, (unit) => unit + 5));
      expect(Array.from(shrunk)).not.toEqual(Array.from(single));
    },
  );

  it("modular and back is the identity on 32-bit integers, and a sum modulo 2³² is the sum", () => {
    const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.array(int32), (values) => {
        expect(Array.from(fromModular(toModular(new Float64Array(values))))).toEqual(values);
      }),
    );
    const shares = [-5, 2 ** 31 - 1, -(2 ** 31) + 3].map((value) => toModular(new Float64Array([value]))[0] as number);
    expect(fromModular(Uint32Array.of(shares.reduce((a, b) => (a + b) >>> 0)))[0]).toBe(-3);
    expect(toModular(new Float64Array([2 ** 40 + 7, -(2 ** 40) - 7]))).toEqual(Uint32Array.of(7, 2 ** 32 - 7));
  });

  it("a sum is read into an array of the caller's as into a new one, and into none of another length", () => {
    const sum = Uint32Array.of(7, 2 ** 32 - 8, 0);
    const room = new Float64Array(3).fill(5);
    expect(readSum(sum, { scale: 4 }, 2, room)).toBe(room);
    expect(Array.from(room)).toEqual([0.875, -1, 0]);
    expect(readSum(sum, { scale: 4 }, 2)).toEqual(room);
    expect(() => readSum(sum, { scale: 4 }, 2, new Float64Array(4))).toThrow(
      expect.objectContaining({ code: "TRB_DP_LENGTH_MISMATCH" }),
    );
  });

  it("dither has mean V/2^f exactly over all 2^f values, also for negative V", () => {
    for (const value of [-13, -8, -1, 0, 1, 5, 8, 21]) {
      let sum = 0;
      for (let u = 0; u < 8; u++) {
        const word = { fill: (out: Uint8Array) => void new Uint32Array(out.buffer).fill((u << 29) >>> 0) };
        sum += ditherAndShift(new Float64Array([value]), 3, word)[0] as number;
      }
      expect(sum).toBe(value);
    }
  });

  it("a customer's vector of another length is refused, longer or shorter, and so is a bucket", () => {
    const { grid } = sumQueryParameters(plan);
    const total = new Float64Array(3);
    for (const length of [2, 4]) {
      const refused = expect.objectContaining({ code: "TRB_DP_LENGTH_MISMATCH", details: { length, expected: 3 } });
      for (const touched of [1, 3]) {
        expect(() => addCustomer(total, new Float64Array(length), grid, touched)).toThrow(refused);
        expect(() => addBucket(total, new Float32Array(length), grid)).toThrow(refused);
      }
    }
    expect(total).toEqual(new Float64Array(3));
  });

  it("what noise and dither were drawn into is zeros afterwards, and so is the total", () => {
    const drawn: (Float64Array | Uint8Array)[] = [];
    const keep = (out: Float64Array | Int32Array) => void (out instanceof Float64Array && drawn.push(out.fill(7)));
    const random = { noise: seededSource(1), rounding: { fill: (out: Uint8Array) => void drawn.push(out.fill(9)) } };
    const total = new Float64Array(plan.dimension).fill(5);
    noisyVector(total, sumQueryParameters(plan), random, () => ({ fill: keep }));
    expect(drawn.map(({ length }) => length)).toEqual([12, 48]);
    for (const array of [...drawn, total]) expect(array.every((value) => value === 0)).toBe(true);
  });

  it("a simulation's sampler is refused by its mark, whatever it draws, before anything is added", () => {
    const marked = { simulationOnly: true, fill: (out: Float64Array) => void out.fill(1) };
    const [sum, total] = [new Uint32Array(plan.dimension), new Float64Array(plan.dimension).fill(5)];
    const random = { noise: seededSource(1), rounding: seededSource(2) };
    const add = () => addNoisyVector(sum, total, sumQueryParameters(plan), random, () => marked as never);
    expect(add).toThrow(expect.objectContaining({ code: "TRB_DP_SAMPLER_NOT_EXACT" }));
    expect([...sum, ...total]).toEqual([...new Array<number>(12).fill(0), ...new Array<number>(12).fill(5)]);
  });

  it("a bucket that is not finite counts as zero", () => {
    const total = new Float64Array(2);
    expect(addBucket(total, new Float32Array([1, Number.NaN]), sumQueryParameters(plan).grid)).toBe(false);
    expect(total).toEqual(new Float64Array(2));
  });

  it("floats of either length become ⌊|v|·u⌋ with v's sign, added to what is there, within the stretch only", () => {
    for (const bucket of [Float32Array.of(9, 0.75, -2.5, 3, 9), Float64Array.of(9, 0.75, -2.5, 3, 9)]) {
      const total = Float64Array.of(1, 10, 100, 1000, 10_000);
      expect(addBucket(total, bucket, { unitsPerOne: 10 }, 1, 4)).toBe(true);
      expect([...total]).toEqual([1, 17, 75, 1030, 10_000]);
      addBucketPart(total, 3, bucket, { unitsPerOne: 10 }, 1, 3); // up to the last place
      expect([...total]).toEqual([1, 17, 75, 1037, 9975]);
    }
  });

  it("a bucket whose stretches lie elsewhere is the same as one that was copied together; a stretch too long is refused", () => {
    const { grid } = sumQueryParameters(plan);
    const bucket = Float32Array.from([0.5, -1.25, 3, -0.001, 7, 2 ** -30]);
    const [whole, parts] = [new Float64Array(6), new Float64Array(6)];
    addBucket(whole, bucket, grid);
    const elsewhere = Float32Array.from([9, 7, 2 ** -30, 0.5, -1.25, 3, -0.001]);
    addBucketPart(parts, 4, elsewhere, grid, 1, 3);
    addBucketPart(parts, 0, elsewhere, grid, 3);
    expect(parts).toEqual(whole);
    expect(() => addBucketPart(parts, 3, elsewhere, grid, 3)).toThrow(
      expect.objectContaining({ code: "TRB_DP_LENGTH_MISMATCH", details: { length: 4, expected: 3 } }),
    );
    expect(() => addBucketPart(parts, 0, elsewhere, grid, 3, 8)).toThrow(
      expect.objectContaining({ code: "TRB_DP_LENGTH_MISMATCH" }),
    );
  });

  it("a bucket that is moved leaves its integers, and zeros behind", () => {
    const { grid } = sumQueryParameters(plan);
    const values = [0.5, -1.25, 3, -0.001];
    const [whole, moved, sum] = [new Float64Array(4), new Float64Array(4), Float64Array.from(values)];
    addBucket(whole, Float64Array.from(values), grid);
    moveBucketPart(moved, sum, grid, 1, 4);
    expect([...moved].slice(1)).toEqual([...whole].slice(1));
    expect([...sum]).toEqual([0.5, 0, 0, 0]);
    expect(() => moveBucketPart(moved, new Float64Array(3), grid, 0, 3)).toThrow(
      expect.objectContaining({ code: "TRB_DP_LENGTH_MISMATCH" }),
    );
  });

  it("one number that is not finite is found wherever it stands", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (let place = 0; place < 11; place++) {
        const values = new Float32Array(11).fill(1e38);
        values[place] = bad;
        expect(allFinite(values)).toBe(false);
        expect(allFinite(values, 0, place) && allFinite(values, place + 1)).toBe(true);
      }
    }
  });

  it("a bucket that is added range by range, zeros left out, is the same as the whole", () => {
    const { grid } = sumQueryParameters(plan);
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -9, max: 9 }), { maxLength: 30 }),
        (values) => {
          const bucket = Float32Array.from([0, ...values, 0, 0]);
          const [whole, ranges] = [new Float64Array(bucket.length), new Float64Array(bucket.length)];
          addBucket(whole, bucket, grid);
          const middle = 1 + Math.floor(values.length / 2);
          addBucket(ranges, bucket, grid, middle, 1 + values.length);
          addBucket(ranges, bucket, grid, 1, middle);
          expect(ranges.map((value) => value + 0)).toEqual(whole.map((value) => value + 0));
        },
      ),
    );
  });
});

it("many nodes: the sum is right, its noise has the stated variance, and h nodes alone bring z·Δ (false alarm ≤ 1e-9; seeds from 100)", () => {
  const dimension = 20_000;
  const nodes = 8;
  const parameters = sumQueryParameters({
    ...plan,
    arithmetic: "exact",
    scale: "50000",
    clipNorm: "0.5",
    dimension,
    touched: 40,
    minCohort: nodes,
    maxCorrupt: 3,
    customerQuota: 64,
    noiseMultiplier: "1.7",
  });
  const summed = new Uint32Array(dimension);
  const truth = new Float64Array(dimension);
  for (let node = 0; node < nodes; node++) {
    const total = new Float64Array(dimension);
    for (let customer = 0; customer < 20; customer++) {
      const vector = new Float64Array(dimension);
      for (let k = 0; k < 40; k++) vector[(node * 811 + customer * 97 + k * 331) % dimension] = ((k % 7) - 3) * 0.05;
      addCustomer(total, vector, parameters.grid, parameters.touched);
      const clipped = clipToGrid(vector, parameters.grid) ?? vector;
      for (let i = 0; i < dimension; i++) truth[i] = (truth[i] as number) + (clipped[i] as number) / 2 ** 8;
    }
    const random = { rounding: seededSource(100 + node), noise: seededSource(200 + node) };
    const y = noisyVector(total, parameters, random);
    expect(total.every((value) => value === 0)).toBe(true); // V does not outlive y
    for (let i = 0; i < dimension; i++) summed[i] = (summed[i] as number) + (y[i] as number);
  }
  const sum = readSum(summed, parameters);

  const sigma = noiseDeviation(parameters.nodeVariance, nodes) / parameters.scale;
  let statistic = 0;
  let mean = 0;
  for (let i = 0; i < dimension; i++) {
    const error = (sum[i] as number) - (truth[i] as number) / parameters.scale;
    statistic += (error / sigma) ** 2;
    mean += error / sigma / dimension;
  }
  const slack = chiSquareLimit(dimension) - dimension; // the lower tail is thinner than the upper
  expect(Math.abs(statistic - dimension)).toBeLessThan(slack);
  expect(Math.abs(mean)).toBeLessThan(6.5 / Math.sqrt(dimension));
  // z·Δ from the honest minimum: h·σ_u² ≥ z²Δ², and no more than rounding above it
  const stated = 1.7 * toNumber(parameters.sensitivity);
  const brought = noiseDeviation(parameters.nodeVariance, parameters.honestNodes);
  expect(brought / stated).toBeCloseTo(1, 8);
});
