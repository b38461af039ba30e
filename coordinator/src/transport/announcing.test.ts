import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { announcing } from "./announcing.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const few = { most: 3, every: 10 };

test("all are told, a few at a time, the first at once", () => {
  const heard: string[] = [];
  const news = announcing(
    () => Array.from({ length: 8 }, (_, i) => i),
    (listener, entries) => void heard.push(`${listener}: ${entries}`),
    few,
  );
  news.announce(5);
  expect(heard).toEqual(["0: 5", "1: 5", "2: 5"]);
  expect(news.underWay()).toBe(true);
  vi.advanceTimersByTime(10);
  expect(heard).toHaveLength(6);
  vi.advanceTimersByTime(10);
  expect(heard.map((text) => Number(text[0]))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(news.underWay()).toBe(false);
});

test("newer news overtake those under way: everybody hears the newest, also who was connected since", () => {
  const heard = new Map<number, number>();
  let connected = 5;
  const news = announcing(
    () => Array.from({ length: connected }, (_, i) => i),
    (listener, entries) => void heard.set(listener, entries),
    few,
  );
  news.announce(1);
  connected = 7;
  news.announce(2);
  vi.runAllTimers();
  expect([...heard.values()]).toEqual([2, 2, 2, 2, 2, 2, 2]);
});

test("however fast news follow each other, everybody's turn comes", () => {
  const heard = new Set<number>();
  const news = announcing(
    () => [0, 1, 2, 3, 4, 5, 6],
    (listener) => void heard.add(listener),
    few,
  );
  for (let entries = 1; entries <= 4; entries++) {
    news.announce(entries);
    vi.advanceTimersByTime(10);
  }
  expect(heard.size).toBe(7);
});

test("nobody is told anything after the end", () => {
  let told = 0;
  const news = announcing(
    () => [1, 2, 3, 4],
    () => void told++,
    few,
  );
  news.announce(1);
  news.close();
  vi.runAllTimers();
  expect(told).toBe(3);
  expect(news.underWay()).toBe(false);
});
