/** How wide a terminal is, and whether it takes colours. */
import { expect, test } from "vitest";
import { readingWidth, takesColours, widthOf } from "./terminal.ts";

const terminal = (columns: number) => ({ isTTY: true, columns }) as const;
const pipe = { isTTY: false, columns: 0 };

test("tables take the terminal's columns, 80 of one that doesn't say, any number where the output is piped, and COLUMNS before all", () => {
  expect(widthOf(terminal(132), {})).toBe(132);
  expect(widthOf(terminal(0), {})).toBe(80);
  expect(widthOf(pipe, {})).toBe(Number.POSITIVE_INFINITY);
  for (const stream of [terminal(132), pipe]) expect(widthOf(stream, { COLUMNS: "60" })).toBe(60);
  for (const odd of ["", "0", "-5", "wide"]) expect(widthOf(terminal(132), { COLUMNS: odd })).toBe(132);
});

test("sentences are divided in a file as well, and are never wider than one can read", () => {
  expect(readingWidth(pipe, {})).toBe(80);
  expect(readingWidth(terminal(60), {})).toBe(60);
  expect(readingWidth(terminal(300), {})).toBe(120);
});

test("colours go to terminals alone, unless they are forced; NO_COLOR goes before everything", () => {
  expect(takesColours(terminal(80), {})).toBe(true);
  expect(takesColours(pipe, {})).toBe(false);
  expect(takesColours(pipe, { CI: "true" })).toBe(false);
  expect(takesColours(terminal(80), { TERM: "dumb" })).toBe(false);
  expect(takesColours(pipe, { FORCE_COLOR: "1" })).toBe(true);
  expect(takesColours(terminal(80), { FORCE_COLOR: "0" })).toBe(false);
  expect(takesColours(terminal(80), { NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
  expect(takesColours(terminal(80), { NO_COLOR: "" })).toBe(true);
});
