/**
 * The rhythm of a customer's visits: days from one visit's beginning to the next one's. Mean and median differ where a customer comes in bursts;
 * the coefficient of variation, √variance/mean, is 0 for clockwork, about 1 for visits at random and above it for bursts.
 */
import { beginsVisit, type EventsOfCustomer, type Feature, median, secondsOfDay } from "./events-of-customer.ts";

export const intervals: readonly Feature[] = [
  { name: "days between visits, mean", of: (events) => mean(daysBetween(events)) },
  { name: "days between visits, median", of: (events) => median(daysBetween(events)) },
  { name: "days between visits, variation", of: (events) => variation(daysBetween(events)) },
];

function daysBetween(events: EventsOfCustomer): readonly number[] {
  const found: number[] = [];
  let last = Number.NaN;
  for (let event = events.begin; event < events.end; event++) {
    if (!beginsVisit(events, event)) continue;
    const time = events.times[event] as number;
    if (!Number.isNaN(last)) found.push((time - last) / secondsOfDay);
    last = time;
  }
  return found;
}

/** NaN of none. */
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** NaN of fewer than two: one interval has no rhythm. */
function variation(values: readonly number[]): number {
  if (values.length < 2) return Number.NaN;
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2))) / middle;
}
