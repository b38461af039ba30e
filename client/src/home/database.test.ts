import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Charge } from "@tributary/federation";
import { type MessageOf, nodeId, sha256Hex } from "@tributary/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { joinCharges } from "../budget.ts";
import { type NodeDatabase, openDatabase } from "./database.ts";
import { type Layout, layoutOf } from "./layout.ts";

let layout: Layout;
let database: NodeDatabase;
beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), "tributary-client-")));
  database = openDatabase(layout);
});
afterEach(() => {
  database.close();
  rmSync(layout.home, { recursive: true, force: true });
});

const charge = (round: number, standing: Charge["standing"] = "open"): Charge => ({
  round,
  release: 0,
  standing,
  h1: sha256Hex.parse("a".repeat(64)),
  cohort: [nodeId.parse("alpha"), nodeId.parse("beta")],
});

describe("charges", () => {
  test("come back as they were, after the process is gone", () => {
    database.charge(charge(3));
    database.charge(charge(7));
    database.settle(3, "final");
    database.close();
    database = openDatabase(layout);
    expect(database.charges()).toEqual([charge(3, "final"), charge(7)]);
  });

  test("are entered once, however often a restart enters them", () => {
    database.charge(charge(3));
    database.settle(3, "final");
    database.charge(charge(3));
    expect(database.charges()).toEqual([charge(3, "final")]);
  });

  test("never decrease: no deletion, no second settlement, no other round", () => {
    database.charge(charge(3));
    database.settle(3, "final");
    expect(() => database.settle(3, "refunded")).toThrow(expect.objectContaining({ code: "TRB_NODE_HOME_UNWRITABLE" }));
    const raw = new DatabaseSync(layout.database);
    expect(() => raw.exec("DELETE FROM charges")).toThrow(/never deleted/);
    expect(() => raw.exec("UPDATE charges SET round = 9")).toThrow(/settled once/);
    expect(() => raw.exec("UPDATE charges SET status = 'charged'")).toThrow(/settled once/);
    raw.close();
    expect(database.charges()).toEqual([charge(3, "final")]);
  });

  test("of two records, the one that costs more holds", () => {
    expect(joinCharges([charge(1), charge(2, "refunded")], [charge(1, "final"), charge(2, "final"), charge(3)])).toEqual([
      charge(1, "final"),
      charge(2, "final"),
      charge(3),
    ]);
    expect(joinCharges([charge(1, "refunded")], [charge(1)])).toEqual([charge(1, "refunded")]);
  });
});

test("a round has one vote: the same again changes nothing, another one is refused", () => {
  const vote = (signature: string) =>
    ({ round: 4, signature, body: { choice: { for: "abort" } } }) as unknown as MessageOf<"vote">;
  database.vote(vote("ab"));
  database.vote(vote("ab"));
  expect(database.remembersVote(4, "ab")).toBe(true);
  expect(database.remembersVote(4, "cd")).toBe(false);
  expect(() => database.vote(vote("cd"))).toThrow(expect.objectContaining({ code: "TRB_NODE_HOME_UNWRITABLE" }));
});

test("the largest round number only grows", () => {
  expect(database.lastRound()).toBe(0);
  database.reachRound(5);
  database.reachRound(2);
  expect(database.lastRound()).toBe(5);
});

test("every commit is synced before it counts", () => {
  const raw = new DatabaseSync(layout.database);
  expect(raw.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  raw.close();
});
