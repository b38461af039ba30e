/**
 * What hidden states are read for: losses in training, scores and logits in inference. Each loss declares the weights of its
 * positions as an input, so that a customer's loss is a mean over what that customer has (next item, next action), or a sum over labels
 * that weigh alike for everybody (churn, purchase), which is what makes their probabilities hold.
 *
 * | head | loss | families |
 * |---|---|---|
 * | next item | softmax over all items; softmax over shared negatives with log-Q correction; gBCE over shared negatives | all |
 * | next action | softmax | all |
 * | churn, purchase | softmax over two classes, at every position that has a label | `sasrec`, `lstm`, `gru` |
 *
 * Churn and purchase ask about the future of a position. In `bert4rec` and in the encoder of `seq2seq` a position sees its future, so that
 * the answer would be read off: there they are refused.
 */
import { fail } from "@tributary/errors";
import {
  type GraphBuilder,
  gbceLoss,
  linear,
  multiply,
  product,
  sampledSoftmaxLoss,
  softmaxLoss,
  type Tensor,
  tiedSoftmaxLoss,
} from "@tributary/tensor";
import { hasActionHead } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { outputTable, scoredVectors } from "./item-vectors.ts";
import type { ParameterOf } from "./weights.ts";

/** Hidden states [T, width] and what each should predict: ids on the same grid of tokens, 0 for none. */
export interface Predictions {
  readonly hidden: Tensor;
  readonly items: Tensor;
  readonly actions: Tensor | undefined;
}

/** The heads that ask about a position's future. */
const outlookHeads = ["churn", "purchase"] as const;
export type OutlookHead = (typeof outlookHeads)[number];

/** Those that the model has. */
export function outlooksOf({ weights }: Pick<ModelSpec, "weights">): readonly OutlookHead[] {
  return outlookHeads.filter((head) => weights[head] > 0);
}

/**
 * Declares every head's inputs and adds its loss.
 * @throws TRB_TRAINING_SPEC_INVALID for a head that the family can't have
 */
export function headLosses(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, predictions: Predictions): void {
  checkOutlooks(spec);
  nextItemLoss(g, spec, parameter, predictions);
  nextActionLoss(g, spec, parameter, predictions);
  for (const head of outlooksOf(spec)) outlookLoss(g, spec, parameter, { ...predictions, head });
}

/** Outputs of every head: `scores`, and logits of what else the model predicts. state [B, width] */
export function headOutputs(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, state: Tensor): void {
  checkOutlooks(spec);
  g.output("scores", product(g, state, scoredVectors(g, spec, parameter), { transposeB: true }));
  if (hasActionHead(spec)) g.output("actionLogits", logits(g, parameter, state, "actionHead"));
  for (const head of outlooksOf(spec)) g.output(`${head}Logits`, logits(g, parameter, state, `${head}Head`));
}

function checkOutlooks(spec: ModelSpec): void {
  const [head] = outlooksOf(spec);
  if (head === undefined || (spec.family !== "bert4rec" && spec.family !== "seq2seq")) return;
  throw fail("TRB_TRAINING_SPEC_INVALID", {
    reason: `a ${spec.family} model sees the future that its ${head} head asks about`,
  });
}

/**
 * Inputs: `itemWeights` [T, 1]; with negatives `negatives` [K] and `slotOf` [items + 1], and for the softmax `correction` [K]. Nothing
 * where the head has no weight. A weight other than 1000 thousandths scales the loss.
 */
function nextItemLoss(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, { hidden, items }: Predictions): void {
  const { nextItem } = spec;
  if (spec.weights.nextItem === 0) return;
  const fed = g.input("itemWeights", [tokenAxis(g, hidden), 1]);
  const weights = spec.weights.nextItem === 1000 ? fed : weighed(g, fed, spec.weights.nextItem);
  const tied = { hidden, table: outputTable(g, spec, parameter, items), targets: items, weights };
  if (nextItem.negatives === 0) {
    tiedSoftmaxLoss(g, tied);
    return;
  }
  const negatives = g.input("negatives", [nextItem.negatives], "int32");
  if (nextItem.loss === "gbce") {
    const slotOf = g.input("slotOf", [spec.items + 1], "int32");
    gbceLoss(g, tied, { negatives, slotOf, calibration: nextItem.calibration / 1000 });
    return;
  }
  const correction = g.input("correction", [nextItem.negatives]);
  sampledSoftmaxLoss(g, tied, { negatives, correction, slotOf: g.input("slotOf", [spec.items + 1], "int32") });
}

/** Input: `actionWeights` [T, 1]. Nothing where there is no such head. */
function nextActionLoss(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, { hidden, actions }: Predictions): void {
  if (!actions || !hasActionHead(spec)) return;
  const weights = g.input("actionWeights", [tokenAxis(g, hidden), 1]);
  softmaxLoss(g, logits(g, parameter, hidden, "actionHead"), actions, weighed(g, weights, spec.weights.nextAction));
}

/** Inputs: `churnLabels` [B, L], 0 none, 1 stays, 2 leaves, and `churnWeights` [T, 1]; for purchase 1 is no, 2 yes. */
function outlookLoss(
  g: GraphBuilder,
  spec: ModelSpec,
  parameter: ParameterOf,
  { hidden, items, head }: Predictions & { readonly head: OutlookHead },
): void {
  const labels = g.input(`${head}Labels`, items.shape, "int32");
  const weights = weighed(g, g.input(`${head}Weights`, [tokenAxis(g, hidden), 1]), spec.weights[head]);
  softmaxLoss(g, logits(g, parameter, hidden, `${head}Head`), labels, weights);
}

/** Weights times a head's share in thousandths. */
function weighed(g: GraphBuilder, weights: Tensor, thousandths: number): Tensor {
  return multiply(g, weights, g.constant(thousandths / 1000));
}

function logits(g: GraphBuilder, parameter: ParameterOf, states: Tensor, head: string): Tensor {
  return linear(g, states, parameter(`${head}.weight`), parameter(`${head}.bias`));
}

function tokenAxis(g: GraphBuilder, hidden: Tensor) {
  return (g.tokensOf(hidden) ?? g.tokens).flat;
}
