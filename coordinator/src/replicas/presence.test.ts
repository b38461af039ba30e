import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepPresence } from "./presence.ts";

const log = pino({ level: "silent" });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a thousand changes together are one write, and those that come during a write are in the next, never beside it", async () => {
  let here = 0;
  let [under, most] = [0, 0];
  const written: number[] = [];
  const slow = keepPresence(async () => {
    under += 1;
    most = Math.max(most, under);
    const all = here;
    await new Promise((resolve) => setTimeout(resolve, 500));
    written.push(all);
    under -= 1;
  }, log);
  for (; here < 1000; here += 1) slow.changed();
  await vi.advanceTimersByTimeAsync(200);
  for (; here < 1005; here += 1) {
    slow.changed();
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(2_000);
  expect(written[0]).toBe(1000);
  expect(written.at(-1)).toBe(1005);
  expect(written.length).toBeLessThanOrEqual(3);
  expect(most).toBe(1);
  await slow.close();
});

test("a write that fails is tried again until it works, unless it is over", async () => {
  let [tries, works] = [0, false];
  const failing = keepPresence(async () => {
    tries += 1;
    if (!works) throw new Error("the database is away");
  }, log);
  failing.changed();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(tries).toBeGreaterThan(3);
  works = true;
  await vi.advanceTimersByTimeAsync(2_000);
  const enough = tries;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tries).toBe(enough);
  works = false;
  failing.changed();
  await vi.advanceTimersByTimeAsync(100);
  await failing.close();
  failing.changed();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tries).toBe(enough + 1);
});
