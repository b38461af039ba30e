/** Evaluation of a model: the held-out items are ranked among the whole catalogue, and the last action is guessed. */
import type { HeldOut, Histories } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import type { ItemContent } from "../item-content/item-content.ts";
import { type ClassificationMetrics, classificationMetrics } from "../metrics/classification.ts";
import { type Calibration, calibration } from "../metrics/probabilities.ts";
import type { ModelSpec } from "../spec.ts";
import { likeLengths, modelScorer } from "./item-scorer.ts";
import { type RankingOptions, rankCustomers } from "./rank-customers.ts";
import type { Ranks } from "./result-block.ts";
import { openScorer, type Stretch } from "./scorer.ts";

/** `items` may be more than the model's table has rows: items that share a row tie. */
export interface EvaluationOptions extends Pick<RankingOptions, "items" | "repeats" | "batch"> {
  /** What is publicly known of items, where the model reads it. */
  readonly content?: ItemContent | undefined;
}

/**
 * `rankCustomers` of a model.
 * @param heldOut from `leaveLastOut`
 * @returns one rank for each customer with a held-out item; `resultBlock` makes figures of them
 * @throws TRB_MODEL_TARGET_OUTSIDE when a held-out item is not in the catalogue; TRB_MODEL_SCORE_NAN
 */
export async function evaluate(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  heldOut: HeldOut,
  options: EvaluationOptions,
): Promise<Ranks> {
  const scorer = await modelScorer(spec, parameters, executor, options.items, options.content);
  try {
    const { ranks, isNew } = await rankCustomers(scorer.score, heldOut, options);
    return { ranks, isNew };
  } finally {
    await scorer.close();
  }
}

export interface NextActionMetrics extends ClassificationMetrics {
  /** Of the predicted action's probability (softmax of the logits): how often it was right. */
  readonly calibration: Calibration;
}

/**
 * How well the model tells the action of each customer's last event from the events before it (accuracy, recall, F1, calibration).
 * @param histories whole histories; customers with one event, or whose last action the plan does not know, are left out
 * @returns undefined where the model has no action head
 */
export async function evaluateNextAction(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  histories: Histories,
  { batch = 64, content }: Pick<EvaluationOptions, "batch" | "content"> = {},
): Promise<NextActionMetrics | undefined> {
  const stretches: Stretch[] = [];
  const truth: number[] = [];
  for (let customer = 0; customer < histories.customers.length; customer++) {
    const begin = histories.offsets[customer] as number;
    const end = histories.offsets[customer + 1] as number;
    const action = histories.actions[end - 1] ?? spec.actions;
    if (end - begin < 2 || action >= spec.actions) continue;
    stretches.push({ begin, end: end - 1 });
    truth.push(action);
  }
  if (spec.actions === 0 || spec.weights.nextAction === 0) return undefined;
  const predicted = new Int32Array(truth.length);
  const confidence = new Float64Array(truth.length);
  const scorer = await openScorer(spec, parameters, executor, content);
  try {
    for (const chosen of likeLengths(stretches, batch)) {
      const { actions = new Float32Array(0) } = await scorer.score(
        histories,
        chosen.map((e) => stretches[e] as Stretch),
      );
      chosen.forEach((e, row) => {
        const logits = Float64Array.from(actions.subarray(row * spec.actions, (row + 1) * spec.actions));
        const guess = largest(logits);
        predicted[e] = guess;
        confidence[e] = 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - (logits[guess] as number)), 0);
      });
    }
  } finally {
    await scorer.close();
  }
  const right = predicted.map((guess, e) => (guess === truth[e] ? 1 : 0));
  return { ...classificationMetrics(predicted, truth, spec.actions), calibration: calibration(confidence, right) };
}

/** Place of the largest value, the first of equals. */
function largest(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
