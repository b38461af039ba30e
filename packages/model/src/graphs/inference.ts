/**
 * Scores for what comes next, from whole histories: used by evaluation and serving, and written to `model.onnx` with the
 * weights inside. Customers of one run may have different lengths: padding on the right, ids 0.
 */
import { encodeOnnx, type Graph, GraphBuilder } from "@tributary/tensor";
import { hasActionHead } from "../parameters.ts";
import { checkBuildable, type ModelSpec } from "../spec.ts";
import { familyOf } from "./families/families.ts";
import { actionLogits, itemScores } from "./heads.ts";
import { declareParameters, weightsOf } from "./weights.ts";

/**
 * Inputs beside the parameters: `items`, `positions` and, where the model has them, `actions` and `gaps`, all int32
 * [B, L], L ≤ spec.length. Ids count from 1; a customer's last event stands at position `spec.length`, the one before it at
 * `spec.length − 1`, padding at 0. Outputs: `hidden` [B, width] of the last event, `scores` [B, items] (column r is item row
 * r + 1), `actionLogits` [B, actions] where there is an action head. @throws TRB_TRAINING_SPEC_INVALID
 */
export function inferenceGraph(spec: ModelSpec): Graph {
  checkBuildable(spec);
  const g = new GraphBuilder("inference");
  const parameter = declareParameters(g, spec);
  const state = familyOf(spec).state(g, spec, parameter);
  g.output("hidden", state);
  g.output("scores", itemScores(g, spec, parameter, state));
  if (hasActionHead(spec)) g.output("actionLogits", actionLogits(g, parameter, state));
  return g.graph();
}

/** The inference graph with its weights inside, as an ONNX file. `metadata`: texts to keep in it. */
export function exportOnnx(
  spec: ModelSpec,
  parameters: Float32Array,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return encodeOnnx(inferenceGraph(spec), { initialisers: weightsOf(spec, parameters), metadata });
}
