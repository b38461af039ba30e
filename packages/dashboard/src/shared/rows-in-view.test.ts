/** Which rows are drawn, and where keys go. */
import { expect, test } from "vitest";
import { rowAfter, rowsInView } from "./rows-in-view.ts";

test("what is in view is drawn wherever it is scrolled to, and never much more", () => {
  const count = 10_000;
  for (let top = 0; top <= count * 34; top += 1717) {
    const { first, last } = rowsInView({ count, rowHeight: 34, top, space: 500 });
    const [seenFirst, seenLast] = [Math.floor(top / 34), Math.min(count, Math.ceil((top + 500) / 34))];
    expect(first).toBeLessThanOrEqual(Math.min(seenFirst, count));
    expect(last).toBeGreaterThanOrEqual(seenLast);
    expect(last - first).toBeLessThan(40);
  }
});

test("tables of nothing, of less than fits, and that were scrolled further than they now are", () => {
  expect(rowsInView({ count: 0, rowHeight: 34, top: 0, space: 500 })).toEqual({ first: 0, last: 0 });
  expect(rowsInView({ count: 3, rowHeight: 34, top: 0, space: 500 })).toEqual({ first: 0, last: 3 });
  expect(rowsInView({ count: 3, rowHeight: 34, top: 99_999, space: 500 })).toEqual({ first: 3, last: 3 });
});

test.each([
  ["ArrowDown", undefined, 0],
  ["ArrowUp", undefined, 99],
  ["ArrowDown", 99, 99],
  ["ArrowUp", 0, 0],
  ["PageDown", 50, 60],
  ["PageUp", 5, 0],
  ["Home", 50, 0],
  ["End", 50, 99],
  ["Enter", 50, undefined],
])("%s from %s leads to %s", (key, chosen, expected) => {
  expect(rowAfter(key, { chosen, count: 100, page: 10 })).toBe(expected);
  expect(rowAfter(key, { chosen, count: 0, page: 10 })).toBeUndefined();
});
