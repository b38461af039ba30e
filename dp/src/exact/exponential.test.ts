import fc from "fast-check";
import { expect, it } from "vitest";
import { exponentialBounds } from "./exponential.ts";

it("brackets 1/e to 200 bits (digits from the OEIS, A068985)", () => {
  const digits = 36787944117144232159552377016146086744581113103176783450783680n; // 62 of them
  const { low, high } = exponentialBounds({ numerator: 1n, denominator: 1n }, 200);
  const scale = 10n ** 62n;
  expect(low * scale <= (digits + 1n) << 200n && high * scale >= digits << 200n).toBe(true);
  expect(high - low).toBeLessThanOrEqual(2n);
});

it("bounds at one precision enclose those at a finer one, a few units apart", () => {
  const gamma = fc.record({
    numerator: fc.bigInt({ min: 0n, max: 1n << 60n }),
    denominator: fc.bigInt({ min: 1n, max: 1n << 55n }),
  });
  fc.assert(
    fc.property(gamma, fc.integer({ min: 32, max: 128 }), (value, bits) => {
      const coarse = exponentialBounds(value, bits);
      const fine = exponentialBounds(value, 2 * bits);
      const shift = BigInt(bits);
      expect(coarse.low << shift).toBeLessThanOrEqual(fine.low);
      expect(coarse.high << shift).toBeGreaterThanOrEqual(fine.high);
      expect(coarse.high - coarse.low).toBeLessThanOrEqual(2n);
    }),
    { numRuns: 200 },
  );
});

it("agrees with Math.exp", () => {
  for (const [numerator, denominator] of [
    [1n, 3n],
    [7n, 2n],
    [20n, 1n],
    [1n, 1_000_000n],
  ] as const) {
    const { low } = exponentialBounds({ numerator, denominator }, 100);
    const expected = Math.exp(-Number(numerator) / Number(denominator));
    expect(Number(low) * 2 ** -100).toBeCloseTo(expected, 14);
  }
});
