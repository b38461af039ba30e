/** Tables at any width: nothing is lost, and nothing is wider than it may be but for single words. */
import fc from "fast-check";
import stringWidth from "string-width";
import { expect, test } from "vitest";
import { divided, laidOut } from "./table-layout.ts";

const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => stringWidth(line)));

const value = [
  ["", "HR@10", "NDCG@10", "95 % interval", "MRR", "new items NDCG@10", "against alone", "95 % interval"],
  ["federated + in-house", "0.4321", "0.2468", "0.2301 to 0.2634", "0.2010", "0.1203", "+0.0311", "+0.0102 to +0.0520"],
];

test("what fits stays as it is, one line a row", () => {
  expect(laidOut(value, 160)).toHaveLength(2);
  expect(laidOut(value, Number.POSITIVE_INFINITY)).toEqual(laidOut(value, 160));
});

test("eight columns fit 80 and 60: cells go on below themselves, and the columns stay under their names", () => {
  for (const width of [100, 80]) {
    const lines = laidOut(value, width);
    expect(widest(lines)).toBeLessThanOrEqual(width);
    expect(lines[0]).toMatch(/HR@10.*NDCG@10/);
    expect(lines.join(" ")).not.toContain("NDCG@10 0.2468"); // no list yet
  }
});

test("before a table becomes a list, its columns come a blank closer: `ledger show` stays a table at 80", () => {
  const ledger = [
    ["entry", "kind", "round", "what", "survivors", "charged", "ε so far", "hash"],
    ["1", "aborted", "1", "popularity", "12", "true", "1.23456789012", "30283cc61e62"],
  ];
  const lines = laidOut(ledger, 80);
  expect(widest(lines)).toBeLessThanOrEqual(80);
  expect(lines[0]).toMatch(/^entry +kind +round/);
});

test("where columns fit no more, each row becomes a block with the columns' names", () => {
  const lines = laidOut(value, 40);
  expect(widest(lines)).toBeLessThanOrEqual(40);
  expect(lines[0]).toBe("federated + in-house");
  expect(lines.find((line) => line.includes("0.2468"))).toMatch(/^ {2}NDCG@10 +0\.2468$/);
});

test("a hash is never broken: it can be copied", () => {
  const hash = "f".repeat(64);
  expect(laidOut([["head", hash]], 40).join("\n")).toContain(hash);
  expect(
    laidOut(
      [
        ["a", "b", "c"],
        ["x", hash, "z"],
      ],
      40,
    ).join("\n"),
  ).toContain(hash);
});

test("a Chinese character takes two columns, and Chinese text is divided between characters, but not before its marks", () => {
  const rows = [
    ["名称", "数量"],
    ["书店", "12"],
    ["shop", "3"],
  ];
  expect(laidOut(rows, 80)).toEqual(["名称  数量", "书店  12", "shop  3"]);
  const text = "每一位顾客的全部行为都受到保护，任何人都无法从发布的结果中得知某一位顾客是否在其中。";
  const lines = divided(text, 20);
  expect(lines.join("")).toBe(text);
  expect(widest(lines)).toBeLessThanOrEqual(20 + 2); // a mark may stand out, as in print
  for (const line of lines) expect(line).not.toMatch(/^[，。]/);
});

test("colours take no columns", () => {
  const lines = laidOut(
    [
      ["\u001b[31mred\u001b[39m", "1"],
      ["green", "2"],
    ],
    80,
  );
  expect(lines.map((line) => line.indexOf("1") - line.indexOf("m") > 0 || line)).toContain("green  2");
  expect(stringWidth(lines[0] ?? "")).toBe(stringWidth(lines[1] ?? ""));
});

test("at no width is a word lost or a line wider than its longest word makes it", () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,9}$/);
  const cell = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(" "));
  const rows = fc
    .integer({ min: 1, max: 5 })
    .chain((columns) => fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 2, maxLength: 5 }));
  fc.assert(
    fc.property(rows, fc.integer({ min: 40, max: 120 }), (table, width) => {
      const lines = laidOut(table, width);
      expect(widest(lines)).toBeLessThanOrEqual(width);
      const said = lines.join(" ").split(/\s+/).filter(Boolean).sort().join(" ");
      for (const one of new Set(
        table
          .slice(1)
          .flat()
          .flatMap((text) => text.split(" ")),
      ))
        expect(said).toContain(one);
    }),
    { seed: 20261130, numRuns: 300 },
  );
});
