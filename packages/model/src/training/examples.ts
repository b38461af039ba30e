/**
 * From histories to what a training graph is fed with. An example is one customer's last length + 1 events: the first L are
 * inputs, each event after the first is the target of the position before it.
 */
import type { Histories } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { actionId, gapId, itemId, positionId } from "../event-ids.ts";
import { hasActionHead } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { customerHash } from "./length-classes.ts";

export interface Example {
  readonly hash: number;
  readonly customer: string;
  /** First and one after last event in the histories' arrays. */
  readonly begin: number;
  readonly end: number;
}

/** How many positions an example has. */
export function inputsOf({ begin, end }: Example): number {
  return end - begin - 1;
}

/** The customer's example, or undefined where there is nothing to learn from: then its vector is zero. */
export function exampleOf(spec: ModelSpec, histories: Histories, customer: number): Example | undefined {
  const first = histories.offsets[customer] ?? 0;
  const end = histories.offsets[customer + 1] ?? first;
  const begin = Math.max(first, end - spec.length - 1);
  let targets = 0;
  for (let event = begin + 1; event < end; event++) {
    if ((histories.items[event] ?? 0) > 0 || hasActionHead(spec)) targets += 1;
  }
  const id = histories.customers[customer] ?? "";
  return targets === 0 ? undefined : { hash: customerHash(id), customer: id, begin, end };
}

/** Negatives of a round. `slotOf[row]`: place of a row (counted from 1) among them, K for others. */
export interface SharedNegatives {
  /** [K] rows, counted from 1. */
  readonly rows: Int32Array;
  readonly slotOf: Int32Array;
}

/** Feeds of one run: B examples padded to `length` positions. */
export function exampleFeeds(
  spec: ModelSpec,
  histories: Histories,
  examples: readonly Example[],
  length: number,
): Record<string, FeedTensor> {
  // A matrix of one row takes another way through BLAS, with other rounding: a single token gets an empty customer beside it.
  const batch = Math.max(examples.length, length === 1 ? 2 : 1);
  const events = length + 1;
  const items = new Int32Array(batch * events);
  const actions = new Int32Array(batch * events);
  const gaps = new Int32Array(batch * length);
  const positions = new Int32Array(batch * length);
  const itemWeights = new Float32Array(batch * length);
  const actionWeights = new Float32Array(batch * length);
  examples.forEach(({ begin, end }, row) => {
    const count = end - begin;
    let itemTargets = 0;
    let actionTargets = 0;
    for (let place = 0; place < count; place++) {
      const item = itemId(spec, histories, begin + place);
      const action = actionId(spec, histories, begin + place);
      items[row * events + place] = item;
      actions[row * events + place] = action;
      if (place > 0 && item > 0) itemTargets += 1;
      if (place > 0 && action > 0) actionTargets += 1;
    }
    for (let place = 0; place < count - 1; place++) {
      const target = row * length + place;
      positions[target] = positionId(spec, end - 1, begin + place);
      gaps[target] = gapId(spec, histories, begin, begin + place);
      if ((items[row * events + place + 1] ?? 0) > 0) itemWeights[target] = 1 / itemTargets;
      if ((actions[row * events + place + 1] ?? 0) > 0) actionWeights[target] = 1 / actionTargets;
    }
  });
  const grid = [batch, length];
  const sequence = [batch, events];
  const column = [batch * length, 1];
  const feeds: Record<string, FeedTensor> = {
    items: { shape: sequence, data: items },
    positions: { shape: grid, data: positions },
    itemWeights: { shape: column, data: itemWeights },
  };
  if (spec.actions > 0) feeds["actions"] = { shape: sequence, data: actions };
  if (spec.timeGaps > 0) feeds["gaps"] = { shape: grid, data: gaps };
  if (hasActionHead(spec)) feeds["actionWeights"] = { shape: column, data: actionWeights };
  return feeds;
}
