/** The sentences of docs/privacy/proofs.md, each against numbers that don't use the proof: distributions written out and compared. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { atSeveralMerchants } from "../accounting/group.ts";
import { rdpPoissonGaussian, rdpVector } from "../accounting/poisson-gaussian.ts";
import { compare, multiply, toNumber, whole } from "../exact/rational.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { clampToQuota } from "./clamp.ts";
import { ditherAndShift } from "./dither.ts";
import { fromModular, toModular } from "./modular.ts";
import { noisyVector, readSum } from "./node-vector.ts";
import { type SumQueryPlan, sumQueryParameters } from "./parameters.ts";

/** ln Σ e^x */
function logSum(values: Float64Array): number {
  const most = values.reduce((a, b) => Math.max(a, b));
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** ln of N_Z(shift, σ²) on −reach … reach: logarithms, because far tails matter and would vanish. */
function gaussianOn(reach: number, shift: number, variance: number): Float64Array {
  const raw = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => -((i - reach - shift) ** 2) / (2 * variance));
  const total = logSum(raw);
  return raw.map((value) => value - total);
}

/** ln((1 − q)·e^a + q·e^b) */
const mix = (q: number, a: Float64Array, b: Float64Array) =>
  a.map((value, i) => logSum(Float64Array.of(Math.log1p(-q) + value, Math.log(q) + (b[i] as number))));

/** ln Σ P^α Q^{1−α}/(α − 1), of logarithms */
const renyi = (p: Float64Array, q: Float64Array, order: number): number =>
  logSum(p.map((value, i) => order * value + (1 - order) * (q[i] as number))) / (order - 1);

const plan: SumQueryPlan = {
  arithmetic: "exact",
  clipNorm: "1",
  scale: "3",
  fractionBits: 2,
  dimension: 1,
  touched: 1,
  samplingRate: "1",
  noiseMultiplier: "1.2",
  minCohort: 2,
  maxCorrupt: 1,
  customerQuota: 8,
};

describe("§1 conditioning: dither and others are averaged over, and that never costs more than the worst of them", () => {
  /** P[y] of one node with one honest share, averaged over all 2^f values of the dither. */
  function released(total: number, variance: number): Float64Array {
    const shifts: number[] = [];
    for (let u = 0; u < 4; u++) {
      const word = { fill: (out: Uint8Array) => void new Uint32Array(out.buffer).fill((u << 30) >>> 0) };
      shifts.push(ditherAndShift(new Float64Array([total]), 2, word)[0] as number);
    }
    const parts = shifts.map((shift) => gaussianOn(200, shift, variance));
    return gaussianOn(200, 0, 1).map((_, i) => logSum(Float64Array.from(parts, (part) => part[i] as number)) - Math.log(4));
  }

  it("every customer on the grid, whoever else is there: Rényi divergence at most α/2z², at real orders, too", () => {
    const parameters = sumQueryParameters(plan);
    const variance = toNumber(parameters.nodeVariance);
    const reach = Math.floor(Math.sqrt(Number(parameters.grid.squaredLimit)));
    expect(reach).toBe(12);
    let most = 0;
    for (const others of [-9, 0, 3, 6]) {
      for (let customer = -reach; customer <= reach; customer++) {
        const [p, q] = [released(others + customer, variance), released(others, variance)];
        for (const order of [1.3, 2, 5, 16]) {
          const ratio = Math.max(renyi(p, q, order), renyi(q, p, order)) / (order / (2 * 1.2 ** 2));
          most = Math.max(most, ratio);
        }
      }
    }
    expect(most).toBeLessThanOrEqual(1);
    expect(most).toBeGreaterThan(0.5); // Δ = 4 where no customer moves y by more than 3 here: (3/4)² = 0.5625
  });

  it("sampled with probability q: at most what the certified accountant charges, both directions, integer orders", () => {
    const variance = toNumber(sumQueryParameters(plan).nodeVariance);
    for (const q of [0.02, 0.3, 0.9]) {
      const without = released(5, variance);
      const included = mix(q, without, released(5 + 12, variance));
      for (const order of [2, 3, 8]) {
        const charged = rdpPoissonGaussian(q, 1.2, order);
        expect(renyi(included, without, order)).toBeLessThanOrEqual(charged);
        expect(renyi(without, included, order)).toBeLessThanOrEqual(charged);
      }
    }
  });
});

describe("§2 and §3 the discrete Gaussian at integer orders, and ADD ≤ REMOVE", () => {
  it.each([0.3, 0.5, 2, 20])(
    "σ² = %d: integer moments of the likelihood ratio are those of the continuous one, others may be larger",
    (variance) => {
      const base = gaussianOn(400, 0, variance);
      let larger = 0;
      for (const u of [1, 2, 3]) {
        const moved = gaussianOn(400, u, variance);
        for (const k of [2, 3, 5]) {
          const exponent = ((k * k - k) * u * u) / (2 * variance);
          if (exponent > 200) continue;
          expect(renyi(moved, base, k) * (k - 1)).toBeCloseTo(exponent, 8);
        }
        const half = renyi(moved, base, 1.5) * 0.5;
        larger = Math.max(larger, Math.abs(half - (0.75 * u * u) / (2 * variance)));
        expect(half).toBeLessThanOrEqual((0.75 * u * u) / (2 * variance) + 1e-9); // without sampling any real order holds
      }
      if (variance <= 0.5) expect(larger).toBeGreaterThan(1e-4);
    },
  );

  it("REMOVE is at most the charge and ADD is at most REMOVE, for small σ and large q too", () => {
    for (const variance of [0.25, 0.5, 1, 9]) {
      for (const q of [0.01, 0.2, 0.5, 0.99]) {
        const base = gaussianOn(300, 0, variance);
        for (const u of [1, 2]) {
          const included = mix(q, base, gaussianOn(300, u, variance));
          for (const order of [2, 3, 6]) {
            const charged = rdpPoissonGaussian(q, Math.sqrt(variance) / u, order);
            if (charged > 150) continue;
            const [remove, add] = [renyi(included, base, order), renyi(base, included, order)];
            expect(remove).toBeLessThanOrEqual(charged * (1 + 1e-9) + 1e-12);
            expect(add).toBeLessThanOrEqual(remove * (1 + 1e-9) + 1e-12);
          }
          const order = 1.7; // the swap holds at real orders
          expect(renyi(base, included, order)).toBeLessThanOrEqual(renyi(included, base, order) + 1e-12);
        }
      }
    }
  });

  it("the lemma under it: sinh(m·s)/sinh(s) does not fall, for m ≥ 1", () => {
    const property = fc.property(
      fc.double({ min: 1, max: 60, noNaN: true }),
      fc.double({ min: 1e-3, max: 5, noNaN: true }),
      fc.double({ min: 1e-3, max: 5, noNaN: true }),
      (m, s, more) => {
        const at = (x: number) => Math.sinh(m * x) / Math.sinh(x);
        expect(at(s + more)).toBeGreaterThanOrEqual(at(s) * (1 - 1e-12));
      },
    );
    fc.assert(property);
  });
});

describe("§4 a sum of shares", () => {
  const convolve = (a: Float64Array, b: Float64Array) => {
    const out = new Float64Array(a.length + b.length - 1);
    for (const [i, x] of a.entries()) if (x > 0) for (const [j, y] of b.entries()) out[i + j] = (out[i + j] as number) + x * y;
    return out;
  };
  /** Largest |ln| of the ratio within 6σ. */
  const apart = (variance: number, shares: number) => {
    const one = gaussianOn(120, 0, variance).map(Math.exp);
    let sum = one;
    for (let i = 1; i < shares; i++) sum = convolve(sum, one);
    const whole = gaussianOn(120 * shares, 0, variance * shares);
    const near = 6 * Math.sqrt(variance * shares);
    return sum.reduce((most, p, i) => {
      const distance = Math.abs(i - 120 * shares);
      return distance > near ? most : Math.max(most, Math.abs(Math.log(p) - (whole[i] as number)));
    }, 0);
  };
  const tau = (variance: number, shares: number) => {
    let sum = 0;
    for (let k = 1; k < shares; k++) sum += 10 * Math.exp((-2 * Math.PI ** 2 * variance * k) / (k + 1));
    return sum;
  };

  it("is within τ of one discrete Gaussian where τ can be seen, and nowhere else different from it", () => {
    for (const [variance, shares] of [
      [0.25, 2],
      [0.4, 3],
      [0.6, 4],
    ] as const) {
      expect(apart(variance, shares)).toBeLessThanOrEqual(tau(variance, shares));
      expect(apart(variance, shares)).toBeGreaterThan(1e-7);
    }
    expect(apart(16, 3)).toBeLessThan(1e-12);
  });

  it("at σ_u ≥ 4, τ stays below 1e-50 for ten thousand nodes, times any dimension", () => {
    expect(tau(16, 10_000) * 1e12).toBeLessThan(1e-50);
  });

  it("h shares bring z²Δ², whichever survivors the coordinator picks and whatever the corrupt ones add", () => {
    for (const [minCohort, maxCorrupt] of [
      [3, 1],
      [7, 2],
      [100, 33],
    ] as const) {
      const parameters = sumQueryParameters({ ...plan, noiseMultiplier: "30", minCohort, maxCorrupt });
      const honest = multiply(parameters.nodeVariance, whole(minCohort - maxCorrupt));
      const due = multiply(whole(900), parameters.sensitivity, parameters.sensitivity);
      expect(compare(honest, due)).toBeGreaterThanOrEqual(0);
      expect(compare(multiply(parameters.nodeVariance, whole(minCohort - maxCorrupt - 1)), due)).toBeLessThan(0);
    }
  });
});

describe("§5 clamp, §6 wrap-around", () => {
  it("clamping moves no two sums apart, meets the bound exactly, and lets nothing through that is not a number", () => {
    const value = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constantFrom(2 ** 53, -(2 ** 53)));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 0, max: 200 }),
        (pairs, bound) => {
          const [a, b] = [Float64Array.from(pairs, ([x]) => x), Float64Array.from(pairs, ([, y]) => y)];
          clampToQuota(a, bound);
          clampToQuota(b, bound);
          pairs.forEach(([x, y], i) => {
            const [from, to] = [a[i] as number, b[i] as number];
            expect(Math.abs(from - to)).toBeLessThanOrEqual(Math.abs(x - y));
            expect(Math.abs(from)).toBeLessThanOrEqual(bound);
            if (Math.abs(x) <= bound) expect(from).toBe(x);
          });
        },
      ),
    );
    const strange = new Float64Array([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    clampToQuota(strange, 7);
    expect(Array.from(strange)).toEqual([0, 7, -7]);
    expect(() => clampToQuota(strange, -1)).toThrow(expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }));
  });

  it("dither is exact out to the edge of the range, and one unit of y is all that it can add", () => {
    const edge = 2 ** 53 - 2 ** 21;
    for (const value of [edge, -edge, 2 ** 52 + 1, -(2 ** 52) - 1]) {
      for (let seed = 0; seed < 50; seed++) {
        const [y = 0] = ditherAndShift(new Float64Array([value]), 20, seededSource(seed));
        const exact = BigInt(value);
        const floor = exact >> 20n;
        expect([floor, floor + (exact % 2n ** 20n === 0n ? 0n : 1n)]).toContain(BigInt(y));
      }
    }
  });

  it("a sum that leaves 32 bits comes back wrong by 2³² and by nothing else", () => {
    const shares = [2 ** 31 - 5, 7, 2 ** 31 - 1];
    const sum = shares.reduce((total, share) => (total + (toModular(new Float64Array([share]))[0] as number)) >>> 0, 0);
    const [read = 0] = fromModular(Uint32Array.of(sum));
    expect((shares.reduce((a, b) => a + b, 0) - read) % 2 ** 32).toBe(0);
    expect(Math.abs(read)).toBeLessThanOrEqual(2 ** 31);
  });
});

describe("§9 a person at several merchants who sample", () => {
  /** ln of the output with the person: N_σ moved by Σ B_i·u_i, every subset of merchants by itself. */
  function withPerson(q: number, shifts: readonly number[], variance: number): Float64Array {
    return shifts
      .reduce<{ move: number; log: number }[]>(
        (sums, shift) =>
          sums.flatMap(({ move, log }) => [
            { move, log: log + Math.log1p(-q) },
            { move: move + shift, log: log + Math.log(q) },
          ]),
        [{ move: 0, log: 0 }],
      )
      .map(({ move, log }) => gaussianOn(400, move, variance).map((value) => value + log))
      .reduce((all, part) => all.map((value, i) => logSum(Float64Array.of(value, part[i] as number))));
  }
  const charged = (q: number, z: number, merchants: number, order: number) =>
    rdpVector(atSeveralMerchants({ samplingRate: q, noiseMultiplier: z, steps: 1 }, merchants), [order])[0] as number;

  it("k = 3, q = .1, σ = 1.5Δ, order 4: .0618 to add, .2555 to remove, .4866 charged; a single shift says .0572 and 4.93", () => {
    // Δ = 4 integer units, so that parts of the noise are wide enough; z = σ/3Δ = ½
    const variance = (1.5 * 4) ** 2;
    const [without, person] = [gaussianOn(400, 0, variance), withPerson(0.1, [4, 4, 4], variance)];
    expect(renyi(without, person, 4)).toBeCloseTo(0.0618, 4);
    expect(renyi(person, without, 4)).toBeCloseTo(0.2555, 4);
    const together = mix(0.1, without, gaussianOn(400, 12, variance));
    expect(renyi(without, together, 4)).toBeCloseTo(0.0572, 4); // below what adding a person takes: no bound
    expect(charged(0.1, 0.5, 3, 4)).toBeCloseTo(0.4866, 4);
    expect(rdpPoissonGaussian(0.1, 0.5, 4)).toBeCloseTo(4.93, 2);
  });

  it("both directions are at most k rounds at z√k, wherever the person moves each merchant's sum, and that is at most one at z", () => {
    let tightest = 0;
    for (const shifts of [
      [3, 3],
      [3, -3],
      [1, 3, 2],
      [3, 3, 3],
      [2, 2, 2, 2],
      [3, 0, -1, 3],
    ]) {
      const [merchants, unit] = [shifts.length, Math.max(...shifts.map(Math.abs))];
      for (const z of [0.45, 1, 3]) {
        const variance = (z * merchants * unit) ** 2;
        const without = gaussianOn(400, 0, variance);
        for (const q of [0.01, 0.2, 0.7, 0.999]) {
          const person = withPerson(q, shifts, variance);
          for (const order of [2, 3, 6]) {
            const bound = charged(q, z, merchants, order);
            const most = Math.max(renyi(without, person, order), renyi(person, without, order));
            expect(most).toBeLessThanOrEqual(bound * (1 + 1e-9) + 1e-12);
            expect(bound).toBeLessThanOrEqual(rdpPoissonGaussian(q, z, order) * (1 + 1e-12));
            tightest = Math.max(tightest, most / bound);
          }
        }
      }
    }
    expect(tightest).toBeGreaterThan(0.95); // q near 1, all the same way: nothing is given away there
  });

  it("nothing sampled apart changes nothing, and z·√k is never rounded up", () => {
    const everybody = { samplingRate: 1, noiseMultiplier: 0.7, steps: 5 };
    expect(atSeveralMerchants(everybody, 4)).toEqual(everybody);
    const event = { samplingRate: 0.3, noiseMultiplier: 0.7, steps: 5 };
    expect(atSeveralMerchants(event, 1)).toEqual(event);
    for (let k = 2; k < 200; k++) {
      const { noiseMultiplier, steps } = atSeveralMerchants(event, k);
      expect(steps).toBe(5 * k);
      expect((noiseMultiplier / 0.7) ** 2 / k).toBeLessThan(1);
      expect((noiseMultiplier / 0.7) ** 2 / k).toBeGreaterThan(1 - 1e-14);
    }
    for (const merchants of [0, 1.5, Number.NaN]) {
      expect(() => atSeveralMerchants(event, merchants)).toThrow(expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }));
    }
    expect(() => atSeveralMerchants({ ...event, noiseMultiplier: 0 }, 2)).toThrow(
      expect.objectContaining({ code: "TRB_DP_NOISE_MULTIPLIER_INVALID" }),
    );
  });
});

it("the noise of a node is drawn by whatever exact sampler it is given, at the node's variance, and V is erased", () => {
  const parameters = sumQueryParameters({ ...plan, dimension: 3, touched: 3, noiseMultiplier: "2" });
  const total = new Float64Array([12, -48, 7]);
  const random = { rounding: seededSource(1), noise: seededSource(2) };
  let asked = whole(0);
  const y = noisyVector(total, parameters, random, (variance) => {
    asked = variance;
    return { fill: (out) => void out.fill(1000) };
  });
  expect(compare(asked, parameters.nodeVariance)).toBe(0);
  expect(Array.from(readSum(y, { scale: 1 })).slice(0, 2)).toEqual([1003, 988]);
  expect(Array.from(total)).toEqual([0, 0, 0]);
});
