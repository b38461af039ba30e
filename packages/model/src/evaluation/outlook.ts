/**
 * How well a model tells what a customer will do: leave, or buy in this session. Both are judged at a moment of the calendar that is the
 * same for everybody: train on what was before it (`splitByTime`, option `now` of the trainer), judge on what came after.
 *
 * Probabilities are judged as such: AUC (are those who leave ranked above those who stay) and calibration (do of those with 0.7 seven in
 * ten leave).
 */
import { fail } from "@tributary/errors";
import { type Histories, secondsOfDay } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import type { OutlookHead } from "../graphs/heads.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import { type Calibration, calibration, rocAuc } from "../metrics/probabilities.ts";
import type { ModelSpec } from "../spec.ts";
import { purchaseLabels } from "../training/examples/labels.ts";
import { likeLengths } from "./item-scorer.ts";
import { openScorer, type Stretch } from "./scorer.ts";

export interface OutlookMetrics {
  /** Customers who were judged. */
  readonly count: number;
  /** Share of them who left (bought). */
  readonly rate: number;
  /** Area under the ROC curve; undefined where all did the same. */
  readonly auc: number | undefined;
  readonly calibration: Calibration;
}

export interface OutlookOptions {
  /** Unix seconds; a public constant, as training's cuts are. */
  readonly cut: number;
  /** Unix seconds until which the log was watched; default: long enough. */
  readonly now?: number;
  /** What is publicly known of items, where the model reads it. */
  readonly content?: ItemContent | undefined;
  /** Customers a run; default 64. */
  readonly batch?: number;
}

/** A state to ask, and what became of it. */
interface Question {
  readonly stretch: Stretch;
  /** 1: left, bought. */
  readonly outcome: number;
}

/**
 * Churn: of the customers with an event in the `churnDays` before the cut, who has none in the `churnDays` after it (an event at the cut's own
 * moment is after it).
 * @param histories whole histories
 * @returns undefined where the model has no churn head or nobody can be judged
 * @throws TRB_EVENTS_CUT_INVALID when the cut is no moment, or the horizon after it is not over by `now`; TRB_MODEL_CONTENT_MISSING
 */
export function evaluateChurn(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  histories: Histories,
  options: OutlookOptions,
): Promise<OutlookMetrics | undefined> {
  const { cut, now = Number.POSITIVE_INFINITY } = options;
  const horizon = spec.churnDays * secondsOfDay;
  if (!Number.isFinite(cut) || cut + horizon > now) throw fail("TRB_EVENTS_CUT_INVALID", { cut });
  const time = (event: number) => histories.times[event] as number;
  return judge(spec, parameters, executor, { head: "churn", histories, options }, (begin, end) => {
    let next = begin;
    while (next < end && time(next) < cut) next++;
    if (next === begin || time(next - 1) < cut - horizon) return undefined;
    return { stretch: { begin, end: next }, outcome: next < end && time(next) < cut + horizon ? 0 : 1 };
  });
}

/**
 * Purchase: of the customers with an event at the cut or later, who buys later in the session of the first of them.
 * @returns undefined where the model has no purchase head or nobody can be judged
 * @throws TRB_EVENTS_CUT_INVALID, TRB_MODEL_CONTENT_MISSING
 */
export function evaluatePurchase(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  histories: Histories,
  options: OutlookOptions,
): Promise<OutlookMetrics | undefined> {
  const { cut, now } = options;
  if (!Number.isFinite(cut)) throw fail("TRB_EVENTS_CUT_INVALID", { cut });
  return judge(spec, parameters, executor, { head: "purchase", histories, options }, (begin, end) => {
    let first = begin;
    while (first < end && (histories.times[first] as number) < cut) first++;
    if (first === end) return undefined;
    const [label = 0] = purchaseLabels(histories, { begin: first, end }, now);
    return label === 0 ? undefined : { stretch: { begin, end: first + 1 }, outcome: label - 1 };
  });
}

async function judge(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  asked: { readonly head: OutlookHead; readonly histories: Histories; readonly options: OutlookOptions },
  question: (begin: number, end: number) => Question | undefined,
): Promise<OutlookMetrics | undefined> {
  const { head, histories, options } = asked;
  const questions = histories.customers.flatMap((_, customer) => {
    return question(histories.offsets[customer] as number, histories.offsets[customer + 1] as number) ?? [];
  });
  if (spec.weights[head] === 0 || questions.length === 0) return undefined;
  const stretches = questions.map(({ stretch }) => stretch);
  const outcomes = questions.map(({ outcome }) => outcome);
  const probabilities = new Float64Array(questions.length);
  const scorer = await openScorer(spec, parameters, executor, options.content);
  try {
    for (const chosen of likeLengths(stretches, options.batch ?? 64)) {
      const scores = await scorer.score(
        histories,
        chosen.map((e) => stretches[e] as Stretch),
      );
      chosen.forEach((e, row) => {
        probabilities[e] = scores[head]?.[row] ?? Number.NaN;
      });
    }
  } finally {
    await scorer.close();
  }
  const rate = outcomes.reduce((sum, outcome) => sum + outcome, 0) / outcomes.length;
  return {
    count: outcomes.length,
    rate,
    auc: rocAuc(probabilities, outcomes),
    calibration: calibration(probabilities, outcomes),
  };
}
