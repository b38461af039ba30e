import { seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { contributionsOf, fitLogistic, logitOf, sigmoid } from "./logistic.ts";

const names = ["a", "b"];

describe("logistic regression", () => {
  test("one yes-or-no feature: the closed form, log-odds of the two groups", () => {
    // 3 of 10 with x = 0, 8 of 12 with x = 1
    const rows = [...Array.from({ length: 10 }, () => [0]), ...Array.from({ length: 12 }, () => [1])];
    const outcomes = rows.map((_, n) => (n < 10 ? Number(n < 3) : Number(n < 18)));
    const model = fitLogistic(rows, outcomes, ["x"], 1e-9);
    expect(logitOf(model, [0])).toBeCloseTo(Math.log(3 / 7), 6);
    expect(logitOf(model, [1])).toBeCloseTo(Math.log(8 / 4), 6);
  });

  test("at the optimum the gradient of the penalised loss is zero, whatever the features' scale", () => {
    const random = seededRandom(11);
    const rows = Array.from({ length: 300 }, () => [random.fraction() * 1e4, random.fraction() * 1e-3]);
    const outcomes = rows.map(([a = 0, b = 0]) => Number(random.fraction() < sigmoid(a / 4e3 - b * 2e3)));
    const ridge = 2;
    const model = fitLogistic(rows, outcomes, names, ridge);
    const scaled = (row: readonly number[], f: number) =>
      ((row[f] as number) - (model.means[f] as number)) / (model.deviations[f] as number);
    const error = rows.map((row, n) => sigmoid(logitOf(model, row)) - (outcomes[n] as number));
    expect(error.reduce((sum, e) => sum + e, 0)).toBeCloseTo(0, 5);
    for (const f of [0, 1]) {
      const gradient = rows.reduce((sum, row, n) => sum + (error[n] as number) * scaled(row, f), 0);
      expect(gradient + ridge * (model.weights[f] as number)).toBeCloseTo(0, 4);
    }
  });

  test("separable outcomes end at finite weights, and a feature that never varies weighs nothing", () => {
    const rows = Array.from({ length: 40 }, (_, n) => [n, 7]);
    const model = fitLogistic(
      rows,
      rows.map((_, n) => Number(n >= 20)),
      names,
    );
    expect(model.weights.every(Number.isFinite)).toBe(true);
    expect(model.weights[0]).toBeGreaterThan(1);
    expect(model.weights[1]).toBeCloseTo(0, 9);
    expect(contributionsOf(model, [19.5, 7])).toEqual([expect.closeTo(0, 9), expect.closeTo(0, 9)]);
  });

  test("outcomes all alike, and features that are no numbers, are refused", () => {
    const refused = expect.objectContaining({ code: "TRB_MODEL_EVALUATION_INVALID" });
    expect(() => fitLogistic([[1], [2]], [1, 1], ["x"])).toThrow(refused);
    expect(() => fitLogistic([[1], [Number.NaN]], [0, 1], ["x"])).toThrow(refused);
    expect(() => fitLogistic([[1], [2, 3]], [0, 1], ["x"])).toThrow(refused);
  });
});
