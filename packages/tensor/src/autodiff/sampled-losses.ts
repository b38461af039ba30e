/**
 * Losses over K negatives that everybody in a round shares, and each token's own target: softmax with the log-Q correction, and the
 * generalised binary cross-entropy of gSASRec. The negatives are columns [K] of the item table, the target is a sparse row.
 */
import { fail } from "@tributary/errors";
import type { GraphBuilder } from "../graph/builder.ts";
import {
  affine,
  concatenate,
  exponential,
  flattened,
  gatherRows,
  larger,
  less,
  logarithm,
  minus,
  negative,
  plus,
  product,
  rectified,
  scaled,
  scatterElements,
  select,
  sigmoid,
  slice,
  softmaxOf,
  sumOver,
  times,
} from "../graph/operations.ts";
import { knownDimension, mismatch, sameShape } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";
import { checkTokens, surprise, type TiedTargets } from "./losses.ts";
import {
  type ComposedTable,
  composed,
  recordVectorGradients,
  targetVectors,
  vectorsOf,
  widthOf,
  zeroRow,
} from "./output-table.ts";

export interface Negatives {
  /** Ids [K], distinct. */
  readonly negatives: Tensor;
  /** [items + 1] int32: the place of each id among the negatives; K for those that are none of them, and for 0. */
  readonly slotOf: Tensor;
}

/** What both losses compute first. */
interface Candidates {
  readonly table: ComposedTable;
  readonly count: number;
  /** [K + 1, width]; the last row is zero, so that column K of a product with it is free. */
  readonly columns: Tensor;
  readonly slotsOf: (ids: Tensor) => Tensor;
  /** `[T, 1]`: the column of the target, K when it is none of the negatives. */
  readonly targetSlots: Tensor;
  /** [T, width], [T, 1]: the target's vector and score. */
  readonly own: Tensor;
  readonly ownScore: Tensor;
  /** [T, 1], all K. */
  readonly lastColumn: Tensor;
}

function candidates(
  g: GraphBuilder,
  loss: string,
  { hidden, table: given, targets, weights }: TiedTargets,
  sample: Negatives,
): Candidates {
  checkTokens(g, loss, hidden, targets, weights);
  const table = composed(given);
  if (sample.negatives.shape.length !== 1) throw mismatch(loss, sample.negatives, ["K"]);
  if (!sameShape(sample.slotOf.shape, [table.items + 1])) throw mismatch(loss, sample.slotOf, [table.items + 1]);
  const count = knownDimension(sample.negatives, 0);
  const slotsOf = (ids: Tensor) => gatherRows(g, sample.slotOf, ids);
  const targetSlots = flattened(g, slotsOf(targets));
  const own = targetVectors(g, table, targets);
  return {
    table,
    count,
    columns: concatenate(g, [vectorsOf(g, table, sample.negatives), zeroRow(g, widthOf(table))], 0),
    slotsOf,
    targetSlots,
    own,
    ownScore: sumOver(g, times(g, hidden, own), [-1], true),
    lastColumn: larger(g, targetSlots, g.constant(count, "int32", [1, 1])),
  };
}

/**
 * Softmax over the negatives and the target. A negative's logit has `correction` subtracted (log of its expected count), a negative
 * that is the target is masked, the target's logit is uncorrected.
 * @throws TRB_TENSOR_SHAPE_MISMATCH
 */
export function sampledSoftmaxLoss(
  g: GraphBuilder,
  tied: TiedTargets,
  sample: Negatives & {
    /** [K] */
    readonly correction: Tensor;
  },
): Tensor {
  const { hidden, targets, weights } = tied;
  const { table, count, columns, slotsOf, targetSlots, own, ownScore, lastColumn } = candidates(
    g,
    "sampled softmax loss",
    tied,
    sample,
  );
  if (!sameShape(sample.correction.shape, [count])) throw mismatch("sampled softmax loss", sample.correction, [count]);
  const bias = concatenate(g, [negative(g, sample.correction), g.constant([0])], 0);
  const hit = less(g, targetSlots, g.constant(count, "int32", [1, 1]));
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
  g.losses.push({
    loss,
    inputs: [hidden],
    fixed: [weights, targets, sample.negatives, sample.correction],
    pullback: () => {
      const factor = scatterElements(g, probabilities, lastColumn, scaled(g, ownProbability, 0), 1);
      const ownSlope = minus(g, ownProbability, g.constant(1));
      recordVectorGradients(g, table, {
        factor,
        weighted: times(g, hidden, weights),
        columns: sample.negatives,
        slotsOf,
        targets,
        targetScale: ownSlope,
      });
      return [times(g, plus(g, product(g, factor, columns), times(g, own, ownSlope)), weights)];
    },
  });
  return loss;
}

/**
 * gSASRec's power β of the positive's probability: α (t (1 − 1/α) + 1/α), α = negatives/(items − 1) the negative sampling rate.
 * t = 0 gives 1, plain binary cross-entropy; t = 1 gives α, scores that are calibrated as if all items were negatives.
 * Source: Petrov and Macdonald, "gSASRec: Reducing Overconfidence in Sequential Recommendation Trained with Negative Sampling"
 * (RecSys 2023), https://arxiv.org/abs/2308.07192.
 */
export function gbcePower(negatives: number, items: number, calibration: number): number {
  const rate = negatives / (items - 1);
  return rate * (calibration * (1 - 1 / rate) + 1 / rate);
}

/**
 * Generalised binary cross-entropy: −(β log σ(s⁺) + Σ_k log(1 − σ(s_k)))/(K + 1) over the K negatives' scores s_k; a negative that is
 * the target is left out of the sum. `calibration` is t, 0 to 1. Source: as of `gbcePower`.
 * @throws TRB_TENSOR_SHAPE_MISMATCH, TRB_TENSOR_CALIBRATION
 */
export function gbceLoss(g: GraphBuilder, tied: TiedTargets, sample: Negatives & { readonly calibration: number }): Tensor {
  const { hidden, targets, weights } = tied;
  const { table, count, columns, slotsOf, targetSlots, own, ownScore, lastColumn } = candidates(g, "gBCE loss", tied, sample);
  const { calibration } = sample;
  if (!(calibration >= 0 && calibration <= 1)) throw fail("TRB_TENSOR_CALIBRATION", { calibration });
  const power = gbcePower(count, table.items, calibration);
  const share = scaled(g, weights, 1 / (count + 1));
  const never = g.constant(Array.from({ length: count + 1 }, (_, column) => (column === count ? -1e9 : 0)));
  const scores = affine(g, hidden, columns, never, true);
  const masked = scatterElements(g, scores, targetSlots, plus(g, scaled(g, ownScore, 0), g.constant(-1e9)), 1);
  const surprises = plus(g, scaled(g, softplus(g, negative(g, ownScore)), power), sumOver(g, softplus(g, masked), [-1], true));
  const loss = times(g, surprises, share);
  g.losses.push({
    loss,
    inputs: [hidden],
    fixed: [weights, targets, sample.negatives],
    pullback: () => {
      // executors round a sigmoid far down to something above zero; columns that are none of a token's must be zero
      const nothing = scaled(g, ownScore, 0);
      const slopes = sigmoid(g, masked);
      const factor = scatterElements(
        g,
        slopes,
        concatenate(g, [targetSlots, lastColumn], 1),
        concatenate(g, [nothing, nothing], 1),
        1,
      );
      const ownSlope = scaled(g, sigmoid(g, negative(g, ownScore)), -power);
      recordVectorGradients(g, table, {
        factor,
        weighted: times(g, hidden, share),
        columns: sample.negatives,
        slotsOf,
        targets,
        targetScale: ownSlope,
      });
      return [times(g, plus(g, product(g, factor, columns), times(g, own, ownSlope)), share)];
    },
  });
  return loss;
}

/** log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|), which neither overflows nor loses small numbers. */
function softplus(g: GraphBuilder, x: Tensor): Tensor {
  const magnitude = larger(g, x, negative(g, x));
  return plus(g, rectified(g, x), logarithm(g, plus(g, exponential(g, negative(g, magnitude)), g.constant(1))));
}
