import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bitLength,
  compare,
  fromNumber,
  integerSqrt,
  multiply,
  parseRational,
  roundUp,
  squareRootUp,
  toDecimal,
  toNumber,
} from "./rational.ts";

const positive = fc.record({
  numerator: fc.bigInt({ min: 1n, max: 1n << 200n }),
  denominator: fc.bigInt({ min: 1n, max: 1n << 200n }),
});

describe("parseRational", () => {
  it("reads a plan's decimals exactly", () => {
    expect(compare(parseRational("0.01"), { numerator: 1n, denominator: 100n })).toBe(0);
    expect(compare(parseRational("12.5e-3"), { numerator: 1n, denominator: 80n })).toBe(0);
    expect(compare(parseRational("3e2"), { numerator: 300n, denominator: 1n })).toBe(0);
  });

  it.each(["", "-1", "1.", ".5", "01", "1e999", "NaN", "0x10", " 1", "1e+3", "Infinity"])("refuses %j", (text) => {
    expect(() => parseRational(text)).toThrow(expect.objectContaining({ code: "TRB_DP_DECIMAL_INVALID" }));
  });
});

describe("rounding keeps its direction", () => {
  it("toNumber brackets the rational between neighbouring doubles", () => {
    fc.assert(
      fc.property(positive, (value) => {
        const down = toNumber(value, "down");
        const up = toNumber(value, "up");
        expect(compare(fromNumber(down), value)).toBeLessThanOrEqual(0);
        expect(compare(fromNumber(up), value)).toBeGreaterThanOrEqual(0);
        expect(up - down).toBeLessThanOrEqual(down * 2 ** -52);
      }),
    );
  });

  it("toDecimal keeps 12 digits on the side it was told, in the form that plans accept", () => {
    fc.assert(
      fc.property(positive, (value) => {
        const down = parseRational(toDecimal(value, "down"));
        const up = parseRational(toDecimal(value, "up"));
        expect(compare(down, value)).toBeLessThanOrEqual(0);
        expect(compare(up, value)).toBeGreaterThanOrEqual(0);
        expect(compare(up, multiply(down, parseRational("1.00000000001")))).toBeLessThanOrEqual(0);
        expect(toDecimal(value, "up")).toMatch(/^(0|[1-9][0-9]*)(\.[0-9]+)?(e-?[0-9]+)?$/);
      }),
    );
    expect(toDecimal(parseRational("0.00012"), "up")).toBe("0.00012");
    expect(toDecimal({ numerator: 2n, denominator: 3n }, "up")).toBe("0.666666666667");
    expect(toDecimal({ numerator: 999_999_999_999_9n, denominator: 10n }, "up")).toBe("1000000000000");
  });

  it("roundUp and squareRootUp give the least multiple that is not below", () => {
    fc.assert(
      fc.property(positive, fc.integer({ min: 0, max: 40 }), (value, bits) => {
        const step = { numerator: 1n, denominator: 1n << BigInt(bits) };
        const up = roundUp(value, bits);
        expect(compare(up, value)).toBeGreaterThanOrEqual(0);
        expect(compare({ ...up, numerator: up.numerator - step.numerator }, value)).toBeLessThan(0);
        const root = squareRootUp(value, bits);
        expect(compare(multiply(root, root), value)).toBeGreaterThanOrEqual(0);
        const below = { ...root, numerator: root.numerator - 1n };
        expect(compare(multiply(below, below), value)).toBeLessThan(0);
      }),
    );
  });

  it("integerSqrt and bitLength are what their names say", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1n << 300n }), (x) => {
        const root = integerSqrt(x);
        expect(root * root <= x && (root + 1n) * (root + 1n) > x).toBe(true);
        expect(bitLength(x)).toBe(x === 0n ? 0 : x.toString(2).length);
      }),
    );
  });
});
