/** Stretches of events as the ids that a graph reads, one customer a row: the same for training and for serving, and for every family. */
import type { Histories } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { actionId, dwellId, gapId, itemId, positionId, priceId, topicId } from "./event-ids.ts";
import type { ModelSpec } from "./spec.ts";

/** The events of one row: places `begin` up to, not including, `end` in the histories' arrays. */
export interface EventRow {
  readonly begin: number;
  readonly end: number;
  /** False: the customer has no event at `end`. Read where a grid wants the next event; default true. */
  readonly followed?: boolean;
}

export interface EventGrid {
  /** Rows of the batch; those beyond the events' are empty. */
  readonly rows: number;
  /** Positions of a row; the events stand on its left, 0 is padding. */
  readonly length: number;
  /** The event at `end` as well, in a column of its own of items and actions: what the last position predicts. */
  readonly next: boolean;
  /** Position of the last event; default `spec.length`. */
  readonly last?: number;
}

/** `items`, `actions` [rows, length (+ 1)]; `gaps`, `dwells`, `prices`, `topics`, `positions` [rows, length]; each as far as the model reads it. */
export function eventFeeds(
  spec: ModelSpec,
  histories: Histories,
  events: readonly EventRow[],
  { rows, length, next, last = spec.length }: EventGrid,
): Record<string, FeedTensor> {
  const columns = next ? length + 1 : length;
  const items = new Int32Array(rows * columns);
  const actions = new Int32Array(rows * columns);
  const [gaps, dwells, prices] = [new Int32Array(rows * length), new Int32Array(rows * length), new Int32Array(rows * length)];
  const topics = new Int32Array(spec.topics === undefined ? 0 : rows * length);
  const positions = new Int32Array(rows * length);
  events.forEach(({ begin, end, followed = true }, row) => {
    for (let event = begin; event < (next && followed ? end + 1 : end); event++) {
      const cell = row * columns + event - begin;
      items[cell] = itemId(spec, histories, event);
      actions[cell] = actionId(spec, histories, event);
    }
    for (let event = begin; event < end; event++) {
      const cell = row * length + event - begin;
      gaps[cell] = gapId(spec, histories, begin, event);
      dwells[cell] = dwellId(spec, histories, event);
      prices[cell] = priceId(spec, histories, event);
      if (spec.topics !== undefined) topics[cell] = topicId(spec, histories, event);
      positions[cell] = positionId(spec, end, event) - (spec.length - last);
    }
  });
  const [grid, sequence] = [
    [rows, length],
    [rows, columns],
  ];
  const feeds: Record<string, FeedTensor> = {
    items: { shape: sequence, data: items },
    positions: { shape: grid, data: positions },
  };
  if (spec.actions > 0) feeds["actions"] = { shape: sequence, data: actions };
  if (spec.timeGaps > 0) feeds["gaps"] = { shape: grid, data: gaps };
  if (spec.dwells > 0) feeds["dwells"] = { shape: grid, data: dwells };
  if (spec.prices > 0) feeds["prices"] = { shape: grid, data: prices };
  if (spec.topics !== undefined) feeds["topics"] = { shape: grid, data: topics };
  return feeds;
}

/** One row of ids by place, for feeds that a family makes itself. */
export function int32Feed(rows: number, columns: number, valueAt: (row: number, column: number) => number): FeedTensor {
  const data = new Int32Array(rows * columns);
  for (let cell = 0; cell < data.length; cell++) data[cell] = valueAt(Math.floor(cell / columns), cell % columns);
  return { shape: [rows, columns], data };
}
