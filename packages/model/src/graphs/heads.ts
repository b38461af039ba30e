/**
 * What hidden states are read for: losses in training, scores and logits in inference. Each loss declares the weights of its
 * positions as an input, so that a customer's loss is a mean over what that customer has.
 */
import {
  type GraphBuilder,
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
import type { ParameterOf } from "./weights.ts";

/** Hidden states [T, width] and what each should predict: ids on the same grid of tokens, 0 for none. */
export interface Predictions {
  readonly hidden: Tensor;
  readonly items: Tensor;
  readonly actions: Tensor | undefined;
}

/** The table that items are scored with, [items, width]. */
function outputTable(spec: ModelSpec, parameter: ParameterOf): Tensor {
  return parameter(spec.output === "separate" ? "output.weight" : "item.weight");
}

/** Inputs: `itemWeights` [T, 1]; with negatives `negatives`, `correction` [K] and `slotOf` [items + 1]. */
export function nextItemLoss(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, { hidden, items }: Predictions): void {
  const weights = g.input("itemWeights", [tokenAxis(g, hidden), 1]);
  const tied = { hidden, table: outputTable(spec, parameter), targets: items, weights };
  const { negatives } = spec.nextItem;
  if (negatives === 0) tiedSoftmaxLoss(g, tied);
  else {
    sampledSoftmaxLoss(g, tied, {
      negatives: g.input("negatives", [negatives], "int32"),
      correction: g.input("correction", [negatives]),
      slotOf: g.input("slotOf", [spec.items + 1], "int32"),
    });
  }
}

/** Input: `actionWeights` [T, 1]. Nothing where there is no such head. */
export function nextActionLoss(
  g: GraphBuilder,
  spec: ModelSpec,
  parameter: ParameterOf,
  { hidden, actions }: Predictions,
): void {
  if (!actions || !hasActionHead(spec)) return;
  const weights = g.input("actionWeights", [tokenAxis(g, hidden), 1]);
  const share = multiply(g, weights, g.constant(spec.weights.nextAction / 1000));
  softmaxLoss(g, actionLogits(g, parameter, hidden), actions, share);
}

/** [B, items]: column r is item row r + 1. state [B, width] */
export function itemScores(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, state: Tensor): Tensor {
  return product(g, state, outputTable(spec, parameter), { transposeB: true });
}

/** [B, actions] from state [B, width]. */
export function actionLogits(g: GraphBuilder, parameter: ParameterOf, state: Tensor): Tensor {
  return linear(g, state, parameter("actionHead.weight"), parameter("actionHead.bias"));
}

function tokenAxis(g: GraphBuilder, hidden: Tensor) {
  return (g.tokensOf(hidden) ?? g.tokens).flat;
}
