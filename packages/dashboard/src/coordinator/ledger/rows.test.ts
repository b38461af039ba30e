/** Rows of a ledger: what entries say, whom rounds had and lost, and lines that are no entries. */
import { expect, test } from "vitest";
import { rowReader } from "./rows.ts";
import { part } from "./words.ts";

const at = "2026-11-30T10:00:00.000Z";
const line = (entry: object) => JSON.stringify({ at, ...entry });
const spent = { epsilon: "0.5" };

test("nodes have their places in the order in which the ledger names them, and rounds a part of each", () => {
  const reader = rowReader();
  const plan = { releases: [{ kind: "training" }] };
  const rows = [
    { index: 0, kind: "genesis", federation: "small", plan, roster: [{ node: "a" }, { node: "b" }, { node: "c" }] },
    { index: 1, kind: "round", round: 1, release: 0, cohort: ["a", "b", "c"], sharers: ["a", "b"], survivors: ["b"], spent },
    { index: 2, kind: "roster", revoked: ["c"], admitted: [{ node: "d" }], reason: "it left" },
    { index: 3, kind: "aborted", round: 2, release: 0, cohort: ["a", "d"], barred: ["d"], charged: true, code: "TRB_X", spent },
    { index: 4, kind: "aborted", round: 3, release: 0, charged: false, code: "TRB_Y", spent },
  ].map((entry, place) => reader.row(place, line(entry), 100));
  expect(reader.nodes).toEqual(["a", "b", "c", "d"]);
  expect(rows[1]).toMatchObject({
    kind: "round",
    round: 1,
    what: "training",
    cohort: 3,
    survivors: 1,
    charged: true,
    epsilon: 0.5,
  });
  expect([...(rows[1]?.parts ?? [])]).toEqual([part.lostAtMasked, part.summed, part.lostAtShares]);
  expect(rows[2]?.words).toBe("− c, + d: it left");
  expect([...(rows[3]?.parts ?? [])]).toEqual([part.aborted, 0, 0, part.barred]);
  expect(rows[4]).toMatchObject({ charged: false, words: "TRB_Y" });
  expect([...(rows[4]?.parts ?? [])]).toEqual([0, 0, 0, 0]);
});

test.each([
  "",
  "no JSON",
  "7",
  "null",
  "[]",
  '{"kind":7}',
  '{"kind":"round"}',
  '{"kind":"genesis","plan":{}}',
  '{"kind":"closing"}',
  "{",
])("a line that is no entry is a row that says so: %s", (text) => {
  expect(rowReader().row(3, text, 9)).toEqual({ index: 3, kind: "unreadable", at: "", bytes: 9 });
});

test("an entry of a kind that this page doesn't know is a row of that kind", () => {
  expect(rowReader().row(0, line({ kind: "of tomorrow" }), 9)).toEqual({ index: 0, kind: "of tomorrow", at, bytes: 9 });
});
