/**
 * What the families that read a history from left to right have in common: every position predicts the event after it. Customers are
 * padded on the right, where nothing that comes before can see it.
 *
 * Ids in training: `positions` [B, L] and those of `declareEventsAndNext`; in inference those of `declareEvents`. A customer's
 * last event stands at position `spec.length`, the one before it at `spec.length − 1`, padding at 0.
 */
import { type GraphBuilder, pickMarked, type Tensor } from "@tributary/tensor";
import type { ModelSpec } from "../../spec.ts";
import { type Dropout, dropoutByMasks, noDropout } from "../dropout.ts";
import { declareEvents, declareEventsAndNext, eventVectors } from "../event-vectors.ts";
import { noProbe, type Probe } from "../probe.ts";
import type { ParameterOf } from "../weights.ts";
import type { Family } from "./family.ts";

/** Hidden states [T, width] from event vectors [T, width]. */
export type HiddenStates = (
  g: GraphBuilder,
  spec: ModelSpec,
  parameter: ParameterOf,
  dropout: Dropout,
  events: { readonly vectors: Tensor; readonly positions: Tensor; readonly probe?: Probe },
) => Tensor;

export function nextEventFamily(hiddenStates: HiddenStates): Family {
  return {
    predictions(g, spec, parameter) {
      const positions = g.input("positions", ["B", "L"], "int32");
      g.declareTokens(positions);
      const { read, next } = declareEventsAndNext(g, spec);
      const vectors = eventVectors(g, spec, parameter, read);
      return { hidden: hiddenStates(g, spec, parameter, dropoutByMasks(g, spec), { vectors, positions }), ...next };
    },
    state(g, spec, parameter, probe = noProbe) {
      const positions = g.input("positions", ["B", "L"], "int32");
      g.declareTokens(positions);
      const vectors = probe.events(eventVectors(g, spec, parameter, declareEvents(g, spec)));
      const hidden = hiddenStates(g, spec, parameter, noDropout, { vectors, positions, probe });
      return pickMarked(g, hidden, positions, spec.length);
    },
  };
}
