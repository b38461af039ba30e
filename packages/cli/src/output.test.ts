/** Tables that fit a terminal, and what others' words may do to it. */
import { fail } from "@tributary/errors";
import { afterEach, expect, test, vi } from "vitest";
import { inWords, printError, prose, table } from "./output.ts";

afterEach(() => vi.restoreAllMocks());

test("a table's last column goes on below itself at 80 characters, and a word without blanks stays whole", () => {
  const words = Array.from({ length: 20 }, (_, place) => `word-${place}`).join(" ");
  const hash = "f".repeat(90);
  const lines = table(
    [
      ["name", "what"],
      ["a long name", words],
      ["hash", hash],
    ],
    80,
  );
  expect(lines.slice(0, 2)).toEqual(["name         what", expect.stringMatching(/^a long name {2}word-0 word-1 /)]);
  expect(lines.filter((line) => line.length > 80)).toEqual([`hash         ${hash}`]);
  expect(lines[2]).toMatch(/^ {13}word-\d+/);
  expect(lines.join(" ").match(/word-\d+/g)).toEqual(words.split(" "));
  expect(table([["x"], [""], []], 80)).toEqual(["x", "", ""]);
});

test("sentences go on below themselves at 80 characters, further in, and lose no word", () => {
  const words = Array.from({ length: 30 }, (_, place) => `word-${place}`);
  const lines = prose(["short", "", `  ${words.join(" ")}`]);
  expect(lines.slice(0, 2)).toEqual(["short", ""]);
  expect(lines.every((line) => line.length <= 80)).toBe(true);
  expect(lines.slice(3).every((line) => line.startsWith("    word-"))).toBe(true);
  expect(lines.join(" ").match(/word-\d+/g)).toEqual(words);
});

test("a document's values are told in words", () => {
  expect(inWords([])).toBe("none");
  expect(inWords(null)).toBe("none");
  expect(inWords(["shop-1", "shop-2"])).toBe("shop-1, shop-2");
  expect(
    inWords([
      { kind: "pairs", charged: 0 },
      { kind: "training", charged: 2 },
    ]),
  ).toBe("kind pairs charged 0, kind training charged 2");
});

test("an error that quotes a file's words gives a terminal no orders", () => {
  let written = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    written += String(text);
    return true;
  });
  const details = { file: "a.csv", role: "item", column: "x", existing: ["\u001b]0;title\u0007", "\u009b2J", "a\rb"] };
  expect(printError(false, fail("TRB_EVENTS_UNKNOWN_COLUMN", details))).toBe(2);
  expect(written).toContain("\ufffd]0;title\ufffd, \ufffd2J, a\ufffdb");
  for (const order of ["\u001b]", "\u0007", "\u009b", "\r"]) expect(written).not.toContain(order);
});
