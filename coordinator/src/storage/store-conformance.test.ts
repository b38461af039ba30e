/** What every store promises, on both engines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Note } from "@tributary/federation";
import type { Entry } from "@tributary/ledger";
import { nodeId, type Plan, planHash } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testPlan } from "../scripted-node.test-support.ts";
import { ledgerLine, member, postgresEngine, sqliteEngine, tokenHash } from "./engines.test-support.ts";
import type { LedgerLine } from "./store.ts";

const code = (name: string) => expect.objectContaining({ code: name });
const note = (words: string) => ({ kind: "operator", words }) as unknown as Note;
const north = nodeId.parse("north");
const south = nodeId.parse("south");

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "tributary-conformance-"));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe.each([sqliteEngine(), postgresEngine()])("the store on $engine", (engine) => {
  beforeAll(() => engine.start(), 60_000);
  afterAll(() => engine.stop());

  test("holds nothing at first", async () => {
    const store = await engine.place().store();
    expect(await store.plan()).toBeUndefined();
    expect([await store.state(), await store.shares(), await store.leader(), await store.standstill()]).toEqual(
      Array(4).fill(undefined),
    );
    expect(await store.ledgerHead()).toEqual({ entries: 0, head: "0".repeat(64) });
    expect([await store.members(), await store.connected(), await store.requests(), await store.rounds.all()]).toEqual([
      [],
      [],
      [],
      [],
    ]);
    expect(await store.rounds.figures()).toEqual({
      bytesInPerRoundPerNode: null,
      bytesOutPerRoundPerNode: null,
      secondsPerRound: null,
    });
    await store.close();
  });

  test("is founded with one plan, by however many at once, and with no other", async () => {
    const place = engine.place();
    const [plan, other] = ["one", "two"].map((federation) => testPlan(home, { federation })) as [Plan, Plan];
    const hash = planHash(nodeCrypto(), plan);
    const first = await place.store();
    const second = await place.store();
    await Promise.all([first.found(plan, hash), second.found(plan, hash)]);
    expect(await second.plan()).toEqual({ plan, hash });
    const refused = second.found(other, planHash(nodeCrypto(), other));
    await expect(refused).rejects.toEqual(code("TRB_COORDINATOR_HOME_OTHER_PLAN"));
    await first.close();
    await second.close();
    const later = await place.store();
    expect(await later.plan()).toEqual({ plan, hash });
    await later.close();
  });

  test("writes state, shares and any number of entries at once, or none of them", async () => {
    const place = engine.place();
    const store = await place.store();
    const fence = await store.takeLeadership("a");
    await store.persist({ state: "first", entries: [0, 1, 2].map((index) => ledgerLine(index)), shares: "of round 1", fence });
    expect(await store.ledgerHead()).toEqual({ entries: 3, head: ledgerLine(2).hash });
    await store.persist({ state: "second", fence });
    // the second entry's place is taken
    const forked = { state: "third", entries: [ledgerLine(3), ledgerLine(3, "another")], shares: "of round 2", fence };
    await expect(store.persist(forked)).rejects.toEqual(code("TRB_COORDINATOR_LEDGER_FORKED"));
    const gap = { state: "third", entries: [ledgerLine(4)], fence };
    await expect(store.persist(gap)).rejects.toEqual(code("TRB_COORDINATOR_LEDGER_FORKED"));
    await store.close();
    const again = await place.store();
    expect([await again.state(), await again.shares(), await again.ledgerSize()]).toEqual(["second", "of round 1", 3]);
    await again.persist({ state: "fourth", shares: "[]", fence });
    expect([await again.state(), await again.shares()]).toEqual(["fourth", "[]"]);
    await again.close();
  });

  test("gives the lines from an entry on, up to another", async () => {
    const store = await engine.place().store();
    const fence = await store.takeLeadership("a");
    const lines = [0, 1, 2, 3].map((index) => ledgerLine(index));
    await store.persist({ state: "s", entries: lines, fence });
    const said = lines.map(({ line }) => line);
    expect(await store.ledgerLines(0)).toEqual(said);
    expect(await store.ledgerLines(2)).toEqual(said.slice(2));
    expect(await store.ledgerLines(1, 3)).toEqual(said.slice(1, 3));
    expect(await store.ledgerLines(4)).toEqual([]);
    await store.close();
  });

  test("lets only the newest leadership write", async () => {
    const place = engine.place();
    const [paused, next] = [await place.store(), await place.store()];
    const old = await paused.takeLeadership("a");
    await paused.persist({ state: "of a", fence: old });
    const fence = await next.takeLeadership("b");
    expect(fence).toBeGreaterThan(old);
    expect(await paused.leader()).toEqual({ replica: "b", fence });
    const late = { state: "late", entries: [ledgerLine(0)], shares: "late", fence: old };
    await expect(paused.persist(late)).rejects.toEqual(code("TRB_COORDINATOR_FENCED"));
    await expect(paused.persist({ ...late, fence: fence + 1 })).rejects.toEqual(code("TRB_COORDINATOR_FENCED"));
    expect([await next.state(), await next.shares(), await next.ledgerSize()]).toEqual(["of a", undefined, 0]);
    await next.persist({ state: "of b", fence });
    expect(await paused.state()).toBe("of b");
    await paused.close();
    await next.close();
  });

  test("lets nobody else say when rounds began and ended, why none are offered, and what was asked for is refused", async () => {
    const store = await engine.place().store();
    const old = await store.takeLeadership("a");
    const at = "2026-01-01T00:00:00.000Z";
    await store.request(note("asked"));
    await store.rounds.begin(1, { at, nodes: 4 }, old);
    const fence = await store.takeLeadership("b");
    const id = (await store.requests())[0]?.id ?? 0;
    const why = { code: "TRB_COORDINATOR_OFFERS_REFUSED", reason: "TRB_BUDGET", offers: 3, nodes: [north] } as const;
    const fenced = code("TRB_COORDINATOR_FENCED");
    await expect(store.rounds.begin(2, { at, nodes: 4 }, old)).rejects.toEqual(fenced);
    await expect(store.rounds.end(1, { at, bytesIn: 1, bytesOut: 1 }, old)).rejects.toEqual(fenced);
    await expect(store.setStandstill(why, old)).rejects.toEqual(fenced);
    await expect(store.settleRequest(id, old)).rejects.toEqual(fenced);
    expect((await store.rounds.all()).map(({ round, seconds }) => [round, seconds])).toEqual([[1, null]]);
    expect([await store.standstill(), (await store.requests()).length]).toEqual([undefined, 1]);
    await store.settleRequest(id, fence);
    expect(await store.requests()).toEqual([]);
    await store.close();
  });

  test("settles what was asked for with the entry that answers it, or neither", async () => {
    const store = await engine.place().store();
    const fence = await store.takeLeadership("a");
    for (const words of ["first", "second", "third"]) await store.request(note(words));
    const [first, second] = (await store.requests()).map(({ id }) => id);
    const settled = [first ?? 0, second ?? 0];
    const forked = store.persist({ state: "s", entries: [ledgerLine(1)], settled, fence });
    await expect(forked).rejects.toEqual(code("TRB_COORDINATOR_LEDGER_FORKED"));
    const late = store.persist({ state: "s", entries: [ledgerLine(0)], settled, fence: fence - 1 });
    await expect(late).rejects.toEqual(code("TRB_COORDINATOR_FENCED"));
    expect(await store.requests()).toHaveLength(3);
    await store.persist({ state: "s", entries: [ledgerLine(0), ledgerLine(1)], settled, fence });
    expect((await store.requests()).map((each) => each.note)).toEqual([note("third")]);
    await store.close();
  });

  test("changes nothing under an earlier leadership once a new one has looked", async () => {
    const place = engine.place();
    const [leading, next] = [await place.store(), await place.store()];
    for (let term = 0; term < 12; term += 1) {
      const fence = await leading.takeLeadership("a");
      const writes = ["x", "y", "z"].map((letter) =>
        leading.persist({ state: letter.repeat(200_000), fence }).catch((error: unknown) => {
          expect(error).toEqual(code("TRB_COORDINATOR_FENCED"));
        }),
      );
      await next.takeLeadership("b");
      const found = await next.state();
      await Promise.all(writes);
      expect((await next.state()) === found).toBe(true);
    }
    await leading.close();
    await next.close();
  });

  test("gives every leadership a fence of its own, however many take it at once", async () => {
    const place = engine.place();
    const stores = await Promise.all([place.store(), place.store(), place.store()]);
    const taken = await Promise.all(stores.flatMap((store, which) => [1, 2, 3, 4].map(() => store.takeLeadership(`${which}`))));
    expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, place) => place + 1));
    await Promise.all(stores.map((store) => store.close()));
  });

  test("consumes an invite once, whoever else comes with it at the same time", async () => {
    const place = engine.place();
    const stores = await Promise.all([place.store(), place.store()]);
    const [store] = stores;
    const expires = "2030-01-01T00:00:00.000Z";
    await store.addInvite({ tokenHash: tokenHash("t"), node: "north", expires });
    await store.addInvite({ tokenHash: tokenHash("t"), node: "north", expires }); // an answer that was lost is asked for again
    expect(await store.invite(tokenHash("t"))).toEqual({ tokenHash: tokenHash("t"), node: "north", expires, key: null });
    const keys = ["k0", "k1", "k2", "k3", "k4", "k5"];
    const tries = keys.map((key, which) => stores[which % 2]?.admit(tokenHash("t"), member("north", key)));
    const admitted = (await Promise.all(tries)).flatMap((won, which) => (won === true ? keys[which] : []));
    expect(admitted).toHaveLength(1);
    const winner = member("north", admitted[0]);
    expect(await store.members()).toEqual([winner]);
    expect(await store.member(north)).toEqual(winner);
    expect(await store.member(south)).toBeUndefined();
    expect((await store.invite(tokenHash("t")))?.key).toBe(winner.key);
    expect(await store.admit(tokenHash("unknown"), member("south"))).toBe(false);
    for (const each of stores) await each.close();
  });

  test("leaves an invite unused when its node or key is there already", async () => {
    const store = await engine.place().store();
    const expires = "2030-01-01T00:00:00.000Z";
    for (const name of ["a", "b", "c"]) await store.addInvite({ tokenHash: tokenHash(name), node: name, expires });
    expect(await store.admit(tokenHash("a"), member("north", "k"))).toBe(true);
    await expect(store.admit(tokenHash("b"), member("north", "other"))).rejects.toEqual(code("TRB_COORDINATOR_NODE_TAKEN"));
    await expect(store.admit(tokenHash("c"), member("south", "k"))).rejects.toEqual(code("TRB_COORDINATOR_NODE_TAKEN"));
    expect((await store.invite(tokenHash("b")))?.key).toBeNull();
    expect(await store.admit(tokenHash("b"), member("south", "other"))).toBe(true);
    expect((await store.members()).map(({ node }) => node)).toEqual(["north", "south"]);
    await store.close();
  });

  test("knows who is connected with which replica, and since when that was said", async () => {
    const store = await engine.place().store();
    const many = Array.from({ length: 1_201 }, (_, place) => ({ node: nodeId.parse(`n${place}`), version: "1.0" }));
    await store.setConnected("b", many);
    await store.setConnected("b", many.slice(1_200));
    await store.setConnected("a", [
      { node: south, version: "1.0" },
      { node: north, version: "1.0" },
    ]);
    await store.setConnected("a", [{ node: north, version: "1.1" }]);
    await store.setConnected("b", [...many.slice(1_200), { node: north, version: "1.0" }]);
    const seen = expect.any(Number);
    expect(await store.connected()).toEqual([
      { node: "n1200", replica: "b", version: "1.0", seen },
      { node: "north", replica: "a", version: "1.1", seen },
      { node: "north", replica: "b", version: "1.0", seen },
    ]);
    expect(await store.connected(60_000)).toHaveLength(3);
    expect(await store.connected(-60_000)).toEqual([]);
    await store.forgetReplica("a");
    expect((await store.connected()).map(({ replica }) => replica)).toEqual(["b", "b"]);
    await store.setConnected("b", []);
    expect(await store.connected()).toEqual([]);
    await store.close();
  });

  test("keeps why no more rounds are offered until they are again", async () => {
    const store = await engine.place().store();
    const fence = await store.takeLeadership("a");
    const why = { code: "TRB_COORDINATOR_OFFERS_REFUSED", reason: "TRB_BUDGET", offers: 3, nodes: [north] } as const;
    await store.setStandstill(why, fence);
    await store.setStandstill({ ...why, offers: 4 }, fence);
    expect(await store.standstill()).toEqual({ ...why, offers: 4 });
    await store.setStandstill(undefined, fence);
    await store.setStandstill(undefined, fence);
    expect(await store.standstill()).toBeUndefined();
    await store.close();
  });

  test("takes each note once until it is settled, in the order in which they came", async () => {
    const place = engine.place();
    const stores = await Promise.all([place.store(), place.store()]);
    const [store, other] = stores;
    const notes = ["first", "second", "third", "fourth", "fifth", "sixth"].map(note);
    for (const each of notes) await Promise.all([store, other, store, other, store, other].map((one) => one.request(each)));
    const asked = await other.requests();
    expect(asked.map((each) => each.note)).toEqual(notes);
    const fence = await other.takeLeadership("a");
    for (const { id } of asked) await store.settleRequest(id, fence);
    await store.settleRequest(asked[0]?.id ?? 0, fence);
    expect(await store.requests()).toEqual([]);
    await other.request(note("second"));
    expect((await store.requests())[0]?.id).toBeGreaterThan(asked.at(-1)?.id ?? 0);
    for (const each of stores) await each.close();
  });

  test("keeps the figures of rounds as they were said first, and settles them with their ledger entries", async () => {
    const store = await engine.place().store();
    const fence = await store.takeLeadership("a");
    await store.rounds.begin(1, { at: "2026-01-01T00:00:00.000Z", nodes: 4 }, fence);
    await store.rounds.begin(1, { at: "2026-01-01T09:00:00.000Z", nodes: 9 }, fence);
    await store.rounds.begin(2, { at: "2026-01-01T00:01:00.000Z", nodes: 5 }, fence);
    const spent = { epsilon: "0.123456789012" };
    const round = { index: 0, kind: "round", round: 1, nextModelHash: "a".repeat(64), spent };
    const aborted = { index: 1, kind: "aborted", round: 2, modelHash: "b".repeat(64), code: "TRB_ROUND_DEADLINE", spent };
    const lines = [round, aborted].map(
      (entry): LedgerLine => ({ ...ledgerLine(entry.index), entry: entry as unknown as Entry }),
    );
    await store.persist({ state: "s", entries: lines, fence });
    await store.rounds.end(1, { at: "2026-01-01T00:00:01.500Z", bytesIn: 400, bytesOut: 4_000_000_000 }, fence);
    await store.rounds.end(1, { at: "2026-01-01T00:00:09.000Z", bytesIn: 1, bytesOut: 1 }, fence);
    await store.rounds.end(3, { at: "2026-01-01T00:00:09.000Z", bytesIn: 1, bytesOut: 1 }, fence);
    const first = {
      ...{ round: 1, startedAt: "2026-01-01T00:00:00.000Z", seconds: 1.5, bytesIn: 400, bytesOut: 4_000_000_000, nodes: 4 },
      ...{ released: true, modelHash: "a".repeat(64), epsilon: 0.123456789012, code: null },
    };
    expect(await store.rounds.one(1)).toEqual(first);
    expect(await store.rounds.all()).toEqual([
      first,
      {
        ...{ round: 2, startedAt: "2026-01-01T00:01:00.000Z", seconds: null, bytesIn: null, bytesOut: null, nodes: 5 },
        ...{ released: false, modelHash: "b".repeat(64), epsilon: 0.123456789012, code: "TRB_ROUND_DEADLINE" },
      },
    ]);
    expect(await store.rounds.one(3)).toBeUndefined();
    expect(await store.rounds.figures()).toEqual({
      ...{ bytesInPerRoundPerNode: 100, bytesOutPerRoundPerNode: 1_000_000_000, secondsPerRound: 1.5 },
    });
    await store.close();
  });

  test("takes states of many megabytes, and every character that JSON has", async () => {
    const store = await engine.place().store();
    const fence = await store.takeLeadership("a");
    const state = JSON.stringify({ text: "\u0000'\"\\$1 ?—🜨\u2028", zeros: "0".repeat(6_000_000) });
    await store.persist({ state, shares: state, fence });
    expect((await store.state()) === state && (await store.shares()) === state).toBe(true);
    await store.close();
  });
});
