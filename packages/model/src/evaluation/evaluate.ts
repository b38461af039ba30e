/**
 * Exact evaluation of a model: every evaluated customer's held-out item is ranked among the whole catalogue, and the last
 * action is guessed. In memory of whoever holds the histories; a node or coordinator that released such figures would have
 * to pay for them.
 */

import { fail } from "@tributary/errors";
import type { HeldOut, Histories } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import { type ClassificationMetrics, classificationMetrics } from "../metrics/classification.ts";
import { itemRow } from "../rows.ts";
import type { ModelSpec } from "../spec.ts";
import { evaluatedCustomers, type Ranks, type Repeats, rankHeldOut } from "./result-block.ts";
import { openScorer, type Scorer, type Stretch } from "./scorer.ts";

export interface EvaluationOptions {
  /** How many items the catalogue has; those that share a row of the table tie. */
  readonly items: number;
  /** Default `keep`. */
  readonly repeats?: Repeats;
  /** Customers a run; default 64. */
  readonly batch?: number;
}

/**
 * @param heldOut from `leaveLastOut`
 * @returns one rank for each customer with a held-out item; `resultBlock` makes figures of them
 * @throws TRB_MODEL_TARGET_OUTSIDE when a held-out item is not in the catalogue
 */
export async function evaluate(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  heldOut: HeldOut,
  options: EvaluationOptions,
): Promise<Ranks> {
  const { items, repeats = "keep", batch = 64 } = options;
  const rowOf = Int32Array.from({ length: items }, (_, i) => itemRow(i + 1, spec) - 1);
  const customers = evaluatedCustomers(heldOut);
  for (const customer of customers) {
    const item = heldOut.targets[customer] as number;
    if (item > items) throw fail("TRB_MODEL_TARGET_OUTSIDE", { item, items });
  }
  const ranks = new Float64Array(customers.length);
  const isNew = new Uint8Array(customers.length);
  const scores = new Float64Array(items);
  const stretches = customers.map((customer) => historyOf(heldOut.train, customer));
  await inBatches(spec, parameters, executor, stretches, batch, async (scorer, chosen) => {
    const { rows } = await scorer.score(
      heldOut.train,
      chosen.map((e) => stretches[e] as Stretch),
    );
    chosen.forEach((e, row) => {
      const first = row * spec.items;
      for (let i = 0; i < items; i++) scores[i] = rows[first + (rowOf[i] as number)] as number;
      const ranked = rankHeldOut(heldOut, customers[e] as number, scores, repeats);
      ranks[e] = ranked.rank;
      isNew[e] = ranked.isNew ? 1 : 0;
    });
  });
  return { ranks, isNew };
}

/**
 * How well the model tells the action of each customer's last event from the events before it (accuracy, recall, F1).
 * @param histories whole histories; customers with one event, or whose last action the plan does not know, are left out
 * @returns undefined where the model has no action head
 */
export async function evaluateNextAction(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  histories: Histories,
  batch = 64,
): Promise<ClassificationMetrics | undefined> {
  const stretches: Stretch[] = [];
  const truth: number[] = [];
  for (let customer = 0; customer < histories.customers.length; customer++) {
    const { begin, end } = historyOf(histories, customer);
    const action = histories.actions[end - 1] ?? spec.actions;
    if (end - begin < 2 || action >= spec.actions) continue;
    stretches.push({ begin, end: end - 1 });
    truth.push(action);
  }
  if (spec.actions === 0 || spec.weights.nextAction === 0) return undefined;
  const predicted = new Int32Array(truth.length);
  await inBatches(spec, parameters, executor, stretches, batch, async (scorer, chosen) => {
    const { actions = new Float32Array(0) } = await scorer.score(
      histories,
      chosen.map((e) => stretches[e] as Stretch),
    );
    chosen.forEach((e, row) => {
      predicted[e] = largest(actions.subarray(row * spec.actions, (row + 1) * spec.actions));
    });
  });
  return classificationMetrics(predicted, truth, spec.actions);
}

/** Runs of customers with histories of like length, so that little is padding; `visit` gets places in `stretches`. */
async function inBatches(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  stretches: readonly Stretch[],
  batch: number,
  visit: (scorer: Scorer, chosen: readonly number[]) => Promise<void>,
): Promise<void> {
  const length = (e: number) => (stretches[e]?.end ?? 0) - (stretches[e]?.begin ?? 0);
  const order = [...stretches.keys()].sort((a, b) => length(a) - length(b) || a - b);
  const scorer = await openScorer(spec, parameters, executor);
  try {
    for (let first = 0; first < order.length; first += batch) await visit(scorer, order.slice(first, first + batch));
  } finally {
    await scorer.close();
  }
}

function historyOf({ offsets }: Histories, customer: number): Stretch {
  return { begin: offsets[customer] as number, end: offsets[customer + 1] as number };
}

/** Place of the largest value, the first of equals. */
function largest(values: Float32Array | Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
