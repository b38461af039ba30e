/**
 * Examples of `sasrec`, `lstm` and `gru`: a customer's last length + 1 events. The first L are inputs, each event after the first
 * is the target of the position before it. A model that also asks about a position's outlook (churn, purchase) reads the last L events,
 * the very last as well: it has an outlook, though no next event.
 */
import type { Histories } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { eventFeeds } from "../../event-feeds.ts";
import { outlooksOf } from "../../graphs/heads.ts";
import type { ModelSpec } from "../../spec.ts";
import type { Example, Extent, RunShape, Whole } from "./examples.ts";
import { isTarget, targetWeights } from "./targets.ts";

export function nextEvents(spec: ModelSpec, histories: Histories, { begin: first, end }: Whole): Extent | undefined {
  if (outlooksOf(spec).length > 0) {
    const begin = Math.max(first, end - spec.length);
    return end > begin ? { begin, end, inputs: end - begin } : undefined;
  }
  const begin = Math.max(first, end - spec.length - 1);
  for (let event = begin + 1; event < end; event++) {
    if (isTarget(spec, histories, event)) return { begin, end, inputs: end - begin - 1 };
  }
  return undefined;
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
