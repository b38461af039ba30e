import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimal } from "../identifiers.ts";
import { decimalToRational, formatDecimal, parseDecimal } from "./decimals.ts";

const numbers = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e290, max: 1e290 });

describe("decimals", () => {
  test("have one form for each number", () => {
    const forms = [
      [0, "0"],
      [-0, "0"],
      [1, "1"],
      [-2.5, "-2.5"],
      [0.1, "0.1"],
      [1e-6, "0.000001"],
      [1e-7, "1e-7"],
      [1.5e-9, "1.5e-9"],
      [120000, "120000"],
      [1e20, "100000000000000000000"],
      [1e21, "1e21"],
      [1.25e30, "1.25e30"],
      [1 / 3, "0.333333333333"],
      [123456789012.75, "123456789013"],
    ] as const;
    for (const [number, form] of forms) expect(formatDecimal(number)).toBe(form);
  });

  test("round up to the next of 12 digits, on either side of zero", () => {
    expect(formatDecimal(1 / 3, "up")).toBe("0.333333333334");
    expect(formatDecimal(2 / 3, "up")).toBe("0.666666666667");
    expect(formatDecimal(-1 / 3, "up")).toBe("-0.333333333333");
    expect(formatDecimal(-2 / 3, "up")).toBe("-0.666666666666");
    expect(formatDecimal(0.9999999999999, "up")).toBe("1");
    expect(formatDecimal(9.9999999999999, "up")).toBe("10");
    expect(formatDecimal(0.1, "up")).toBe("0.1");
  });

  test("rounded up never read back as less, nor as a part in 10¹¹ more", () => {
    fc.assert(
      fc.property(numbers, (number) => {
        const back = parseDecimal(formatDecimal(number, "up"));
        expect(back).toBeGreaterThanOrEqual(number);
        expect(back - number).toBeLessThanOrEqual(Math.abs(number) * 1.0000001e-11);
      }),
    );
  });

  test("rounded to nearest are within half a unit of the twelfth digit", () => {
    fc.assert(
      fc.property(numbers, (number) => {
        expect(Math.abs(parseDecimal(formatDecimal(number)) - number)).toBeLessThanOrEqual(Math.abs(number) * 5.0000001e-12);
      }),
    );
  });

  test("read and written again don't change, in either rounding, and pass the schema", () => {
    fc.assert(
      fc.property(numbers, fc.constantFrom("nearest" as const, "up" as const), (number, rounding) => {
        const once = formatDecimal(number, rounding);
        expect(decimal.safeParse(once).success).toBe(true);
        expect(formatDecimal(parseDecimal(once), "nearest")).toBe(once);
        expect(formatDecimal(parseDecimal(once), "up")).toBe(once);
      }),
    );
  });

  test("are exact as rationals, in lowest terms", () => {
    expect(decimalToRational("0.25")).toEqual({ numerator: 1n, denominator: 4n });
    expect(decimalToRational("-1.50")).toEqual({ numerator: -3n, denominator: 2n });
    expect(decimalToRational("2e3")).toEqual({ numerator: 2000n, denominator: 1n });
    expect(decimalToRational("2e-3")).toEqual({ numerator: 1n, denominator: 500n });
    expect(decimalToRational("0")).toEqual({ numerator: 0n, denominator: 1n });
    expect(decimalToRational("0.0")).toEqual({ numerator: 0n, denominator: 1n });
  });

  test("refuse what is no number, and numbers whose digits would fill the memory", () => {
    for (const text of ["", "1.", ".5", "+1", "01", "1e+5", "NaN", "0x10", " 1", "1e999999999", "1e-401", "9".repeat(65)]) {
      expect(() => decimalToRational(text)).toThrow();
      expect(() => parseDecimal(text)).toThrow();
    }
    expect(() => parseDecimal("1e390")).toThrow("too large");
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => formatDecimal(number)).toThrow("not finite");
    for (const text of ["1e301", "1e-331", "1e999999", "1".repeat(41)]) expect(decimal.safeParse(text).success).toBe(false);
  });
});
