/**
 * Cross-entropy over all classes. Each loss gives a value per token [T, 1], weighted, and its gradient in the factored form that the
 * per-customer collector wants: a dense factor over the table's columns, and the target as one sparse row.
 */
import type { GraphBuilder } from "../graph/builder.ts";
import {
  flattened,
  gatherElements,
  larger,
  logarithm,
  minus,
  negative,
  product,
  scatterElements,
  softmaxOf,
  times,
} from "../graph/operations.ts";
import { mismatch } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";
import { placesOf } from "./layers.ts";
import { allVectors, composed, type OutputTable, recordVectorGradients, targetVectors } from "./output-table.ts";

/** What a loss over items reads. */
export interface TiedTargets {
  /** [T, width] */
  readonly hidden: Tensor;
  /** It may be the table that the input was looked up in. */
  readonly table: OutputTable;
  /** Ids [B, L] of what each position should predict, none where that is 0: fed, or a window of what was fed. */
  readonly targets: Tensor;
  /** [T, 1]; 0 where there is no target. */
  readonly weights: Tensor;
}

/** @throws TRB_TENSOR_SHAPE_MISMATCH when a loss's tensors lie on different tokens */
export function checkTokens(g: GraphBuilder, loss: string, hidden: Tensor, ids: Tensor, weights: Tensor): void {
  const tokens = g.tokensOf(hidden);
  if (tokens === undefined || hidden.shape.length !== 2 || hidden.shape[0] !== tokens.flat)
    throw mismatch(loss, hidden, ["T", "width"]);
  const { customers, positions, flat } = tokens;
  if (ids.shape.length !== 2 || ids.shape[0] !== customers || ids.shape[1] !== positions) throw mismatch(loss, hidden, ids);
  if (weights.shape.length !== 2 || weights.shape[0] !== flat || weights.shape[1] !== 1) throw mismatch(loss, hidden, weights);
}

/** −log p, p floored where float32 has no smaller number to take the logarithm of. */
export function surprise(g: GraphBuilder, probability: Tensor, weights: Tensor): Tensor {
  return times(g, negative(g, logarithm(g, larger(g, probability, g.constant(1e-30)))), weights);
}

/**
 * Softmax over all items: logits = hidden · vectorsᵀ.
 * @throws TRB_TENSOR_SHAPE_MISMATCH
 */
export function tiedSoftmaxLoss(g: GraphBuilder, { hidden, table: given, targets, weights }: TiedTargets): Tensor {
  checkTokens(g, "tied softmax loss", hidden, targets, weights);
  const table = composed(given);
  const vectors = allVectors(g, table);
  const places = flattened(g, placesOf(g, targets));
  const probabilities = softmaxOf(g, product(g, hidden, vectors, { transposeB: true }));
  const loss = surprise(g, gatherElements(g, probabilities, places, 1), weights);
  g.losses.push({
    loss,
    inputs: [hidden],
    fixed: [weights, targets],
    pullback: () => {
      // the gradient is (p − onehot) ⊗ weighted: p stays as it is, the −1 is a sparse row at the target
      recordVectorGradients(g, table, {
        factor: probabilities,
        weighted: times(g, hidden, weights),
        columns: undefined,
        slotsOf: (ids) => placesOf(g, ids),
        targets,
        targetScale: undefined,
      });
      const own = targetVectors(g, table, targets, vectors);
      return [times(g, minus(g, product(g, probabilities, vectors), own), weights)];
    },
  });
  return loss;
}

/**
 * Softmax over a few classes from logits [T, classes]; ids [B, L] count from 1.
 * @throws TRB_TENSOR_SHAPE_MISMATCH
 */
export function softmaxLoss(g: GraphBuilder, logits: Tensor, ids: Tensor, weights: Tensor): Tensor {
  checkTokens(g, "softmax loss", logits, ids, weights);
  const places = flattened(g, placesOf(g, ids));
  const probabilities = softmaxOf(g, logits);
  const own = gatherElements(g, probabilities, places, 1);
  const loss = surprise(g, own, weights);
  g.losses.push({
    loss,
    inputs: [logits],
    fixed: [weights, ids],
    pullback: () => {
      const difference = scatterElements(g, probabilities, places, minus(g, own, g.constant(1)), 1);
      return [times(g, difference, weights)];
    },
  });
  return loss;
}
