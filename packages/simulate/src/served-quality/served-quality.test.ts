import { describe, expect, it } from "vitest";
import { livingMarket } from "../market/living-market.ts";
import { servedQuality } from "./served-quality.ts";

describe("what a node serves beside items, on a market that knows the truth", () => {
  const quality = servedQuality(livingMarket({ customers: 900, items: 300, seed: 5 }), 14, 1);

  it.each(["churn", "purchase", "click"] as const)(
    "%s beats recency and frequency beyond noise, below the ceiling, and means what it says",
    (what) => {
      const found = quality.propensities.find((one) => one.what === what);
      if (found === undefined) throw new Error(`${what} was not learnt`);
      const { model, baseline, ceiling, fromTruth, difference } = found;
      expect(difference?.interval[0]).toBeGreaterThan(0);
      expect(model.auc).toBeLessThan(ceiling.auc ?? 0);
      expect(model.brier).toBeLessThan(baseline.brier);
      expect(model.f1).toBeGreaterThan(baseline.f1);
      expect(fromTruth.model).toBeLessThan(fromTruth.baseline);
      expect(model.calibrationError).toBeLessThan(0.08);
    },
  );

  it("the next action beats a first-order Markov chain beyond noise, in accuracy and in what was said", () => {
    const { accuracy, markovAccuracy, logLoss, markovLogLoss, difference } = quality.nextAction;
    expect(difference.difference).toBeCloseTo(accuracy - markovAccuracy, 12);
    expect(difference.interval[0]).toBeGreaterThan(0);
    expect(logLoss).toBeLessThan(markovLogLoss);
  });
});
