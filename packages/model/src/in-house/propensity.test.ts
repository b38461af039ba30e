import { seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { sigmoid } from "./logistic.ts";
import { driversOf, fitPropensity, logOddsOf, type PropensityCase, propensityFigures, propensityOf } from "./propensity.ts";

const names = ["told", "noise"];
const random = seededRandom(3, "propensity");
/** P = σ(2·told − 1); the other column is noise. */
const cases: readonly PropensityCase[] = Array.from({ length: 4000 }, (_, n) => {
  const told = 2 * random.fraction() - 1;
  return {
    customer: Math.floor(n / 2),
    row: [told, random.fraction()],
    outcome: random.fraction() < sigmoid(2 * told - 1) ? 1 : 0,
  };
});
const options = { names, sets: [[1], [0, 1]], leastOfEach: 16 };

describe("a propensity", () => {
  const fitted = fitPropensity(cases, options);
  if (fitted === undefined) throw new Error("nothing was learnt");
  const { model, judged } = fitted;

  test("is the probability that made the outcomes, and better than a baseline that reads noise", () => {
    expect(model.features).toEqual([0, 1]);
    for (const told of [-0.8, 0, 0.8]) expect(propensityOf(model, [told, 0.5])).toBeCloseTo(sigmoid(2 * told - 1), 1);
    const [own, baseline] = [propensityFigures(judged.outcomes, judged), propensityFigures(judged.outcomes, judged.baseline)];
    expect(own.auc).toBeGreaterThan(0.7);
    expect(baseline.auc).toBeLessThan(0.56);
    expect(own.brier).toBeLessThan(baseline.brier);
    expect(own.calibrationError).toBeLessThan(0.05);
    expect(own.f1).toBeGreaterThan(0.45);
  });

  test("drivers are what moves the calibrated log-odds", () => {
    const apart = (row: readonly number[]) =>
      logOddsOf(propensityOf(model, row)) - driversOf(model, row).reduce((sum, { logOdds }) => sum + logOdds, 0);
    expect(apart([0.9, 0.1])).toBeCloseTo(apart([-0.9, 0.7]), 9);
  });

  test("nobody is judged by what was learnt from it: sixty columns of noise fit four hundred customers, and tell nothing of others", () => {
    const noise = seededRandom(8, "noise");
    const columns = Array.from({ length: 60 }, (_, f) => `noise ${f}`);
    const blind = Array.from({ length: 400 }, (_, customer) => ({
      ...{ customer, outcome: noise.below(2) },
      row: columns.map(() => noise.fraction()),
    }));
    const found = fitPropensity(blind, { names: columns, sets: [columns.map((_, f) => f)], leastOfEach: 16 });
    const { auc = 1 } = found === undefined ? {} : propensityFigures(found.judged.outcomes, found.judged);
    expect(Math.abs(auc - 0.5)).toBeLessThan(0.18); // 6.2 σ of an AUC of 200 against 200; judged by themselves it is above 0.7
  });

  test("cases that are learnt from but not judged are in no figure; too few give no model", () => {
    const half = cases.map((one, n) => ({ ...one, judged: n < 2000 }));
    expect(fitPropensity(half, options)?.judged.outcomes).toHaveLength(2000);
    expect(fitPropensity(cases.slice(0, 20), options)).toBeUndefined();
    expect(
      fitPropensity(
        cases.map((one) => ({ ...one, outcome: 1 })),
        options,
      ),
    ).toBeUndefined();
  });
});
