/** What a node takes from the ledger's lines, and refuses although the coordinator signed it. */
import { type Entry, parseLine, signEntry } from "@tributary/ledger";
import { type Message, type MessageOf, type NodeId, signErasure, signMessage } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import {
  coordinatorContext,
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
import { forge } from "./lies.test-support.ts";
import { stepNode } from "./node.ts";
import type { NodeState } from "./node-state.ts";
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
  expect(state.unpersisted).toEqual({ vector: null });
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

/** A world whose first round is over, for everybody but this node, which has masked for it; and its entry. */
async function afterRound(faults: Faults = noFaults): Promise<{ world: World; state: NodeState; line: string; entry: Entry }> {
  const world = createWorld({ rounds: 2 });
  const lose = (to: string, event: string) =>
    (to === self && (event === "result" || event === "abort")) || faults.lose(to, event);
  await runUntil(world, 2, { ...noFaults, lose });
  const [, line = ""] = world.coordinator.ledger;
  return { world, state: nodeOf(world, self).state, line, entry: parseLine(line) };
}

const followFrom = (world: World, state: NodeState, line: string) =>
  stepNode(state, { type: "ledger", lines: [line] }, nodeContext(nodeOf(world, self)));
const invalid = expect.objectContaining({ code: "TRB_ROUND_ENTRY_INVALID" });
/** The entry with changes, signed by the coordinator. */
const changed = (entry: Entry, changes: object): string => {
  const { signature: _, ...others } = { ...entry, ...changes };
  return signEntry(boss, others as unknown as Parameters<typeof signEntry>[1]).line;
};
const standings = ({ charges }: NodeState) => charges.map(({ round, standing }) => [round, standing]);

test("an entry is in the place that the tree gives it, of a kind that may come there, and none follows the last", async () => {
  const { world, state, line, entry } = await afterRound();
  expect(() => followFrom(world, state, changed(entry, { tree: hash("another") }))).toThrow(invalid);
  const genesis = parseLine(world.coordinator.ledger[0] ?? "");
  const { index, previous, tree } = entry;
  expect(() => followFrom(world, state, changed(genesis, { index, previous, tree }))).toThrow(invalid);

  await run(world, { ...noFaults, lose: (to, event) => to === self && event === "result" });
  const { ledger } = world.coordinator;
  const closing = parseLine(ledger.at(-1) ?? "");
  expect(closing.kind).toBe("closing");
  const before = follow(world, ledger.slice(0, -1)).state;
  expect(() => followFrom(world, before, changed(closing, { modelHash: hash("another") }))).toThrow(invalid);
  const closed = followFrom(world, before, ledger.at(-1) ?? "").state;
  expect(closed.closed).toBe(true);
  const late = changed(entry, { index: ledger.length, previous: closed.head.hash });
  expect(() => followFrom(world, closed, late)).toThrow(expect.objectContaining({ code: "TRB_ROUND_LEDGER_CLOSED" }));
  expect(line).toBe(ledger[1]);
});

test("a release settles the open charge of its round if cohort and h₁ are those that the node saw, and no other charge", async () => {
  const { world, state, line } = await afterRound();
  const [charge] = state.charges;
  if (charge === undefined) throw new Error("it has not paid");
  const settled = (charges: NodeState["charges"]) => standings(followFrom(world, { ...state, charges }, line).state);
  expect(settled([charge])).toEqual([[1, "final"]]);
  const elsewhere = { ...charge, round: 9, h1: hash("another") };
  expect(settled([elsewhere, charge])).toEqual([
    [9, "open"],
    [1, "final"],
  ]);
  for (const lie of [{ h1: hash("another") }, { cohort: charge.cohort.slice(1) }]) {
    expect(() => settled([{ ...charge, ...lie }])).toThrow(invalid);
  }
  // one that a recovered store counts for good was never seen
  expect(settled([{ ...charge, standing: "final", h1: hash("nothing") }])).toEqual([[1, "final"]]);
  // nor one that the node has forgotten: as a survivor it has paid
  const forgotten = followFrom(world, { ...state, charges: [] }, line);
  expect(standings(forgotten.state)).toEqual([[1, "final"]]);
  expect(settled([elsewhere])).toEqual([
    [9, "open"],
    [1, "final"],
  ]);
  expect(forgotten.effects).toContainEqual({ type: "settle", round: 1, as: "final" });
});

test("an entry with somebody in it who takes part no longer is refused, by what this node knows of that", async () => {
  const { world, state, line } = await afterRound();
  expect(() => followFrom(world, { ...state, barred: [{ node: other, entry: 0 }] }, line)).toThrow(invalid);
});

test("a round further on than the entry goes on; one that the entry is about, or that lies behind it, is over", async () => {
  const { world, state, line } = await afterRound();
  const { round } = state;
  if (round === null) throw new Error("it is in no round");
  expect(followFrom(world, state, line).state.round).toBeNull();
  const further = { ...state, round: { ...round, number: 2 } };
  const { state: next, effects } = followFrom(world, further, line);
  expect(next.round).toBe(further.round);
  expect(effects.map(({ type }) => type)).not.toContain("eraseSecrets");
});

describe("a round that was given up by a quorum of votes", () => {
  const quorumOf = async () => {
    const world = createWorld({ rounds: 2 });
    while (world.coordinator.state.round?.phase !== "consistency") await run(world, noFaults, 1);
    world.queue.length = 0;
    for (const { id } of world.nodes) {
      const party = nodeOf(world, id);
      const { effects, state } = stepNode(party.state, { type: "expired", round: 1 }, nodeContext(party));
      party.state = state;
      const votes = effects.flatMap((effect) => (effect.type === "send" ? [effect.message] : []));
      for (const message of votes) await stepAtCoordinator(world, { type: "message", message }, noFaults);
      if (world.coordinator.state.round === null) break;
    }
    const [, line = ""] = world.coordinator.ledger;
    return { world, state: nodeOf(world, self).state, line, entry: parseLine(line) };
  };

  test("gives a charge back that it is about, as the node saw its round; an unpaid node has nothing to settle", async () => {
    const { world, state, line } = await quorumOf();
    const [charge] = state.charges;
    if (charge === undefined) throw new Error("it has not paid");
    const settled = (changes: object) =>
      standings(followFrom(world, { ...state, charges: [{ ...charge, ...changes }] }, line).state);
    expect(settled({})).toEqual([[1, "refunded"]]);
    expect(settled({ h1: hash("another") })).toEqual([[1, "final"]]);
    // four have voted: of a cohort in which only one of them is, that is no quorum
    const strangers = ["node-v", "node-w", "node-x", "node-y"] as NodeId[];
    expect(settled({ cohort: [self, ...strangers] })).toEqual([[1, "final"]]);
    const unpaid = followFrom(world, { ...state, charges: [] }, line);
    expect(unpaid.effects.map(({ type }) => type)).toEqual(["appendLedger", "persist", "eraseSecrets", "eraseVector"]);
    expect(unpaid.state.charges).toEqual([]);
  });

  test("is refused with a vote that nobody cast, and with a cost that is not the ledger's", async () => {
    const { world, state, entry } = await quorumOf();
    if (entry.kind !== "aborted") throw new Error("it was not given up");
    const [first, ...others] = entry.votes;
    const forged = { ...first, signature: others[0]?.signature };
    expect(() => followFrom(world, state, changed(entry, { votes: [forged, ...others] }))).toThrow(invalid);
    const spent = { ...entry.spent, charged: [1] };
    expect(() => followFrom(world, state, changed(entry, { spent }))).toThrow(invalid);
  });
});

test("a coordinator takes nothing that only a coordinator says, and nothing in a version that it doesn't speak", async () => {
  const world = createWorld({ rounds: 1 });
  while (world.coordinator.state.round === null) await run(world, noFaults, 1);
  const { offer } = world.coordinator.state.round;
  const hear =
    (message: Message, state = world.coordinator.state) =>
    () =>
      stepCoordinator(state, { type: "message", message }, coordinatorContext(world));
  const echo = forge(offer as MessageOf<"offer">, { sender: self }, {}, self);
  expect(hear(echo)).toThrow(expect.objectContaining({ code: "TRB_ROUND_SENDER_UNEXPECTED" }));
  const strange = forge(offer as MessageOf<"offer">, { sender: self, version: "9.0" }, {}, self);
  const resting = { ...world.coordinator.state, round: null };
  expect(hear(echo, resting)).toThrow(expect.objectContaining({ code: "TRB_ROUND_NOT_CURRENT" }));
  expect(hear(strange, resting)).toThrow(expect.objectContaining({ code: "TRB_ROUND_VERSION_UNKNOWN" }));
});
