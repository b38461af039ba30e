/** How long ago, in days: NaN for what never was. */
import { buy, type EventsOfCustomer, type Feature, secondsOfDay } from "./events-of-customer.ts";

export const recency: readonly Feature[] = [
  { name: "days since the last event", of: (events) => daysSince(events, () => true) },
  { name: "days since the last purchase", of: (events) => daysSince(events, (event) => events.actions[event] === buy) },
];

function daysSince({ times, begin, end, now }: EventsOfCustomer, isMeant: (event: number) => boolean): number {
  let event = end - 1;
  while (event >= begin && !isMeant(event)) event--;
  return event < begin ? Number.NaN : Math.max(0, now - (times[event] as number)) / secondsOfDay;
}
