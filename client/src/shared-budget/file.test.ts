/** The file that homes share: what it refuses to forget, who wins a race, and that no crash makes it count too little. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import type { Charge } from "@tributary/federation";
import { nodeId, type Sha256 } from "@tributary/protocol";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  composedEpsilon,
  countedCharges,
  enrolled,
  type SharedContents,
  type SharedCost,
  type SharedHome,
} from "./contents.ts";
import { openSharedBudget, type SharedBudget } from "./file.ts";

const hash = (digit: string) => digit.repeat(64) as Sha256;
const plan = hash("f");
/** One order, at which a round costs a quarter: an ε of 1 and a little has room for exactly one. */
const costs: readonly SharedCost[] = [{ plan, release: 0, kind: "training", orders: [32], rdp: [0.4], delta: 0 }];
const now = "2026-01-01T00:00:00.000Z";

const homeOf = (
  digit: string,
  limits: SharedHome["limits"] = { maxEpsilon: 1, delta: 1e-6, periodDays: null },
): SharedHome => ({
  ...{ home: hash(digit), federation: `federation-${digit}`, node: nodeId.parse("shop"), plan, limits },
});
const charge = (round: number, standing: Charge["standing"] = "open"): Charge => ({
  ...{ round, release: 0, standing, cohort: [], h1: hash("0") },
});
const roundOf = (home: SharedHome, round: number) => ({ home: home.home, plan, round, release: 0 });

let folder: string;
let file: string;
let shared: SharedBudget;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-budget-"));
  file = join(folder, "budget.sqlite");
  shared = openSharedBudget(file, { create: true });
});
afterEach(() => {
  shared.close();
  rmSync(folder, { recursive: true, force: true });
});

const epsilon = (contents: SharedContents = shared.contents()) =>
  composedEpsilon({ ...contents, file }, countedCharges(contents.charges, null, now), 1e-6);

describe("a shared budget", () => {
  test("comes back as it was: homes, infinite costs, times", () => {
    const infinite: SharedCost = {
      plan: hash("e"),
      release: 0,
      kind: "pairs",
      orders: [2, 3],
      rdp: [0.1, Number.POSITIVE_INFINITY],
      delta: 1e-9,
    };
    shared.enrol(homeOf("1"), [...costs, infinite], [{ ...charge(1), chargedAt: now }]);
    shared.enrol(homeOf("1"), costs, [{ ...charge(1, "final"), chargedAt: now, settledAt: now }]);
    const { contents } = openSharedBudget(file);
    expect(contents()).toEqual({
      homes: [homeOf("1")],
      costs: [...costs, infinite],
      charges: [{ home: hash("1"), plan, round: 1, release: 0, standing: "final", chargedAt: now, settledAt: now }],
    });
  });

  test("never forgets: nothing is deleted, a charge goes forward only, a cost stays as it is", () => {
    shared.enrol(homeOf("1"), costs, [charge(1), charge(2, "refunded"), charge(3, "final")]);
    const raw = new DatabaseSync(file);
    for (const table of ["homes", "costs", "charges"]) expect(() => raw.exec(`DELETE FROM ${table}`)).toThrow(/never/);
    expect(() => raw.exec("UPDATE costs SET rdp = '0'")).toThrow(/never changes/);
    const backwards = ["reserved", "released"].map((standing) => `standing = '${standing}'`);
    for (const change of [...backwards, "round = round + 9", "home = 'other'", '"release" = 1']) {
      expect(() => raw.exec(`UPDATE charges SET ${change} WHERE round = 1`)).toThrow(/only goes forward/);
    }
    expect(() => raw.exec("UPDATE charges SET standing = 'refunded' WHERE round = 3")).toThrow(/only goes forward/);
    raw.close();
    const before = shared.contents();
    shared.enrol(homeOf("1"), costs, [charge(1), charge(2), charge(3)]);
    expect(shared.contents()).toEqual(before);
  });

  test("is made only when the merchant says so, and is nobody else's database", () => {
    const unreadable = expect.objectContaining({ code: "TRB_NODE_BUDGET_UNREADABLE" });
    expect(() => openSharedBudget(join(folder, "gone.sqlite"))).toThrow(unreadable);
    const other = new DatabaseSync(join(folder, "other.sqlite"));
    other.exec("CREATE TABLE orders (id INTEGER)");
    expect(() => openSharedBudget(join(folder, "other.sqlite"))).toThrow(unreadable);
    expect(other.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "delete" }); // left as it was
    other.close();
    writeFileSync(join(folder, "text"), "no database at all, but a text that is long enough to be read as one");
    expect(() => openSharedBudget(join(folder, "text"))).toThrow(unreadable);
    const raw = new DatabaseSync(file);
    raw.exec("PRAGMA user_version = 2");
    expect(() => openSharedBudget(file)).toThrow(unreadable);
    raw.exec("PRAGMA user_version = 1");
    raw.close();
  });

  test("that somebody else holds for too long is no reason to spend without it", () => {
    shared.enrol(homeOf("1"), costs, []);
    const impatient = openSharedBudget(file, { patience: 20 });
    const holder = new DatabaseSync(file);
    holder.exec("BEGIN IMMEDIATE");
    expect(() => impatient.reserve(roundOf(homeOf("1"), 1), now)).toThrow(
      expect.objectContaining({ code: "TRB_NODE_BUDGET_UNREADABLE" }),
    );
    holder.exec("ROLLBACK");
    impatient.reserve(roundOf(homeOf("1"), 1), now);
    for (const connection of [holder, impatient]) connection.close();
  });
});

describe("a reserved round", () => {
  test("counts at once, in every home; is given back when nothing was paid; and may be taken again", () => {
    const [one, two] = [homeOf("1"), homeOf("2")];
    for (const home of [one, two]) shared.enrol(home, costs, []);
    shared.reserve(roundOf(one, 1), now);
    shared.reserve(roundOf(one, 1), now); // the same offer again
    const exceeded = expect.objectContaining({ code: "TRB_POLICY_SHARED_BUDGET_EXCEEDED" });
    expect(() => shared.reserve(roundOf(two, 1), now)).toThrow(exceeded);
    shared.release(one.home, 1);
    expect(epsilon()).toBe(0);
    shared.reserve(roundOf(two, 1), now);
    expect(() => shared.reserve(roundOf(one, 1), now)).toThrow(exceeded);
    shared.enrol(two, costs, [charge(1)]);
    shared.release(two.home, 1);
    expect(shared.contents().charges.map(({ standing }) => standing)).toEqual(["released", "open"]);
  });

  test("of several homes that race for the last ε, exactly one has it: threads with connections of their own, ten times", async () => {
    const racers = 3;
    const files = Array.from({ length: 10 }, (_, race) => join(folder, `race-${race}.sqlite`));
    for (const track of files) {
      const opened = openSharedBudget(track, { create: true });
      opened.enrol(homeOf("0"), costs, []);
      opened.close();
    }
    const gates = new SharedArrayBuffer(4 * files.length);
    const threads = Array.from({ length: racers }, (_, i) => {
      const workerData = { files, home: hash(String(i + 1)), plan, racers, gates };
      const worker = new Worker(new URL("./racer.test-support.ts", import.meta.url), { workerData });
      return new Promise<string[]>((resolve, reject) => worker.once("message", resolve).once("error", reject));
    });
    const results = await Promise.all(threads);
    for (const race of files.keys()) {
      const ends = results.map((ofThread) => ofThread[race]).sort();
      expect(ends).toEqual(["TRB_POLICY_SHARED_BUDGET_EXCEEDED", "TRB_POLICY_SHARED_BUDGET_EXCEEDED", "won"]);
    }
  }, 120_000);
});

/** What a home does, step by step; a crash may come after any of them, and the store that is left enrols again. */
type Step = "reserve" | "chargeOwn" | "chargeShared" | "settleOwn" | "settleShared";
const steps: readonly Step[] = ["reserve", "chargeOwn", "chargeShared", "settleOwn", "settleShared"];

test("no crash between a home's own database and the shared one makes it count less than may have been released", () => {
  const roomy = homeOf("1", { maxEpsilon: 1e6, delta: 1e-6, periodDays: null });
  const life = fc.record({
    until: fc.integer({ min: 1, max: steps.length }),
    as: fc.constantFrom("final" as const, "refunded" as const),
  });
  let round = 0;
  fc.assert(
    fc.property(fc.array(life, { minLength: 1, maxLength: 6 }), (lives) => {
      let own: Charge[] = [];
      const earlier = shared.contents().charges.length;
      for (const { until, as } of lives) {
        round++;
        shared.enrol(roomy, costs, own);
        for (const step of steps.slice(0, until)) {
          const mine = own.find((one) => one.round === round);
          if (step === "reserve") shared.reserve(roundOf(roomy, round), now);
          else if (step === "chargeOwn") own = [...own, charge(round)];
          else if (step === "settleOwn") own = own.map((one) => (one.round === round ? charge(round, as) : one));
          else if (mine !== undefined) shared.enrol(roomy, costs, [mine]);
          // from its own charge on a vector may be out, whatever the shared file has heard
          const released = own.filter(({ standing }) => standing !== "refunded").map((one) => one.round);
          const counted = new Set(countedCharges(shared.contents().charges, null, now).map((one) => one.round));
          expect(released.filter((number) => !counted.has(number))).toEqual([]);
        }
      }
      shared.enrol(roomy, costs, own);
      const twin = enrolled({ homes: [], costs: [], charges: [] }, roomy, costs, own);
      const standings = new Map(shared.contents().charges.map((one) => [one.round, one.standing]));
      for (const one of twin.charges) expect(standings.get(one.round)).toBe(one.standing);
      expect(shared.contents().charges.length).toBe(earlier + lives.length);
    }),
    { numRuns: 12, seed: 374 },
  );
}, 60_000);
