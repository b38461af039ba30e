/** Histories of a golden file without their padding: events move to the left, and each keeps the position that it had. */
import type { FeedTensor } from "@tributary/tensor";
import { columnTensor, intTensor, meanWeights } from "./family.ts";
import type { GoldenCase } from "./golden-case.ts";
import { unfit } from "./shapes.ts";

export interface GoldenEvent {
  /** Its place in the file. */
  readonly t: number;
  readonly item: number;
  readonly target: number;
}

/**
 * Each customer's events. @param targets the file's, of the same positions
 * @throws TRB_MODEL_VECTORS_UNFIT when padding has a target: it has no hidden state with us
 */
export function historiesOf(golden: GoldenCase, targets: readonly (readonly number[])[]): readonly (readonly GoldenEvent[])[] {
  return golden.inputs.items.map((items, b) => {
    const events = items.map((item, t) => ({ t, item, target: targets[b]?.[t] ?? 0 }));
    const lost = events.find(({ item, target }) => item === 0 && target > 0);
    if (lost) throw unfit(golden, `inputs.targets[${b}][${lost.t}]`, "0, where the item is padding", String(lost.target));
    return events.filter(({ item }) => item > 0);
  });
}

/** Values with zeros behind them, `size` in all. */
function padded(values: readonly number[], size: number): readonly number[] {
  return Array.from({ length: size }, (_, t) => values[t] ?? 0);
}

/** One number of every event, [B, L]. */
export function eventTensor(
  histories: readonly (readonly GoldenEvent[])[],
  length: number,
  value: (event: GoldenEvent) => number,
): FeedTensor {
  return intTensor(histories.map((events) => padded(events.map(value), length)));
}

/** What a loss weighs each event with, [T, 1]. */
export function eventWeights(histories: readonly (readonly GoldenEvent[])[], length: number): FeedTensor {
  return columnTensor(histories.map((events) => padded(meanWeights(events.map(({ target }) => target)), length)));
}

/** Where the events' hidden states are. */
export function eventPlaces(
  histories: readonly (readonly GoldenEvent[])[],
  length: number,
): readonly { readonly b: number; readonly t: number; readonly row: number }[] {
  return histories.flatMap((events, b) => events.map(({ t }, place) => ({ b, t, row: b * length + place })));
}

/** Whether what each event predicts is the event after it, as in training; the last one may predict anything. */
export function isChained(histories: readonly (readonly GoldenEvent[])[]): boolean {
  return histories.every((events) =>
    events.every(({ target }, t) => target === 0 || t === events.length - 1 || target === events[t + 1]?.item),
  );
}

/** Items of the events, and of the event that the last one predicts: [B, L + 1]. */
export function itemsAndNext(histories: readonly (readonly GoldenEvent[])[], length: number): FeedTensor {
  return intTensor(
    histories.map((events) => padded([...events.map(({ item }) => item), events.at(-1)?.target ?? 0], length + 1)),
  );
}
