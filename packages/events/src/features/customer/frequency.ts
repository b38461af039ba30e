/** How often a customer comes, and what it does then. Counts, over all its events up to the moment that is asked about. */
import { buy, countOf, type Feature, visitsOf } from "./events-of-customer.ts";

export const frequency: readonly Feature[] = [
  { name: "events", of: ({ begin, end }) => end - begin },
  { name: "visits", of: visitsOf },
  { name: "events a visit", of: (events) => (events.end - events.begin) / visitsOf(events) },
  { name: "purchases", of: (events) => countOf(events, (event) => events.actions[event] === buy) },
];
