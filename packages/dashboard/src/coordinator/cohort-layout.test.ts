/** The cohort map: what is in view, which cell is under a point, where keys lead, and what it adds up to. */
import { expect, test } from "vitest";
import { cellAfter, cellAt, cellSize, cellsInView, turnout } from "./cohort-layout.ts";

const size = { rounds: 1000, nodes: 1000, cell: 6 };

test("a million cells: those in view are found by arithmetic, and are few", () => {
  for (const [left, top] of [
    [0, 0],
    [2999, 17],
    [5200, 5600],
  ] as const) {
    const range = cellsInView(size, { left, top, width: 800, height: 400 });
    expect(range.firstRound * 6).toBeLessThanOrEqual(left);
    expect(range.endRound * 6).toBeGreaterThanOrEqual(Math.min(6000, left + 800));
    expect(range.firstNode * 6).toBeLessThanOrEqual(top);
    expect(range.endNode * 6).toBeGreaterThanOrEqual(Math.min(6000, top + 400));
    expect((range.endRound - range.firstRound) * (range.endNode - range.firstNode)).toBeLessThan(136 * 69);
  }
  expect(cellsInView({ rounds: 2, nodes: 3, cell: 18 }, { left: 0, top: 0, width: 800, height: 400 })).toEqual({
    ...{ firstRound: 0, endRound: 2, firstNode: 0, endNode: 3 },
  });
});

test("cells are as large as fits, between 5 and 18 pixels", () => {
  const space = { width: 1000, height: 500 };
  expect(cellSize({ rounds: 1000, nodes: 1000 }, space)).toBe(5);
  expect(cellSize({ rounds: 4, nodes: 3 }, space)).toBe(18);
  expect(cellSize({ rounds: 100, nodes: 10 }, space)).toBe(10);
  expect(cellSize({ rounds: 0, nodes: 0 }, space)).toBe(18);
});

test("a point has its cell, or none", () => {
  expect(cellAt(size, 0, 0)).toEqual({ round: 0, node: 0 });
  expect(cellAt(size, 5999, 11)).toEqual({ round: 999, node: 1 });
  expect(cellAt(size, 6000, 0)).toBeUndefined();
  expect(cellAt(size, -1, 0)).toBeUndefined();
});

test("arrows stay within the map; other keys are nobody's", () => {
  const few = { rounds: 3, nodes: 2 };
  expect(cellAfter("ArrowRight", { round: -1, node: 0 }, few)).toEqual({ round: 0, node: 0 });
  expect(cellAfter("ArrowRight", { round: 2, node: 0 }, few)).toEqual({ round: 2, node: 0 });
  expect(cellAfter("ArrowDown", { round: 1, node: 1 }, few)).toEqual({ round: 1, node: 1 });
  expect(cellAfter("ArrowUp", { round: 1, node: 1 }, few)).toEqual({ round: 1, node: 0 });
  expect(cellAfter("End", { round: 0, node: 1 }, few)).toEqual({ round: 2, node: 1 });
  expect(cellAfter("Tab", { round: 0, node: 1 }, few)).toBeUndefined();
  expect(cellAfter("ArrowUp", { round: 0, node: 0 }, { rounds: 0, nodes: 2 })).toBeUndefined();
});

test("who joined later was in none of the rounds before", () => {
  const { summed, lost } = turnout([Uint8Array.of(1, 2), undefined, Uint8Array.of(1, 1, 4), Uint8Array.of(0, 3, 1)], 3);
  expect([[...summed], [...lost]]).toEqual([
    [2, 1, 1],
    [0, 2, 1],
  ]);
});
