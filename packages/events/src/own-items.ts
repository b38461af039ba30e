/**
 * Which items are a customer's own doing. An impression is what the shop showed: its item is nobody's interest until somebody clicks, so wherever items are
 * counted, paired, ranked or predicted it is an event without one (docs/decisions/0041). What adverts are learnt from reads the events as they are.
 */
import { actions, type Histories } from "./histories.ts";

const impression = actions.indexOf("impression");

type ItemEvents = Pick<Histories, "items" | "actions">;

/** The item of one event, counted from 1; 0 for an event without one, and for an impression. */
export function ownItem({ items, actions: done }: ItemEvents, event: number): number {
  return done[event] === impression ? 0 : (items[event] ?? 0);
}

/** [events] The same array where nothing was only shown. */
export function ownItems({ items, actions: done }: ItemEvents): Int32Array {
  let own: Int32Array | undefined;
  for (let event = done.indexOf(impression); event >= 0; event = done.indexOf(impression, event + 1)) {
    if (items[event] === 0) continue;
    own ??= items.slice();
    own[event] = 0;
  }
  return own ?? items;
}

/** The events with their own items, everything else as it is; the same object where nothing was only shown. */
export function withOwnItems<Events extends ItemEvents>(events: Events): Events {
  const items = ownItems(events);
  return items === events.items ? events : { ...events, items };
}
