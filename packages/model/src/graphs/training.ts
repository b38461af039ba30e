/**
 * The training step as one graph: forward, losses, reverse pass, per-customer norms and the clipped sum.
 *
 * A customer's loss is the sum over the heads of weights.<head>/1000 times that head's loss, which is a sum over the customer's positions
 * with weights that are fed (`heads.ts`).
 */
import { backward, collect, encodeOnnx, type GradientPiece, type Graph, GraphBuilder } from "@tributary/tensor";
import { checkBuildable, checkSpec, type ModelSpec } from "../spec.ts";
import { familyOf } from "./families/families.ts";
import { headLosses } from "./heads.ts";
import { inferenceGraph } from "./inference.ts";
import { declareParameters } from "./weights.ts";

export interface TrainingGraph {
  readonly graph: Graph;
  /** Where the summed gradient stands in the outputs. */
  readonly pieces: readonly GradientPiece[];
}

/** Histories up to this length run the graph with Gram matrices throughout. */
export const shortLength = 32;

/**
 * Inputs beside the parameters: the family's ids (`families/`), the heads' weights and negatives (`heads.ts`), dropout masks, and
 * `clipNorm` []. Outputs: `loss` and `norm` [B], and the pieces.
 * @param options.length what the per-customer norms are laid out for; `clipped: false` leaves norms and clipping out
 */
export function trainingGraph(spec: ModelSpec, options: { readonly length: number; readonly clipped: boolean }): TrainingGraph {
  checkBuildable(spec);
  const g = new GraphBuilder("training");
  const parameter = declareParameters(g, spec);
  const predictions = familyOf(spec).predictions(g, spec, parameter);
  headLosses(g, spec, parameter, predictions);
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
