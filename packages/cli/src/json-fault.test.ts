import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonFault } from "./json-fault.ts";

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

test("finds the line and column where a text stops being JSON, also where it just ends", () => {
  expect(jsonFault('{\n  "epsilon": "8"\n  "delta": "1e-6"\n}')).toEqual({ line: 3, column: 3 });
  expect(jsonFault('{"a": [1, 2,]}')).toEqual({ line: 1, column: 13 });
  expect(jsonFault("words")).toEqual({ line: 1, column: 1 });
  expect(jsonFault('{\n"a": 1')).toEqual({ line: 2, column: 7 });
  expect(jsonFault('{"a": "un\nfinished"}')).toEqual({ line: 1, column: 10 });
  expect(jsonFault("{} {}")).toEqual({ line: 1, column: 4 });
  expect(jsonFault("")).toEqual({ line: 1, column: 1 });
  expect(jsonFault("[".repeat(600) + "]".repeat(600))).toMatchObject({ line: 1 }); // deeper than any document
});

test("finds a key that stands twice in one object, however it is written, and not in two", () => {
  expect(jsonFault('{"a": {"b": 1},\n "c": {"b": 2}}')).toBeUndefined();
  expect(jsonFault('{"epsilon": "1",\n "delta": "1e-6",\n "epsilon": "8"}')).toEqual({
    line: 3,
    column: 2,
    repeated: "epsilon",
  });
  expect(jsonFault('{"a": 1, "\\u0061": 2}')).toMatchObject({ repeated: "a" });
});

test("agrees with JSON.parse on what is JSON, for documents and for texts with a character changed (fast-check)", () => {
  const change = fc.tuple(fc.nat(), fc.constantFrom("", "{", "]", ",", '"', "\\", "\n", "0", "-", "e", "t", " ", "\u0001"));
  fc.assert(
    fc.property(fc.json({ maxDepth: 3 }), fc.nat({ max: 2 }), change, (document, spaces, [place, put]) => {
      const text = JSON.stringify(JSON.parse(document), null, spaces);
      const at = place % (text.length + 1);
      const changed = text.slice(0, at) + put + text.slice(at + (place % 2));
      expect(jsonFault(text)).toBeUndefined();
      const fault = jsonFault(changed);
      if (fault?.repeated === undefined) expect(fault === undefined).toBe(parses(changed)); // a key may stand twice before the fault
    }),
    { numRuns: 2000, seed: 20_261_130 },
  );
});
