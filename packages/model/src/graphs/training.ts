/**
 * The training step as one graph: forward, losses, reverse pass, per-customer norms and the clipped sum.
 *
 * A customer's loss is the mean over its positions with a next item of the next-item loss, plus weights.nextAction/1000 times the
 * mean over its positions with a next action of the next-action loss; the means come in as weights.
 */
import {
  backward,
  collect,
  encodeOnnx,
  type GradientPiece,
  type Graph,
  GraphBuilder,
  linear,
  multiply,
  sampledSoftmaxLoss,
  softmaxLoss,
  tiedSoftmaxLoss,
  windowOf,
} from "@tributary/tensor";
import { hasActionHead } from "../parameters.ts";
import { checkBuildable, checkSpec, type ModelSpec } from "../spec.ts";
import { declareParameters, encoder } from "./encoder.ts";
import { inferenceGraph } from "./inference.ts";

export interface TrainingGraph {
  readonly graph: Graph;
  /** Where the summed gradient stands in the outputs. */
  readonly pieces: readonly GradientPiece[];
}

/** Histories up to this length run the graph with Gram matrices throughout. */
export const shortLength = 40;

/**
 * Inputs beside the parameters: `items`, `actions` [B, L+1]; `gaps`, `positions`, `itemWeights`, `actionWeights` [B, L];
 * with negatives `negatives`, `correction` [K] and `slotOf` [items + 1]; `clipNorm` []. Outputs: `loss` and `norm` [B], and the pieces.
 * @param options.length what the per-customer norms are laid out for; `clipped: false` leaves norms and clipping out
 */
export function trainingGraph(spec: ModelSpec, options: { readonly length: number; readonly clipped: boolean }): TrainingGraph {
  checkBuildable(spec);
  const g = new GraphBuilder("training");
  const positions = g.input("positions", ["B", "L"], "int32");
  g.declareTokens(positions);
  const items = g.input("items", ["B", "L+1"], "int32");
  const actions = spec.actions > 0 ? g.input("actions", ["B", "L+1"], "int32") : undefined;
  const gaps = spec.timeGaps > 0 ? g.input("gaps", ["B", "L"], "int32") : undefined;
  const parameter = declareParameters(g, spec);
  const hidden = encoder(g, spec, parameter, {
    items: windowOf(g, items, 0),
    actions: actions && windowOf(g, actions, 0),
    gaps,
    positions,
  });
  const weights = g.input("itemWeights", ["B*L", 1]);
  const tied = { hidden, table: parameter("item.weight"), targets: windowOf(g, items, 1), weights };
  const { negatives } = spec.nextItem;
  if (negatives === 0) tiedSoftmaxLoss(g, tied);
  else {
    sampledSoftmaxLoss(g, tied, {
      negatives: g.input("negatives", [negatives], "int32"),
      correction: g.input("correction", [negatives]),
      slotOf: g.input("slotOf", [spec.items + 1], "int32"),
    });
  }
  if (actions && hasActionHead(spec)) {
    const share = multiply(g, g.input("actionWeights", ["B*L", 1]), g.constant(spec.weights.nextAction / 1000));
    const logits = linear(g, hidden, parameter("actionHead.weight"), parameter("actionHead.bias"));
    softmaxLoss(g, logits, windowOf(g, actions, 1), share);
  }
  backward(g);
  const pieces = collect(g, options);
  return { graph: g.graph(), pieces };
}

/** The two graphs that a round runs: for short and for long histories. One entry when the model reads only short ones. */
export function trainingVariants(spec: ModelSpec, clipped = true): readonly TrainingGraph[] {
  const short = trainingGraph(spec, { length: Math.min(spec.length, shortLength), clipped });
  return spec.length <= shortLength ? [short] : [short, trainingGraph(spec, { length: spec.length, clipped })];
}

/** The bytes of every graph of a model; they depend on the spec alone. */
export function trainingGraphs(spec: ModelSpec): readonly Uint8Array[] {
  return trainingVariants(spec).map(({ graph }) => encodeOnnx(graph));
}

/** What `graphHash` is the SHA-256 of: all training graphs, then the inference graph. */
export function graphDigestInput(spec: ModelSpec): Uint8Array {
  checkSpec(spec);
  const files = [...trainingGraphs(spec), encodeOnnx(inferenceGraph(spec))];
  const joined = new Uint8Array(files.reduce((total, { length }) => total + length, 0));
  let offset = 0;
  for (const file of files) {
    joined.set(file, offset);
    offset += file.length;
  }
  return joined;
}
