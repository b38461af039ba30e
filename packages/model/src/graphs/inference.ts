/**
 * Scores for what comes next, from whole histories: used by evaluation and serving, and written to `model.onnx` with the
 * weights inside. Customers of one run may have different lengths: padding on the right, ids 0.
 */
import { encodeOnnx, type Graph, GraphBuilder } from "@tributary/tensor";
import type { ItemContent } from "../item-content/item-content.ts";
import { checkBuildable, type ModelSpec } from "../spec.ts";
import { familyOf } from "./families/families.ts";
import { headOutputs } from "./heads.ts";
import { declareParameters, weightsOf } from "./weights.ts";

/**
 * Inputs beside the parameters: the family's ids, among them `items`, `positions` and, where the model has them, `actions`, `gaps`,
 * `dwells`, `prices` and `topics`, all int32 [B, L], L ≤ spec.length; and the tables of public content (`item-content.ts`). Ids count from 1; a
 * customer's last event stands at position `spec.length`, the one before it at `spec.length − 1`, padding at 0.
 *
 * Outputs: `hidden` [B, width] of the last event, `scores` [B, items] (column r is item row r + 1), and as far as there are such heads
 * `actionLogits` [B, actions], `churnLogits` [B, 2] (stays, leaves) and `purchaseLogits` [B, 2] (no, yes).
 * @throws TRB_TRAINING_SPEC_INVALID
 */
export function inferenceGraph(spec: ModelSpec): Graph {
  checkBuildable(spec);
  const g = new GraphBuilder("inference");
  const parameter = declareParameters(g, spec);
  const state = familyOf(spec).state(g, spec, parameter);
  g.output("hidden", state);
  headOutputs(g, spec, parameter, state);
  return g.graph();
}

/** The inference graph with its weights and public content inside, as an ONNX file. `metadata`: texts to keep in it. */
export function exportOnnx(
  spec: ModelSpec,
  parameters: Float32Array,
  metadata: Readonly<Record<string, string>> = {},
  content?: ItemContent,
): Uint8Array {
  return encodeOnnx(inferenceGraph(spec), { initialisers: weightsOf(spec, parameters, content), metadata });
}
