/**
 * How the model reads one event: as ids, counted from 1, of rows in its tables; 0 is none. Training and serving read alike, so
 * this is said once. An event is named by its place in the histories' arrays, a stretch of them by `begin` and `end` (one after
 * the last that is read).
 */
import { dwellBucket, type Histories, ownItem, priceBucket, timeGapBucket } from "@tributary/events/histories";
import { itemRow } from "./rows.ts";
import type { ModelSpec } from "./spec.ts";

/** What was only shown is no item (docs/decisions/0041). */
export function itemId(spec: ModelSpec, histories: Histories, event: number): number {
  return itemRow(ownItem(histories, event), spec);
}

/** An action beyond those that the plan knows is none. */
export function actionId(spec: ModelSpec, { actions }: Histories, event: number): number {
  const id = (actions[event] ?? 0) + 1;
  return id <= spec.actions ? id : 0;
}

/** The bucket of the time since the event before; the first event that the model sees has none, which is bucket 0. */
export function gapId(spec: ModelSpec, { times }: Histories, begin: number, event: number): number {
  if (spec.timeGaps === 0) return 0;
  if (event === begin) return 1;
  const seconds = (times[event] ?? 0) - (times[event - 1] ?? 0);
  return 1 + Math.min(timeGapBucket(seconds), spec.timeGaps - 1);
}

/** An event of which the log doesn't say how long it took has none; of times beyond the model's last bucket it is that. */
export function dwellId(spec: ModelSpec, { dwells }: Histories, event: number): number {
  return Math.min(1 + dwellBucket(dwells?.[event] ?? Number.NaN), spec.dwells);
}

/** Likewise for an event's price. */
export function priceId(spec: ModelSpec, { prices }: Histories, event: number): number {
  return Math.min(1 + priceBucket(prices?.[event] ?? Number.NaN), spec.prices);
}

/** What an event without an item is about: a topic of the catalogue. One beyond those that the model knows is none. */
export function topicId(spec: ModelSpec, { topics }: Histories, event: number): number {
  const id = topics?.[event] ?? 0;
  return id <= (spec.topics ?? 0) ? id : 0;
}

/** Counted back from the end: the last event stands at position `spec.length`. */
export function positionId(spec: ModelSpec, end: number, event: number): number {
  return spec.length - (end - 1 - event);
}
