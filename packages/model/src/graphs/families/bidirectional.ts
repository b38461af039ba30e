/**
 * `bert4rec`: attention in both directions; some events are hidden behind a mask vector and predicted from all others (Sun et al.
 * 2019). All of a hidden event is hidden, its action and times as well as its item. What comes next is asked by a hidden event
 * after the history, at the last position.
 *
 * Ids, in training and inference alike: `positions` [B, L], counted back from `spec.length` at the end as in `sasrec`; those of
 * `declareEvents`; `masked` [B, L], 1 where an event is hidden. In training what is hidden is fed apart, on a grid of its own, so that losses
 * cost what hidden events cost, not what all do: `hiddenPositions` [B, M] (0 is padding), `hiddenItems` and `hiddenActions` [B, M].
 */
import {
  add,
  embedding,
  flatten,
  type GraphBuilder,
  multiply,
  paddingMask,
  pickMarked,
  pickWanted,
  presence,
  subtract,
  type Tensor,
} from "@tributary/tensor";
import { hasActionHead } from "../../parameters.ts";
import type { ModelSpec } from "../../spec.ts";
import { type Dropout, dropoutByMasks, noDropout } from "../dropout.ts";
import { declareEvents, eventVectors } from "../event-vectors.ts";
import { itemFactor } from "../item-vectors.ts";
import { noProbe, type Probe } from "../probe.ts";
import { transformer, withPositions } from "../transformer.ts";
import type { ParameterOf } from "../weights.ts";
import type { Family } from "./family.ts";

function statesOf(
  g: GraphBuilder,
  spec: ModelSpec,
  parameter: ParameterOf,
  dropout: Dropout,
  probe: Probe = noProbe,
): { readonly hidden: Tensor; readonly positions: Tensor } {
  const positions = g.input("positions", ["B", "L"], "int32");
  g.declareTokens(positions);
  const events = declareEvents(g, spec);
  const masked = g.input("masked", ["B", "L"], "int32");
  const shown = subtract(g, g.constant(1), flatten(g, presence(g, masked, 1)));
  const seen = probe.events(multiply(g, eventVectors(g, spec, parameter, events), shown));
  const veiled = embedding(g, parameter("mask.weight"), masked, { factor: itemFactor(spec) });
  const input = dropout(withPositions(g, parameter, add(g, seen, veiled), { positions }), "input");
  const blocks = { prefix: "block", mask: paddingMask(g, positions, spec.heads), final: "final", probe };
  return { hidden: transformer(g, spec, parameter, dropout, input, blocks), positions };
}

export const bidirectional: Family = {
  predictions(g, spec, parameter) {
    const { hidden, positions } = statesOf(g, spec, parameter, dropoutByMasks(g, spec));
    const wanted = g.input("hiddenPositions", ["B", "M"], "int32");
    g.declareTokens(wanted);
    return {
      hidden: pickWanted(g, hidden, positions, wanted),
      items: g.input("hiddenItems", ["B", "M"], "int32"),
      actions: hasActionHead(spec) ? g.input("hiddenActions", ["B", "M"], "int32") : undefined,
    };
  },
  state(g, spec, parameter, probe) {
    const { hidden, positions } = statesOf(g, spec, parameter, noDropout, probe);
    return pickMarked(g, hidden, positions, spec.length);
  },
};
