/**
 * Scores for what comes next, from whole histories: used by evaluation and serving, and written to `model.onnx` with the
 * weights inside. Customers of one run may have different lengths: padding on the right, ids 0.
 */
import { encodeOnnx, type Graph, GraphBuilder, linear, pickMarked, product } from "@tributary/tensor";
import { checkParameters, gather, graphParameters, hasActionHead } from "../parameters.ts";
import { checkBuildable, type ModelSpec } from "../spec.ts";
import { declareParameters, encoder, sinusoids } from "./encoder.ts";

/**
 * Inputs beside the parameters: `items`, `positions` and, where the model has them, `actions` and `gaps`, all int32
 * [B, L], L ≤ spec.length. Ids count from 1; a customer's last event stands at position `spec.length`, the one before it at
 * `spec.length − 1`, padding at 0. Outputs: `hidden` [B, width] of the last event, `scores` [B, items] (column r is item row
 * r + 1), `actionLogits` [B, actions] where there is an action head. @throws TRB_TRAINING_SPEC_INVALID
 */
export function inferenceGraph(spec: ModelSpec): Graph {
  checkBuildable(spec);
  const g = new GraphBuilder("inference");
  const positions = g.input("positions", ["B", "L"], "int32");
  g.declareTokens(positions);
  const items = g.input("items", ["B", "L"], "int32");
  const actions = spec.actions > 0 ? g.input("actions", ["B", "L"], "int32") : undefined;
  const gaps = spec.timeGaps > 0 ? g.input("gaps", ["B", "L"], "int32") : undefined;
  const parameter = declareParameters(g, spec);
  const states = encoder(g, spec, parameter, { items, actions, gaps, positions });
  const last = pickMarked(g, states, positions, spec.length);
  g.output("hidden", last);
  g.output("scores", product(g, last, parameter("item.weight"), { transposeB: true }));
  if (hasActionHead(spec)) {
    g.output("actionLogits", linear(g, last, parameter("actionHead.weight"), parameter("actionHead.bias")));
  }
  return g.graph();
}

/** The weights that a graph of this model is fed with, by the graph's names. */
export function weightsOf(spec: ModelSpec, parameters: Float32Array): ReadonlyMap<string, Float32Array> {
  checkParameters(spec, parameters);
  const weights = new Map(graphParameters(spec).map((parameter) => [parameter.name, gather(parameter, parameters)]));
  if (spec.positions === "sinusoidal") weights.set("position.weight", Float32Array.from(sinusoids(spec.length, spec.width)));
  return weights;
}

/** The inference graph with its weights inside, as an ONNX file. */
export function exportOnnx(spec: ModelSpec, parameters: Float32Array): Uint8Array {
  return encodeOnnx(inferenceGraph(spec), { initialisers: weightsOf(spec, parameters) });
}
