/**
 * The training step as one graph: forward, losses, reverse pass, per-customer norms and the clipped sum.
 *
 * A customer's loss is the sum over the heads of weights.<head>/1000 times that head's loss, which is a sum over the customer's positions
 * with weights that are fed (`heads.ts`).
 */
import {
  backward,
  collect,
  encodeOnnx,
  type GradientPiece,
  type Graph,
  GraphBuilder,
  withoutDeadNodes,
} from "@tributary/tensor";
import { graphParameters } from "../parameters.ts";
import { checkBuildable, checkSpec, type ModelSpec } from "../spec.ts";
import type { Trained } from "../trained-tensors.ts";
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
 * @param options.trained what gradients, norms and pieces are of; the rest of the weights is fed all the same
 */
export function trainingGraph(
  spec: ModelSpec,
  options: { readonly length: number; readonly clipped: boolean; readonly trained?: Trained },
): TrainingGraph {
  checkBuildable(spec);
  const g = new GraphBuilder("training");
  const parameter = declareParameters(g, spec, options.trained);
  const predictions = familyOf(spec).predictions(g, spec, parameter);
  headLosses(g, spec, parameter, predictions);
  backward(g);
  const pieces = collect(g, options);
  const graph = g.graph();
  // ways back to what isn't trained were begun, and lead nowhere
  const isPart = g.parameters.size < graphParameters(spec).length;
  return { graph: isPart ? withoutDeadNodes(graph) : graph, pieces };
}

/** The two graphs that a round runs: for short and for long histories. One entry when the model reads only short ones. */
export function trainingVariants(spec: ModelSpec, clipped = true, trained?: Trained): readonly TrainingGraph[] {
  const short = trainingGraph(spec, { length: Math.min(spec.length, shortLength), clipped, trained });
  return spec.length <= shortLength ? [short] : [short, trainingGraph(spec, { length: spec.length, clipped, trained })];
}

/** The bytes of every graph of a model; they depend on the spec, and on what is trained, alone. */
export function trainingGraphs(spec: ModelSpec, trained?: Trained): readonly Uint8Array[] {
  return trainingVariants(spec, true, trained).map(({ graph }) => encodeOnnx(graph));
}

/** What `graphHash` is the SHA-256 of: all training graphs, then the inference graph. */
export function graphDigestInput(spec: ModelSpec, trained?: Trained): Uint8Array {
  checkSpec(spec);
  const files = [...trainingGraphs(spec, trained), encodeOnnx(inferenceGraph(spec))];
  const joined = new Uint8Array(files.reduce((total, { length }) => total + length, 0));
  let offset = 0;
  for (const file of files) {
    joined.set(file, offset);
    offset += file.length;
  }
  return joined;
}
