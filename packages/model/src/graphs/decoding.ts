/**
 * The two halves of a `seq2seq` model as graphs of their own, for decoding: the history is read once, and each further step runs the
 * decoder alone. Measured at length 50, width 64, two blocks, five steps and a beam of five, running both halves at every step
 * took 1.5 times as long for 32 customers and 1.1 times for one.
 */
import { type Graph, GraphBuilder, paddingMask, pickMarked } from "@tributary/tensor";
import type { ModelSpec } from "../spec.ts";
import { noDropout } from "./dropout.ts";
import { declareSteps, decode, encode } from "./families/encoder-decoder.ts";
import { headOutputs } from "./heads.ts";
import { noProbe } from "./probe.ts";
import { declareParameters } from "./weights.ts";

/** Inputs: the history's ids, as in the inference graph. Output: `memory` [B·L, width]. */
export function encoderGraph(spec: ModelSpec): Graph {
  const g = new GraphBuilder("encoder");
  const parameter = declareParameters(g, spec);
  g.output("memory", encode({ g, spec, parameter, dropout: noDropout, probe: noProbe }).states);
  return g.graph();
}

/**
 * Inputs: `memory` [B·L, width] and `positions` [B, L] of the history; the steps so far, as in the inference graph, and `asked` [B, M],
 * 1 at the step whose outputs are wanted. Outputs: those of the heads, `scores` [B, items] among them.
 */
export function decoderGraph(spec: ModelSpec): Graph {
  const g = new GraphBuilder("decoder");
  const parameter = declareParameters(g, spec);
  const positions = g.input("positions", ["B", "L"], "int32");
  const { flat } = g.declareTokens(positions);
  const memory = { states: g.input("memory", [flat, spec.width]), mask: paddingMask(g, positions, spec.heads) };
  const hidden = decode({ g, spec, parameter, dropout: noDropout, probe: noProbe }, memory, declareSteps(g));
  headOutputs(g, spec, parameter, pickMarked(g, hidden, g.input("asked", ["B", "M"], "int32"), 1));
  return g.graph();
}
