import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logNormal, normalHazard } from "./normal-ratio.ts";
import { releasedPopularity } from "./popularity-query.ts";
import { meanIfReal, probabilityReal } from "./posterior.ts";

/** ∫ f over [0, ∞) by Simpson's rule on [0, most]. */
function integral(f: (v: number) => number, most: number, steps = 20_000): number {
  const h = most / steps;
  let sum = f(0) + f(most);
  for (let n = 1; n < steps; n++) sum += (n % 2 === 1 ? 4 : 2) * f(n * h);
  return (sum * h) / 3;
}

const normal = (x: number, s: number) => Math.exp((-x * x) / (2 * s * s)) / (s * Math.sqrt(2 * Math.PI));

describe("the posterior of a cell", () => {
  it("is what Bayes' rule gives when it is integrated numerically (fast-check)", () => {
    const real = (min: number, max: number) => fc.double({ min, max, noNaN: true });
    fc.assert(
      fc.property(real(-3, 8), real(0.3, 4), real(-12, 2), real(0.5, 6), (z, s, logOdds, mean) => {
        const x = z * s;
        const joint = (v: number) => (Math.exp(-v / mean) / mean) * normal(x - v, s);
        const most = Math.max(x, 0) + 12 * s;
        const evidence = integral(joint, most);
        const ratio = (Math.exp(logOdds) * evidence) / normal(x, s);
        expect(probabilityReal(x, s, logOdds, mean)).toBeCloseTo(ratio / (1 + ratio), 8);
        const expected = integral((v) => v * joint(v), most) / evidence;
        expect(meanIfReal(x, s, mean) / expected).toBeCloseTo(1, 6);
      }),
      { numRuns: 200 },
    );
  });

  it("rises with what was counted, from above 0", () => {
    for (let x = -5; x < 10; x += 0.5) {
      expect(probabilityReal(x + 0.5, 1.3, -6, 3)).toBeGreaterThan(probabilityReal(x, 1.3, -6, 3));
      expect(meanIfReal(x + 0.5, 1.3, 3)).toBeGreaterThan(meanIfReal(x, 1.3, 3));
      expect(meanIfReal(x, 1.3, 3)).toBeGreaterThan(0);
    }
  });
});

describe("the normal's hazard and ln Φ", () => {
  // by mpmath at 40 digits: log(ncdf(z)) and npdf(z)/ncdf(z)
  it.each([
    [-40, -804.608442013754, 40.0249688472073],
    [-5, -15.0649983939887, 5.18650396712584],
    [-3.0001, -6.60805453602305, 3.28319159916911],
    [-2.9999, -6.60739791629206, 3.28300571100647],
    [-1, -1.84102164500926, 1.52513527616098],
    [0, -Math.LN2, 0.797884560802865],
    [2, -0.0230129093289635, 0.0552478626789899],
    [3.0001, -0.00135036624750409, 0.00443650589935867],
  ])("at %d", (z, log, hazard) => {
    expect(logNormal(z) / log).toBeCloseTo(1, 9);
    expect(normalHazard(z) / hazard).toBeCloseTo(1, 9);
  });

  it("has no step where series and continued fraction meet", () => {
    for (const z of [-3, 3]) {
      expect(logNormal(z * (1 + 1e-12)) / logNormal(z * (1 - 1e-12))).toBeCloseTo(1, 10);
      expect(normalHazard(z * (1 + 1e-12)) / normalHazard(z * (1 - 1e-12))).toBeCloseTo(1, 10);
    }
  });
});

describe("released popularity", () => {
  it("has mean 1, is above 0 throughout, keeps the order, and keeps what is far above its noise", () => {
    const sum = Float64Array.of(-9, 0, 1, 100, 8);
    const p = releasedPopularity(sum, 2);
    expect(p.reduce((total, value) => total + value, 0) / 5).toBeCloseTo(1, 6);
    expect(p[0]).toBeGreaterThan(0);
    const order = [...p.keys()].sort((a, b) => (p[a] as number) - (p[b] as number));
    expect(order).toEqual([0, 1, 2, 4, 3]);
    expect((p[3] as number) / (p[4] as number)).toBeCloseTo((100 - 4 / 20) / 7.8, 1);
  });

  it("says nothing, and no NaN, when nothing was found", () => {
    const p = releasedPopularity(Float64Array.of(-1, -1, -1), 1e3);
    expect([...p]).toEqual([1, 1, 1].map((one) => expect.closeTo(one, 3)));
  });
});
