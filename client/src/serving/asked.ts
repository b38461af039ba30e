/** From what a request says of a customer to events that can be scored. What is refused is named by its place in the request, never by its value. */
import { fail } from "@tributary/errors";
import { actionNumber } from "@tributary/events";
import type { CustomerEvents } from "@tributary/model";
import type { Customers, LiveEvent } from "./customers.ts";
import type { Shelf } from "./served-model.ts";
import type { HistoryEvent } from "./words.ts";

export interface Asked {
  readonly events: CustomerEvents;
  /** Whether anything is known of the customer. */
  readonly known: boolean;
}

const nobody: CustomerEvents = { items: new Int32Array(0), actions: new Uint8Array(0), times: new Float64Array(0) };

/**
 * An unknown customer is one of whom nothing is known; an empty history is a mistake.
 * @throws TRB_SERVE_HISTORY_EMPTY, TRB_SERVE_ITEM_UNKNOWN, TRB_SERVE_ACTION_UNKNOWN, TRB_SERVE_REQUEST_INVALID
 */
export function askedEvents(
  who: { readonly customer?: string | undefined; readonly history?: readonly HistoryEvent[] | undefined },
  customers: Customers,
  shelf: Shelf,
): Asked {
  if (who.history === undefined) {
    const events = who.customer === undefined ? undefined : customers.find(who.customer);
    return { events: events ?? nobody, known: events !== undefined };
  }
  const { history } = who;
  if (history.length === 0) throw fail("TRB_SERVE_HISTORY_EMPTY");
  const end = customers.latest();
  const times = Float64Array.from(history, ({ time }, place) => time ?? end - (history.length - 1 - place));
  const behind = times.findIndex((time, place) => place > 0 && time < (times[place - 1] as number));
  if (behind > 0)
    throw fail("TRB_SERVE_REQUEST_INVALID", { path: `history.${behind}.time`, reason: "it is before the event above" });
  const topics = Int32Array.from(history, (event) => topicOf(shelf, event));
  const events: CustomerEvents = {
    items: Int32Array.from(history, ({ item }, place) =>
      item === undefined ? 0 : itemNumber(shelf, item, `history.${place}.item`),
    ),
    actions: Uint8Array.from(history, ({ action }, place) => actionOf(action, `history.${place}.action`)),
    times,
    ...(topics.some((topic) => topic > 0) ? { topics } : {}),
  };
  return { events, known: true };
}

/** Of an event without an item. */
function topicOf(shelf: Shelf, event: { readonly item?: string | undefined; readonly keywords?: string | undefined }): number {
  return event.item === undefined && event.keywords !== undefined ? shelf.topicOf(event.keywords) : 0;
}

/** @throws TRB_SERVE_ITEM_UNKNOWN */
export function itemNumber({ catalogue, names }: Shelf, id: string, path: string): number {
  const number = catalogue.numbers.get(id) ?? names?.numberOf(id);
  if (number === undefined) throw fail("TRB_SERVE_ITEM_UNKNOWN", { path });
  return number;
}

/** @throws TRB_SERVE_ITEM_UNKNOWN, TRB_SERVE_ACTION_UNKNOWN */
export function liveEvents(
  events: readonly {
    readonly customer: string;
    readonly item?: string | undefined;
    readonly action: string;
    readonly keywords?: string | undefined;
    readonly time?: number | undefined;
  }[],
  shelf: Shelf,
  now: number,
): readonly LiveEvent[] {
  return events.map(({ customer, item, keywords, action, time = now }, place) => ({
    ...{ customer, time, topic: topicOf(shelf, { item, keywords }) },
    item: item === undefined ? 0 : itemNumber(shelf, item, `events.${place}.item`),
    action: actionOf(action, `events.${place}.action`),
  }));
}

function actionOf(name: string, path: string): number {
  const number = actionNumber(name);
  if (number < 0) throw fail("TRB_SERVE_ACTION_UNKNOWN", { path });
  return number;
}
