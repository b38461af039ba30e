/**
 * From the ids of a batch's events to one vector an event: item + action + time gap + dwell time + price, each as far as the model reads
 * it, without position. An event without an item (a search, a login) has all but the first; where the model reads topics, it has in its place the vectors of
 * what it is about.
 */
import { fail } from "@tributary/errors";
import { add, embedding, type GraphBuilder, type Tensor, windowOf } from "@tributary/tensor";
import type { ModelSpec } from "../spec.ts";
import { itemVectors, topicVectors } from "./item-vectors.ts";
import type { ParameterOf } from "./weights.ts";

/** Ids of one batch, [customers, positions]; all count from 1, and 0 is "none here". */
export interface EventIds {
  /** Rows of the item table. */
  readonly items: Tensor;
  readonly actions: Tensor | undefined;
  readonly gaps: Tensor | undefined;
  readonly dwells?: Tensor | undefined;
  readonly prices?: Tensor | undefined;
  readonly topics?: Tensor | undefined;
}

/**
 * [T, width]
 * @throws TRB_TRAINING_SPEC_INVALID when the model reads nothing of an event
 */
export function eventVectors(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, ids: EventIds): Tensor {
  const parts: Tensor[] = [];
  const items = itemVectors(g, spec, parameter, ids.items);
  if (items) parts.push(items);
  for (const [name, list] of [
    ["action", ids.actions],
    ["gap", ids.gaps],
    ["dwell", ids.dwells],
    ["price", ids.prices],
  ] as const) {
    if (list) parts.push(embedding(g, parameter(`${name}.weight`), list));
  }
  if (ids.topics) parts.push(...topicVectors(g, spec, parameter, ids.topics));
  const [first, ...rest] = parts;
  if (first === undefined) throw fail("TRB_TRAINING_SPEC_INVALID", { reason: "the model reads nothing of an event" });
  return rest.reduce((sum, part) => add(g, sum, part), first);
}

/** Buckets and topics of events, all [B, L]. */
function declareBuckets(g: GraphBuilder, spec: ModelSpec): Pick<EventIds, "gaps" | "dwells" | "prices" | "topics"> {
  const list = (name: string, buckets: number) => (buckets > 0 ? g.input(name, ["B", "L"], "int32") : undefined);
  return {
    gaps: list("gaps", spec.timeGaps),
    dwells: list("dwells", spec.dwells),
    prices: list("prices", spec.prices),
    topics: list("topics", spec.topics ?? 0),
  };
}

/** The ids of the events that a graph reads, all [B, L]. */
export function declareEvents(g: GraphBuilder, spec: ModelSpec): EventIds {
  return {
    items: g.input("items", ["B", "L"], "int32"),
    actions: spec.actions > 0 ? g.input("actions", ["B", "L"], "int32") : undefined,
    ...declareBuckets(g, spec),
  };
}

/** The same with one event more in `items` and `actions` [B, L+1]: the last L are what the first L predict. */
export function declareEventsAndNext(
  g: GraphBuilder,
  spec: ModelSpec,
): { readonly read: EventIds; readonly next: Pick<EventIds, "items" | "actions"> } {
  const items = g.input("items", ["B", "L+1"], "int32");
  const actions = spec.actions > 0 ? g.input("actions", ["B", "L+1"], "int32") : undefined;
  const buckets = declareBuckets(g, spec);
  const window = (offset: 0 | 1) => ({ items: windowOf(g, items, offset), actions: actions && windowOf(g, actions, offset) });
  return { read: { ...window(0), ...buckets }, next: window(1) };
}
