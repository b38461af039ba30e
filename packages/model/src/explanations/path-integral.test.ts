import { expect, test } from "vitest";
import { integratePath } from "./path-integral.ts";

/** score = Σ f_i(α), with each f_i's slope. */
const along = (parts: readonly { readonly value: (x: number) => number; readonly slope: (x: number) => number }[]) => {
  const asked: number[] = [];
  const evaluate = async (extents: readonly number[]) => {
    asked.push(...extents);
    return extents.map((extent) => ({
      extent,
      score: parts.reduce((sum, { value }) => sum + value(extent), 0),
      slopes: Float64Array.from(parts, ({ slope }) => slope(extent)),
    }));
  };
  return { asked, evaluate };
};

const smooth = { value: (x: number) => x ** 3, slope: (x: number) => 3 * x ** 2 };
/** From 0 to 1 within a few thousandths of the way, at 0.371. */
const step = {
  value: (x: number) => (1 + Math.tanh((x - 0.371) / 0.002)) / 2,
  slope: (x: number) => 1 / (0.004 * Math.cosh((x - 0.371) / 0.002) ** 2),
};

test("smooth slopes are integrated on few points, a jump by halving where it is", async () => {
  const plain = along([smooth]);
  expect((await integratePath(plain.evaluate)).contributions[0]).toBeCloseTo(1, 2);
  const jumping = along([smooth, step]);
  const { contributions, residual } = await integratePath(jumping.evaluate);
  expect(contributions[0]).toBeCloseTo(1, 2);
  expect(contributions[1]).toBeCloseTo(1, 2);
  expect(Math.abs(residual)).toBeLessThan(0.02);
  expect(jumping.asked.length).toBeLessThan(200);
  expect(new Set(jumping.asked).size).toBe(jumping.asked.length);
});

test("a slope that is not the score's leaves a residual that says so, and an end to the halving", async () => {
  const wrong = along([{ value: (x) => x, slope: () => 0.5 }]);
  const { residual } = await integratePath(wrong.evaluate);
  expect(residual).toBeCloseTo(0.5, 9);
  expect(wrong.asked.length).toBeLessThanOrEqual(400);
});
