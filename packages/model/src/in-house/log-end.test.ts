import { expect, test } from "vitest";
import { logDays } from "./log-end.ts";

const day = 86_400;
/** Twenty events on each of so many days. */
const log = (days: number) => Array.from({ length: 20 * days }, (_, place) => Math.floor(place / 20) * day + (place % 20) * 60);

test("a log ends with its latest event, and one that lies far behind it does not move the end", () => {
  const times = log(30);
  const end = 29 * day + 19 * 60;
  expect(logDays(times).end()).toBe(end);
  expect(logDays([...times, 2_000 * day]).end()).toBe(end);
  expect(logDays([2_000 * day, ...times.toReversed()]).end()).toBe(end);
});

test("a day counts once it has a tenth of the median day's events, as they come in", () => {
  const days = logDays(log(30));
  days.add(40 * day);
  expect(days.end()).toBe(29 * day + 19 * 60);
  days.add(40 * day + 5);
  expect(days.end()).toBe(40 * day + 5);
});

test("a log of single events ends with the last of them, and one without events at 0", () => {
  expect(logDays([3 * day, 9 * day, 5 * day]).end()).toBe(9 * day);
  expect(logDays().end()).toBe(0);
});
