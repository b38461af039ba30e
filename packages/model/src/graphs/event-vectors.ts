/** From the ids of a batch's events to one vector an event: item + action + time gap, without position. */
import { add, embedding, type GraphBuilder, type Tensor, windowOf } from "@tributary/tensor";
import { isRecurrent, type ModelSpec } from "../spec.ts";
import type { ParameterOf } from "./weights.ts";

/** Ids of one batch, [customers, positions]; all count from 1, and 0 is "none here". */
export interface EventIds {
  /** Rows of the item table. */
  readonly items: Tensor;
  readonly actions: Tensor | undefined;
  readonly gaps: Tensor | undefined;
}

/** What item vectors are multiplied with before anything is added: √width in Transformers, 1 in recurrent models. */
export function itemFactor(spec: ModelSpec): number {
  return isRecurrent(spec) ? 1 : Math.sqrt(spec.width);
}

/** [T, width] */
export function eventVectors(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, ids: EventIds): Tensor {
  let x = embedding(g, parameter("item.weight"), ids.items, { factor: itemFactor(spec) });
  if (ids.actions) x = add(g, x, embedding(g, parameter("action.weight"), ids.actions));
  if (ids.gaps) x = add(g, x, embedding(g, parameter("gap.weight"), ids.gaps));
  return x;
}

/** The ids of the events that a graph reads, all [B, L]. */
export function declareEvents(g: GraphBuilder, spec: ModelSpec): EventIds {
  return {
    items: g.input("items", ["B", "L"], "int32"),
    actions: spec.actions > 0 ? g.input("actions", ["B", "L"], "int32") : undefined,
    gaps: spec.timeGaps > 0 ? g.input("gaps", ["B", "L"], "int32") : undefined,
  };
}

/** The same with one event more in `items` and `actions` [B, L+1]: the last L are what the first L predict. */
export function declareEventsAndNext(
  g: GraphBuilder,
  spec: ModelSpec,
): { readonly read: EventIds; readonly next: Pick<EventIds, "items" | "actions"> } {
  const items = g.input("items", ["B", "L+1"], "int32");
  const actions = spec.actions > 0 ? g.input("actions", ["B", "L+1"], "int32") : undefined;
  const gaps = spec.timeGaps > 0 ? g.input("gaps", ["B", "L"], "int32") : undefined;
  const window = (offset: 0 | 1) => ({ items: windowOf(g, items, offset), actions: actions && windowOf(g, actions, offset) });
  return { read: { ...window(0), gaps }, next: window(1) };
}
