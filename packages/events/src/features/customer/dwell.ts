/**
 * How long a customer stays with what it looks at, in seconds: what the log says of an event, else the time until the next event of the same
 * visit. A visit's last event, of which the log says nothing, has none. The median, since one page left open says little.
 */
import { beginsVisit, type EventsOfCustomer, type Feature, median } from "./events-of-customer.ts";

export const dwell: readonly Feature[] = [{ name: "seconds an event", of: (events) => median(dwellsOf(events)) }];

function dwellsOf(events: EventsOfCustomer): readonly number[] {
  const { begin, end, times, dwells } = events;
  const found: number[] = [];
  for (let event = begin; event < end; event++) {
    const said = dwells?.[event] ?? Number.NaN;
    if (!Number.isNaN(said)) found.push(said);
    else if (event + 1 < end && !beginsVisit(events, event + 1))
      found.push((times[event + 1] as number) - (times[event] as number));
  }
  return found;
}
