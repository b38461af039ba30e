/**
 * How good the predictions are that a node serves beside items (docs/quality.md): churn, purchase, advert clicks and the next action, learnt as `node serve` learns
 * them, on a market that knows the truth. Each against a logistic regression on recency and frequency, and against the ceiling: what the market itself would have said.
 */
import type { Histories } from "@tributary/events";
import { secondsOfDay } from "@tributary/events/histories";
import {
  calibration,
  churnCases,
  type Difference,
  itemCategories,
  itemSimilarity,
  type JudgedCases,
  judgeChurn,
  judgeClicks,
  judgePurchase,
  type PropensityFigures,
  pairedAuc,
  propensityFigures,
  rocAuc,
} from "@tributary/model";
import { type LivingMarket, leavingChance } from "../market/living-market.ts";
import { type NextActionQuality, nextActionQuality } from "./next-action.ts";

export interface PropensityQuality {
  readonly what: "churn" | "purchase" | "click";
  readonly customers: number;
  readonly model: PropensityFigures;
  readonly baseline: PropensityFigures;
  /** Of the market's own probabilities, on the same cases: what no model can pass but by chance. */
  readonly ceiling: { readonly auc: number | undefined; readonly brier: number; readonly calibrationError: number };
  /** Mean |said − true probability|, of the model and of the baseline. */
  readonly fromTruth: { readonly model: number; readonly baseline: number };
  /** AUC of the model minus that of the baseline, over customers drawn anew. */
  readonly difference: Difference | undefined;
}

export interface ServedQuality {
  readonly propensities: readonly PropensityQuality[];
  readonly nextAction: NextActionQuality;
}

/** @param churnDays horizon of churn */
export function servedQuality({ catalogue, histories, truth }: LivingMarket, churnDays: number, seed: number): ServedQuality {
  const categories = itemCategories(catalogue.items);
  const churn = judgeChurn(histories, churnDays, churnCases(histories, churnDays), { categories });
  const purchase = judgePurchase(histories);
  const clicks = judgeClicks(histories, itemSimilarity(catalogue.items), { categories });
  const trueChurn = Float64Array.from(
    churn?.asked ?? [],
    ({ customer, cut }) => leavingChance(truth, customer, cut, churnDays * secondsOfDay) ?? Number.NaN,
  );
  const at = (probabilities: Float64Array, events: Uint32Array) =>
    Float64Array.from(events, (event) => probabilities[event] as number);
  return {
    propensities: [
      ...(churn === undefined ? [] : [against("churn", churn.judged, trueChurn, seed)]),
      ...(purchase === undefined ? [] : [against("purchase", purchase.judged, at(truth.purchase, purchase.events), seed)]),
      ...(clicks === undefined ? [] : [against("click", clicks.judged, at(truth.click, clicks.events), seed)]),
    ],
    nextAction: nextActionQuality(histories, seed),
  };
}

function against(what: PropensityQuality["what"], judged: JudgedCases, truth: Float64Array, seed: number): PropensityQuality {
  const { outcomes, probabilities, baseline, customers } = judged;
  const apart = (said: Float64Array) =>
    said.reduce((sum, p, n) => sum + Math.abs(p - (truth[n] as number)), 0) / Math.max(1, said.length);
  const brier = truth.reduce((sum, p, n) => sum + (p - (outcomes[n] as number)) ** 2, 0) / Math.max(1, truth.length);
  return {
    ...{ what, customers: new Set(customers).size },
    model: propensityFigures(outcomes, judged),
    baseline: propensityFigures(outcomes, baseline),
    ceiling: { auc: rocAuc(truth, outcomes), brier, calibrationError: calibration(truth, outcomes).error },
    fromTruth: { model: apart(probabilities), baseline: apart(baseline.probabilities) },
    difference: pairedAuc(judged, probabilities, baseline.probabilities, { seed }),
  };
}

/** Only the next action: of a log of which no truth is known. */
export const logQuality = (histories: Histories, seed: number): Pick<ServedQuality, "nextAction"> => ({
  nextAction: nextActionQuality(histories, seed),
});
