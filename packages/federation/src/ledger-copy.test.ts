/** What a node takes from the ledger's lines, and refuses although the coordinator signed it. */
import { parseLine, signEntry } from "@tributary/ledger";
import { type Message, signErasure, signMessage } from "@tributary/protocol";
import { expect, test } from "vitest";
import {
  createWorld,
  type Faults,
  nodeContext,
  nodeName,
  nodeOf,
  noFaults,
  run,
  stepAtCoordinator,
  type World,
} from "./harness.test-support.ts";
import { stepNode } from "./node.ts";
import { hash, identity } from "./parties.test-support.ts";
import type { Note } from "./steps/note.ts";

const boss = identity("coordinator");
const [self, other] = [nodeName(0), nodeName(1)];
const follow = (world: World, lines: readonly string[]) =>
  stepNode(nodeOf(world, self).state, { type: "ledger", lines }, nodeContext(nodeOf(world, self)));

/** Until the ledger has so many lines. */
async function runUntil(world: World, lines: number, faults: Faults): Promise<void> {
  for (let turns = 0; world.coordinator.ledger.length < lines; turns++) {
    if (turns > 2000) throw new Error("the ledger doesn't grow");
    await run(world, faults, 1);
  }
}

test("a node that is still training when the round is over without it stops, and pays nothing", async () => {
  const world = createWorld({ nodes: 6, rounds: 2 });
  await runUntil(world, 2, { ...noFaults, lose: (to, event) => to === self && (event === "adverts" || event === "result") });
  expect(nodeOf(world, self).state.round).toMatchObject({ number: 1, phase: "keys" });
  const { state, effects } = follow(world, world.coordinator.ledger);
  expect(effects.map(({ type }) => type)).toEqual(["stopTraining", "appendLedger", "persist", "eraseSecrets", "eraseVector"]);
  expect(effects[0]).toEqual({ type: "stopTraining", round: 1 });
  const entry = parseLine(world.coordinator.ledger[1] ?? "");
  expect(entry.kind === "round" && entry.survivors.includes(self)).toBe(false);
  expect(state).toMatchObject({ round: null, charges: [], settledRound: 1, ledgerCharged: [1] });
  expect(state.modelHash).toBe(entry.kind === "round" ? entry.nextModelHash : undefined);
});

test("a round that was given up leaves a node's model as it was", async () => {
  const world = createWorld({ rounds: 1 });
  await runUntil(world, 2, { ...noFaults, lose: (_, event) => event === "adverts" || event === "abort" });
  expect(parseLine(world.coordinator.ledger[1] ?? "").kind).toBe("aborted");
  const before = nodeOf(world, self).state;
  const { state } = follow(world, world.coordinator.ledger);
  expect(state).toMatchObject({ modelHash: before.modelHash, kept: before.kept, course: before.course, round: null });
  expect(state.settledRound).toBe(1);
});

test("an entry between rounds that an auditor would refuse is refused, whoever signed it", async () => {
  const world = createWorld({ rounds: 1 });
  world.queue.length = 0;
  const { signature: nodeSignature } = signErasure(identity(other), "test", { node: other, on: "2026-01-01" });
  const note: Note = { kind: "erasure", node: other, on: "2026-01-01", nodeSignature };
  await stepAtCoordinator(world, { type: "note", note }, noFaults);
  const [, line = ""] = world.coordinator.ledger;
  const { state, effects } = follow(world, [line]);
  expect(effects.map(({ type }) => type)).toEqual(["appendLedger", "persist"]);
  expect(state.erasures).toEqual({ [other]: "2026-01-01" });

  const { signature: _, ...entry } = parseLine(line);
  // the node erased on another day: what it signed does not say so
  const untrue = signEntry(boss, { ...entry, on: "2026-01-02" } as unknown as Parameters<typeof signEntry>[1]).line;
  expect(() => follow(world, [untrue])).toThrow(expect.objectContaining({ code: "TRB_ROUND_ENTRY_INVALID" }));
});

test("news of one round with the entry of another is refused before anything is taken in", async () => {
  const world = createWorld({ rounds: 2 });
  await runUntil(world, 2, { ...noFaults, lose: (to, event) => to === self && event === "result" });
  const party = nodeOf(world, self);
  const news = world.coordinator.state.announcement;
  if (news?.step !== "result") throw new Error("there is no news");
  const hear = (changes: object) => {
    const { signature: _, ...unsigned } = { ...news, ...changes };
    const message = signMessage(boss, unsigned as unknown as Parameters<typeof signMessage>[1]) as Message;
    return stepNode(party.state, { type: "message", message }, nodeContext(party));
  };
  expect(() => hear({ round: 2 })).toThrow(expect.objectContaining({ code: "TRB_ROUND_ENTRY_INVALID" }));
  expect(() => hear({ modelHash: hash("another") })).toThrow(expect.objectContaining({ code: "TRB_ROUND_ENTRY_INVALID" }));
  const abort = { step: "abort", body: { ...news.body, code: "TRB_ROUND_DEADLINE_PASSED" } };
  expect(() => hear(abort)).toThrow(expect.objectContaining({ code: "TRB_ROUND_ENTRY_INVALID" }));
  expect(() => hear({ planHash: hash("another") })).toThrow(expect.objectContaining({ code: "TRB_ROUND_PLAN_MISMATCHED" }));
  expect(hear({}).state.settledRound).toBe(1);
});
