/**
 * `sasrec`: causal self-attention over the history, what GPT is for language (Kang & McAuley 2018, with the norm before each
 * layer). Every position predicts the event after it. Customers are padded on the right, so that the causal mask alone keeps
 * padding out of sight.
 *
 * Ids in training: `positions` [B, L] and those of `declareEventIds` with one event more; in inference all [B, L]. A customer's
 * last event stands at position `spec.length`, the one before it at `spec.length − 1`, padding at 0.
 */
import { causalMask, type GraphBuilder, pickMarked, type Tensor, windowOf } from "@tributary/tensor";
import type { ModelSpec } from "../../spec.ts";
import { type Dropout, dropoutByMasks, noDropout } from "../dropout.ts";
import { declareEventIds, type EventIds, eventVectors } from "../event-vectors.ts";
import { transformer, withPositions } from "../transformer.ts";
import type { ParameterOf } from "../weights.ts";
import type { Family } from "./family.ts";

function states(
  g: GraphBuilder,
  spec: ModelSpec,
  parameter: ParameterOf,
  dropout: Dropout,
  { positions, ...ids }: EventIds & { readonly positions: Tensor },
): Tensor {
  const input = withPositions(g, parameter, eventVectors(g, spec, parameter, ids), { positions });
  const blocks = { prefix: "block", mask: causalMask(g), final: "final" };
  return transformer(g, spec, parameter, dropout, dropout(input, "input"), blocks);
}

export const causal: Family = {
  predictions(g, spec, parameter) {
    const positions = g.input("positions", ["B", "L"], "int32");
    g.declareTokens(positions);
    const { items, actions, gaps } = declareEventIds(g, spec, "events and one more");
    const read = { items: windowOf(g, items, 0), actions: actions && windowOf(g, actions, 0), gaps, positions };
    const hidden = states(g, spec, parameter, dropoutByMasks(g, spec), read);
    return { hidden, items: windowOf(g, items, 1), actions: actions && windowOf(g, actions, 1) };
  },
  state(g, spec, parameter) {
    const positions = g.input("positions", ["B", "L"], "int32");
    g.declareTokens(positions);
    const ids = declareEventIds(g, spec, "events");
    const hidden = states(g, spec, parameter, noDropout, { ...ids, positions });
    return pickMarked(g, hidden, positions, spec.length);
  },
};
