import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compare, divide, multiply, type Rational, toNumber, whole } from "../exact/rational.ts";
import {
  betaQuantile,
  binomialPoint,
  binomialTail,
  clopperPearsonLower,
  clopperPearsonUpper,
  jeffreysUpper,
} from "./binomial.ts";
import { normalCdf, normalQuantile } from "./normal-quantile.ts";

/** P[Bin(n, numerator/1024) ≥ k] in integers. */
function exactTail(k: number, n: number, numerator: bigint): Rational {
  let sum = 0n;
  let choose = 1n;
  for (let j = 0n; j <= n; j++) {
    if (j >= k) sum += choose * numerator ** j * (1024n - numerator) ** (BigInt(n) - j);
    choose = (choose * (BigInt(n) - j)) / (j + 1n);
  }
  return { numerator: sum, denominator: 1024n ** BigInt(n) };
}

describe("the binomial", () => {
  it("has the tails that sums in integers have, to twelve digits, also far out", () => {
    const sizes = fc.record({ n: fc.integer({ min: 1, max: 120 }), share: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(sizes, fc.bigInt({ min: 1n, max: 1023n }), ({ n, share }, numerator) => {
        const k = Math.round(share * n);
        const exact = toNumber(exactTail(k, n, numerator));
        const found = binomialTail(k, n, Number(numerator) / 1024);
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(1e-12 * exact);
      }),
      { numRuns: 200 },
    );
  });

  it("has points that add up to its tail at a million trials", () => {
    const [n, p] = [1_000_000, 0.37];
    let sum = 0;
    for (let k = 371_000; k < 376_000; k++) sum += binomialPoint(k, n, p);
    expect(sum / binomialTail(371_000, n, p)).toBeCloseTo(1, 9);
  });

  it("is certain at p = 0 and p = 1", () => {
    expect([binomialPoint(0, 5, 0), binomialPoint(1, 5, 0), binomialPoint(5, 5, 1), binomialPoint(4, 5, 1)]).toEqual([
      1, 0, 1, 0,
    ]);
    expect([binomialTail(0, 5, 0.2), binomialTail(6, 5, 0.2)]).toEqual([1, 0]);
  });
});

describe("intervals", () => {
  it("Clopper–Pearson leaves exactly the error outside, on either side", () => {
    expect(binomialTail(37, 100, clopperPearsonLower(37, 100, 1e-9)) / 1e-9).toBeCloseTo(1, 9);
    const upper = clopperPearsonUpper(37, 100, 0.01);
    expect(1 - binomialTail(38, 100, upper)).toBeCloseTo(0.01, 12);
  });

  it("nothing seen in n trials leaves at most 1 − error^(1/n)", () => {
    expect(clopperPearsonUpper(0, 50, 0.05)).toBeCloseTo(1 - 0.05 ** (1 / 50), 14);
    expect(clopperPearsonLower(50, 50, 0.05)).toBeCloseTo(0.05 ** (1 / 50), 14);
    expect([clopperPearsonLower(0, 50, 0.05), clopperPearsonUpper(50, 50, 0.05)]).toEqual([0, 1]);
  });

  it("Jeffreys lies inside Clopper–Pearson; its prior is the arcsine law", () => {
    expect(jeffreysUpper(3, 40, 0.05)).toBeLessThan(clopperPearsonUpper(3, 40, 0.05));
    expect(jeffreysUpper(3, 40, 0.05)).toBeGreaterThan(3 / 40);
    expect(betaQuantile(0.3, 0.5, 0.5)).toBeCloseTo(Math.sin((0.3 * Math.PI) / 2) ** 2, 14);
  });
});

it("the normal quantile undoes the distribution, far out as well", () => {
  for (const p of [1e-300, 1e-40, 1e-9, 0.02, 0.3, 0.5, 0.7, 0.9999]) {
    expect(normalCdf(normalQuantile(p)) / p).toBeCloseTo(1, 11);
  }
  expect([normalQuantile(0), normalQuantile(1)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 13);
});

it("exact sums are what they are compared with: ¾ of two fair coins show a head", () => {
  expect(compare(exactTail(1, 2, 512n), divide(whole(3), multiply(whole(2), whole(2))))).toBe(0);
});
