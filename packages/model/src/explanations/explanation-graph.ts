/**
 * The inference graph with more outputs: how much each event adds to a sum of scores, and how attention went. It is built by the same
 * functions as the graph that serves; the only difference is that each event's vector is read to some extent, from 0 (absent) to 1 (whole).
 *
 *   slope of event e = ∂ score / ∂ extent_e = (∂ score / ∂ x_e) · v_e, v_e the event's vector without its position, x_e = extent_e · v_e
 *
 * At extent 1 that is gradient × input (Shrikumar et al. 2017, "Learning Important Features Through Propagating Activation Differences",
 * §2.2).
 */
import { fail } from "@tributary/errors";
import {
  type Dimension,
  type Graph,
  GraphBuilder,
  gradientsOf,
  multiply,
  product,
  sumLast,
  type Tensor,
} from "@tributary/tensor";
import { familyOf } from "../graphs/families/families.ts";
import { scoredVectors } from "../graphs/item-vectors.ts";
import type { Probe } from "../graphs/probe.ts";
import { declareParameters } from "../graphs/weights.ts";
import { checkBuildable, type ModelSpec } from "../spec.ts";

export interface ExplanationGraph {
  readonly graph: Graph;
  /** Names of the attention outputs, in the order in which events pass them; empty in recurrent models. */
  readonly attentions: readonly string[];
}

/** What the names of attention outputs begin with; what follows is the place: `block0.self`, `decoder1.cross`. */
export const attentionPrefix = "attention:";

/**
 * Inputs: those of the inference graph, `asked` [B, items], the weights of the scores' sum that is explained, and `extents` [B·L, 1].
 * Outputs: `scores` [B, items], `score` [B, 1], that sum, `slopes` [B·L, 1], and each attention's weights [B, (heads,) M, L].
 * @throws TRB_TRAINING_SPEC_INVALID
 */
export function explanationGraph(spec: ModelSpec): ExplanationGraph {
  checkBuildable(spec);
  const g = new GraphBuilder("explanation");
  const parameter = declareParameters(g, spec);
  const seen: { readonly whole: Tensor; readonly read: Tensor }[] = [];
  const attentions: string[] = [];
  const probe: Probe = {
    events: (whole) => {
      const read = multiply(g, whole, g.input("extents", [dimensionOf(whole), 1]));
      seen.push({ whole, read });
      return read;
    },
    attention: (place, weights) => {
      const name = `${attentionPrefix}${place}`;
      attentions.push(name);
      g.output(name, weights);
    },
  };
  const state = familyOf(spec).state(g, spec, parameter, probe);
  const vectors = scoredVectors(g, spec, parameter);
  g.output("scores", product(g, state, vectors, { transposeB: true }));
  const asked = product(g, g.input("asked", ["B", spec.items]), vectors);
  const score = sumLast(g, multiply(g, state, asked));
  g.output("score", score);
  const [events] = seen;
  const [gradient] = events === undefined ? [] : gradientsOf(g, score, [events.read]);
  if (events === undefined || gradient === undefined) {
    throw fail("TRB_TRAINING_SPEC_INVALID", { reason: "the model's scores do not depend on events" });
  }
  g.output("slopes", sumLast(g, multiply(g, gradient, events.whole)));
  return { graph: g.graph(), attentions };
}

function dimensionOf({ shape: [tokens = "B*L"] }: Tensor): Dimension {
  return tokens;
}
