import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Charge, chargesInPeriod } from "@tributary/federation";
import { type MessageOf, nodeId, sha256Hex } from "@tributary/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { joinCharges } from "../charges.ts";
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

/** What version 1 wrote: two of its charges, one of them settled. */
const versionOne = `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE charges (
    round INTEGER PRIMARY KEY,
    release INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('charged', 'final', 'refunded')),
    h1 TEXT NOT NULL,
    cohort TEXT NOT NULL
  ) STRICT;
  CREATE TABLE votes (round INTEGER PRIMARY KEY, choice TEXT NOT NULL, signature TEXT NOT NULL) STRICT;
  CREATE TRIGGER charges_stay BEFORE DELETE ON charges BEGIN SELECT RAISE(ABORT, 'a charge is never deleted'); END;
  CREATE TRIGGER charges_settle_once BEFORE UPDATE ON charges
    WHEN NEW.round IS NOT OLD.round OR NEW.release IS NOT OLD.release
      OR (OLD.status <> 'charged' AND NEW.status <> OLD.status)
    BEGIN SELECT RAISE(ABORT, 'a charge is settled once'); END;
  CREATE TRIGGER votes_stay BEFORE DELETE ON votes BEGIN SELECT RAISE(ABORT, 'a vote is never forgotten'); END;
  CREATE TRIGGER votes_hold BEFORE UPDATE ON votes BEGIN SELECT RAISE(ABORT, 'a vote is cast once'); END;
  INSERT INTO settings VALUES ('lastRound', '9');
  INSERT INTO charges VALUES (3, 0, 'final', '${"a".repeat(64)}', '["alpha","beta"]');
  INSERT INTO charges VALUES (7, 0, 'charged', '${"a".repeat(64)}', '["alpha","beta"]');
  PRAGMA user_version = 1;
`;

describe("a home of version 1", () => {
  test("is brought forward with every charge, which then count in every period: nobody knows when they were made", () => {
    const older = layoutOf(mkdtempSync(join(tmpdir(), "tributary-client-")));
    const raw = new DatabaseSync(older.database);
    raw.exec(versionOne);
    raw.close();
    for (const again of [1, 2]) {
      const opened = openDatabase(older);
      if (again === 2) opened.settle(7, "final", "2026-01-02T00:00:00.000Z");
      expect(opened.lastRound()).toBe(9);
      const settled: Charge = { ...charge(7, "final"), settledAt: "2026-01-02T00:00:00.000Z" };
      expect(opened.charges()).toEqual([charge(3, "final"), again === 1 ? charge(7) : settled]);
      const counted = chargesInPeriod(opened.charges(), 30, "2040-01-01T00:00:00.000Z");
      expect(counted.map(({ round }) => round)).toEqual(again === 1 ? [3, 7] : [3]);
      opened.close();
    }
    const times = new DatabaseSync(older.database);
    expect(() => times.exec("UPDATE charges SET settledAt = '2020-01-01T00:00:00.000Z' WHERE round = 3")).toThrow(
      /times of a charge/,
    );
    expect(() => times.exec("DELETE FROM charges")).toThrow(/never deleted/);
    times.close();
    rmSync(older.home, { recursive: true, force: true });
  });

  test("a home of a later version is refused, and stays as it is", () => {
    database.close();
    const raw = new DatabaseSync(layout.database);
    const version = raw.prepare("PRAGMA user_version").get()?.["user_version"];
    raw.exec("PRAGMA user_version = 99");
    expect(() => openDatabase(layout)).toThrow(expect.objectContaining({ code: "TRB_NODE_HOME_UNREADABLE" }));
    raw.exec(`PRAGMA user_version = ${version}`);
    raw.close();
    database = openDatabase(layout);
  });
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

  test("keep when they were made and when they were settled; neither is ever written again", () => {
    const [made, heard] = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:10:00.000Z"];
    database.charge({ ...charge(3), chargedAt: made });
    database.settle(3, "final", heard);
    database.settle(3, "final", "2020-01-01T00:00:00.000Z");
    expect(database.charges()).toEqual([{ ...charge(3, "final"), chargedAt: made, settledAt: heard }]);
    const raw = new DatabaseSync(layout.database);
    expect(() => raw.exec("UPDATE charges SET settledAt = NULL")).toThrow(/times of a charge/);
    expect(() => raw.exec("UPDATE charges SET chargedAt = '2020-01-01T00:00:00.000Z'")).toThrow(/times of a charge/);
    raw.close();
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

test("an erasure stays recorded, and names nobody", () => {
  const erasure = { at: "2026-01-01T00:00:00.000Z", customers: 2, suppressed: true, planHash: sha256Hex.parse("b".repeat(64)) };
  database.recordErasure({ ...erasure, rounds: [1, 4] });
  database.recordErasure({ ...erasure, suppressed: false, rounds: [] });
  expect(database.erasures()).toEqual([
    { ...erasure, rounds: [1, 4] },
    { ...erasure, suppressed: false, rounds: [] },
  ]);
  const raw = new DatabaseSync(layout.database);
  expect(() => raw.exec("DELETE FROM erasures")).toThrow(/stays recorded/);
  raw.close();
});
