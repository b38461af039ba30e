/** Which events are learnt to predict, and with which weights: a customer's loss is the mean over the targets that it has. */
import { type Histories, ownItem } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { actionId, itemId } from "../../event-ids.ts";
import { hasActionHead } from "../../parameters.ts";
import type { ModelSpec } from "../../spec.ts";

/** An event, and the column of its customer's row that predicts it. */
export interface Target {
  readonly event: number;
  readonly column: number;
}

/** Whether an event can be a target: it has an item, or its action is predicted. */
export function isTarget(spec: ModelSpec, histories: Histories, event: number): boolean {
  return ownItem(histories, event) > 0 || hasActionHead(spec);
}

/**
 * `itemWeights` and, with an action head, `actionWeights` [rows·columns, 1]: one over how many of the row's targets have an item
 * (an action), at those.
 */
export function targetWeights(
  spec: ModelSpec,
  histories: Histories,
  targets: readonly (readonly Target[])[],
  { rows, columns }: { readonly rows: number; readonly columns: number },
): Record<string, FeedTensor> {
  const weigh = (known: (event: number) => boolean): FeedTensor => {
    const data = new Float32Array(rows * columns);
    targets.forEach((own, row) => {
      const chosen = own.filter(({ event }) => known(event));
      for (const { column } of chosen) data[row * columns + column] = 1 / chosen.length;
    });
    return { shape: [rows * columns, 1], data };
  };
  const feeds: Record<string, FeedTensor> = { itemWeights: weigh((event) => itemId(spec, histories, event) > 0) };
  if (hasActionHead(spec)) feeds["actionWeights"] = weigh((event) => actionId(spec, histories, event) > 0);
  return feeds;
}
