/**
 * Cross-entropy heads. Each gives a loss per token [T, 1], weighted, and its gradient in the factored form that the
 * per-customer collector wants: a dense factor over the table's columns, and the target as one sparse row.
 */
import type { GraphBuilder } from "../graph/builder.ts";
import {
  affine,
  concatenate,
  flattened,
  gatherElements,
  gatherRows,
  larger,
  less,
  logarithm,
  minus,
  negative,
  plus,
  product,
  reshape,
  scaled,
  scatterElements,
  select,
  slice,
  softmaxOf,
  sumOver,
  times,
} from "../graph/operations.ts";
import { dimension, knownDimension } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";
import { placesOf } from "./layers.ts";

/** What a head over a table reads. */
export interface TiedTargets {
  /** [T, width] */
  readonly hidden: Tensor;
  /** [rows, width]; it may be the table that the input was looked up in. */
  readonly table: Tensor;
  /** Ids [B, L] of what each position should predict, none where that is 0: fed, or a window of what was fed. */
  readonly targets: Tensor;
  /** [T, 1]; 0 where there is no target. */
  readonly weights: Tensor;
}

/** −log p, p floored where float32 has no smaller number to take the logarithm of. */
function surprise(g: GraphBuilder, probability: Tensor, weights: Tensor): Tensor {
  return times(g, negative(g, logarithm(g, larger(g, probability, g.constant(1e-30)))), weights);
}

/** Softmax over all rows of the table: logits = hidden · tableᵀ. */
export function tiedSoftmaxLoss(g: GraphBuilder, { hidden, table, targets, weights }: TiedTargets): Tensor {
  const places = flattened(g, placesOf(g, targets));
  const probabilities = softmaxOf(g, product(g, hidden, table, { transposeB: true }));
  const loss = surprise(g, gatherElements(g, probabilities, places, 1), weights);
  const parameter = g.parameterOf(table);
  g.losses.push({
    loss,
    inputs: [hidden],
    pullback: () => {
      const weighted = times(g, hidden, weights);
      // the gradient is (p − onehot) ⊗ weighted: p stays as it is, the −1 is a sparse row at the target
      const slotsOf = (ids: Tensor) => placesOf(g, ids);
      parameter?.uses.push(
        { kind: "columns", factor: probabilities, values: weighted, columns: undefined, slotsOf },
        { kind: "rows", ids: targets, values: negative(g, weighted), distinct: false },
      );
      const own = gatherRows(g, table, reshape(g, places, [-1], [dimension(hidden, 0)]));
      return [times(g, minus(g, product(g, probabilities, table), own), weights)];
    },
  });
  return loss;
}

/**
 * Softmax over K shared negatives and the target. A negative's logit has `correction` subtracted (log of its expected count),
 * a negative that is the target is masked, the target's logit is uncorrected.
 */
export function sampledSoftmaxLoss(
  g: GraphBuilder,
  { hidden, table, targets, weights }: TiedTargets,
  sample: {
    /** Ids [K], distinct. */
    readonly negatives: Tensor;
    /** [K] */
    readonly correction: Tensor;
    /** [rows + 1] int32: the place of each id among the negatives; K for those that are none of them, and for 0. */
    readonly slotOf: Tensor;
  },
): Tensor {
  const count = knownDimension(sample.negatives, 0);
  const width = knownDimension(table, 1);
  const slotsOf = (ids: Tensor) => gatherRows(g, sample.slotOf, ids);
  const targetSlots = flattened(g, slotsOf(targets));
  // column K holds the target's own score; its table row is zero so that Gemm can fill the column
  const zeroRow = g.constant(
    Array.from({ length: width }, () => 0),
    "float",
    [1, width],
  );
  const columns = concatenate(g, [gatherRows(g, table, placesOf(g, sample.negatives)), zeroRow], 0);
  const bias = concatenate(g, [negative(g, sample.correction), g.constant([0])], 0);
  const own = gatherRows(g, table, reshape(g, flattened(g, placesOf(g, targets)), [-1], [dimension(hidden, 0)]));
  const ownScore = sumOver(g, times(g, hidden, own), [-1], true);
  const last = g.constant(count, "int32", [1, 1]);
  const lastColumn = larger(g, targetSlots, last);
  const hit = less(g, targetSlots, last);
  // both writes go to column K when there is no hit, and both write the target's score
  const logits = scatterElements(
    g,
    affine(g, hidden, columns, bias, true),
    concatenate(g, [targetSlots, lastColumn], 1),
    concatenate(g, [select(g, hit, g.constant(-1e9), ownScore), ownScore], 1),
    1,
  );
  const probabilities = softmaxOf(g, logits);
  const ownProbability = slice(g, probabilities, 1, count, count + 1, 1);
  const loss = surprise(g, ownProbability, weights);
  const parameter = g.parameterOf(table);
  g.losses.push({
    loss,
    inputs: [hidden],
    pullback: () => {
      const factor = scatterElements(g, probabilities, lastColumn, scaled(g, ownProbability, 0), 1);
      const weighted = times(g, hidden, weights);
      const ownGradient = times(g, minus(g, ownProbability, g.constant(1)), weights);
      parameter?.uses.push(
        { kind: "columns", factor, values: weighted, columns: sample.negatives, slotsOf },
        { kind: "rows", ids: targets, values: times(g, hidden, ownGradient), distinct: false },
      );
      return [plus(g, times(g, product(g, factor, columns), weights), times(g, own, ownGradient))];
    },
  });
  return loss;
}

/** Softmax over a few classes from logits [T, classes]; ids [B, L] count from 1. */
export function softmaxLoss(g: GraphBuilder, logits: Tensor, ids: Tensor, weights: Tensor): Tensor {
  const places = flattened(g, placesOf(g, ids));
  const probabilities = softmaxOf(g, logits);
  const own = gatherElements(g, probabilities, places, 1);
  const loss = surprise(g, own, weights);
  g.losses.push({
    loss,
    inputs: [logits],
    pullback: () => {
      const difference = scatterElements(g, probabilities, places, minus(g, own, g.constant(1)), 1);
      return [times(g, difference, weights)];
    },
  });
  return loss;
}
