/**
 * When a customer is there: the hour of its events, on the clock's circle (Fisher 1993, "Statistical Analysis of Circular Data", §2.3: the mean of
 * the sines and of the cosines of 2π·hour/24; both lie from −1 to 1, and the nearer to 0, the less it keeps to an hour), the share of events at weekends,
 * and how long it has been a customer. Hours and days are UTC: what a shop's own clock adds turns the circle and tells customers apart no better.
 */
import { countOf, type EventsOfCustomer, type Feature, secondsOfDay } from "./events-of-customer.ts";

export const activity: readonly Feature[] = [
  { name: "hour of activity, sine", of: (events) => meanOver(events, (time) => Math.sin(angleOf(time))) },
  { name: "hour of activity, cosine", of: (events) => meanOver(events, (time) => Math.cos(angleOf(time))) },
  { name: "share of events at weekends", of: (events) => meanOver(events, (time) => (isWeekend(time) ? 1 : 0)) },
  { name: "days with this shop", of: ({ times, begin, now }) => Math.max(0, now - (times[begin] as number)) / secondsOfDay },
  { name: "days with an event", of: (events) => countOf(events, (event) => beginsDay(events, event)) },
];

const angleOf = (time: number) => (2 * Math.PI * (time % secondsOfDay)) / secondsOfDay;
const dayOf = (time: number) => Math.floor(time / secondsOfDay);
/** Day 0 of Unix time was a Thursday. */
const isWeekend = (time: number) => [2, 3].includes(((dayOf(time) % 7) + 7) % 7);

const beginsDay = ({ times, begin }: EventsOfCustomer, event: number): boolean =>
  event === begin || dayOf(times[event] as number) !== dayOf(times[event - 1] as number);

function meanOver({ times, begin, end }: EventsOfCustomer, of: (time: number) => number): number {
  let sum = 0;
  for (let event = begin; event < end; event++) sum += of(times[event] as number);
  return sum / (end - begin);
}
