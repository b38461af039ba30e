/**
 * Examples of `sasrec`, `lstm` and `gru`: a customer's last length + 1 events. The first L are inputs, each event after the first
 * is the target of the position before it.
 *
 * A model that also asks about a position's outlook (churn, purchase) reads a customer's very last event as well: it has an outlook, though
 * no next event. And since positions are counted back from the end, `sasrec` reads such a history only up to an event that is drawn, all
 * alike, from randomness keyed by round and customer: at the end of whole histories sessions are over and nobody comes back, and the
 * position would give the answer away. Labels are those of the whole history.
 */
import { type Histories, seededRandom } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { eventFeeds } from "../../event-feeds.ts";
import { outlooksOf } from "../../graphs/heads.ts";
import { isRecurrent, type ModelSpec } from "../../spec.ts";
import type { Example, Extent, RunShape, Whole } from "./examples.ts";
import { isTarget, targetWeights } from "./targets.ts";

export function nextEvents(spec: ModelSpec, histories: Histories, whole: Whole): Extent | undefined {
  const { begin: first, end } = whole;
  if (outlooksOf(spec).length > 0) return end > first ? upToSome(spec, whole) : undefined;
  const begin = Math.max(first, end - spec.length - 1);
  for (let event = begin + 1; event < end; event++) {
    if (isTarget(spec, histories, event)) return { begin, end, inputs: end - begin - 1 };
  }
  return undefined;
}

/** The latest events up to one that is drawn, and the event after it as a target, where there is one. */
function upToSome(spec: ModelSpec, { begin: first, end, seed, hash }: Whole): Extent {
  const last = isRecurrent(spec) ? end - 1 : first + seededRandom(seed, "last event read", hash).below(end - first);
  const begin = Math.max(first, last + 1 - spec.length);
  return { begin, end: Math.min(last + 2, end), inputs: last + 1 - begin };
}

export function nextEventFeeds(
  spec: ModelSpec,
  histories: Histories,
  examples: readonly Example[],
  { rows, length }: RunShape,
): Record<string, FeedTensor> {
  const inputs = examples.map(({ begin, end, inputs: count }) => ({
    begin,
    end: begin + count,
    followed: begin + count < end,
  }));
  const targets = examples.map(({ begin, end }) =>
    Array.from({ length: end - begin - 1 }, (_, column) => ({ event: begin + 1 + column, column })),
  );
  return {
    ...eventFeeds(spec, histories, inputs, { rows, length, next: true }),
    ...targetWeights(spec, histories, targets, { rows, columns: length }),
  };
}
