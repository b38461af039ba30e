/** What stands between rounds in the ledger, and what nodes say of it to each other. */
import { isTributaryError } from "@tributary/errors";
import { parseLine, signEntry, verifyLedger } from "@tributary/ledger";
import { type Message, type MessageOf, type NodeId, signErasure, signMessage } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import {
  coordinatorContext,
  createWorld,
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
import { crypto, identity } from "./parties.test-support.ts";
import type { Note } from "./steps/note.ts";

const boss = identity("coordinator");
const resigned = (message: Message, body: object): Message => {
  const { signature: _, ...unsigned } = { ...message, body: { ...message.body, ...body } };
  return signMessage(boss, unsigned as unknown as Parameters<typeof signMessage>[1]) as Message;
};

/** A second version of an entry, as valid as the first. */
function fork(line: string): string {
  const { signature: _, ...entry } = { ...parseLine(line), at: "2026-01-01T00:00:01.000Z" };
  return signEntry(boss, entry as unknown as Parameters<typeof signEntry>[1]).line;
}

/** Two halves of the cohort are shown two versions of the first round's entry, and each is offered the second round on its own. */
async function forkedWorld(others: ReadonlySet<NodeId>): Promise<{ readonly world: World; readonly forked: string }> {
  const world = createWorld({ nodes: 5, rounds: 2 });
  let forked = "";
  for (let deliveries = 0; deliveries < 3000; deliveries++) {
    for (const [place, delivery] of world.queue.entries()) {
      if (delivery.side !== "node" || delivery.event.type !== "message" || !others.has(delivery.to)) continue;
      const { message } = delivery.event;
      const said = (changed: Message) =>
        world.queue.splice(place, 1, { ...delivery, event: { type: "message", message: changed } });
      if (message.step === "result" && message.round === 1 && forked !== message.body.entry) {
        forked = fork(message.body.entry);
        said(resigned(message, { entry: forked }));
      }
      if (message.step === "offer" && message.round === 2) {
        const head = nodeOf(world, delivery.to).state.head.hash;
        if (message.body.head !== head) said(resigned(message, { head }));
      }
    }
    const offered = world.nodes.every(({ state }) => state.round?.number === 2);
    if (offered) return { world, forked };
    await run(world, noFaults, 1);
  }
  throw new Error("the second round was never offered to all");
}

function refusalOf(act: () => unknown) {
  try {
    act();
  } catch (error) {
    if (isTributaryError(error)) return { code: error.code, ...error.details };
    throw error;
  }
  return "accepted";
}

test("a fork that two halves of a cohort are shown is found by both halves in the next round, and named: who has which head at which entry", async () => {
  const others = new Set([nodeName(3), nodeName(4)]);
  const { world } = await forkedWorld(others);
  const adverts = world.nodes.map(({ state }) => state.round?.advert as MessageOf<"advert">);
  const heads = world.nodes.map(({ state }) => state.head);
  expect(new Set(heads.map(({ hash }) => hash)).size).toBe(2);
  expect(new Set(heads.map(({ entries }) => entries))).toEqual(new Set([2]));

  // a coordinator that plays by its own rules doesn't take the other half's
  const { refusals } = world.journal;
  while (world.queue.some(({ event }) => event.type === "message" && event.message.step === "advert"))
    await run(world, noFaults, 1);
  expect(refusals.filter((line) => line === "coordinator advert TRB_ROUND_HEADS_DIFFER")).toHaveLength(2);

  // one that shows everybody's to everybody
  for (const { id, state, identity: who } of world.nodes) {
    const round = state.round;
    if (round === null) throw new Error(`${id} is in no round`);
    const header = { ...round.offer, step: "adverts", body: { adverts } };
    const { signature: _, ...unsigned } = header;
    const message = signMessage(boss, unsigned as unknown as Parameters<typeof signMessage>[1]) as Message;
    const stranger = others.has(id) ? 0 : 3;
    expect(
      refusalOf(() => stepNode(state, { type: "message", message }, nodeContext({ ...nodeOf(world, id), identity: who }))),
    ).toEqual({
      code: "TRB_ROUND_HEADS_DIFFER",
      node: nodeName(stranger),
      entries: 2,
      theirs: heads[stranger]?.hash,
      own: state.head.hash,
      entry: 1,
    });
  }
});

test("the last entry's hash under another number of entries is another head, to the coordinator and to every other node", async () => {
  const world = createWorld({ nodes: 5, rounds: 1 });
  while (world.nodes.some(({ state }) => state.round === null)) await run(world, noFaults, 1);
  const [mine, ...others] = world.nodes.map(({ state }) => state.round?.advert as MessageOf<"advert">);
  if (mine === undefined) throw new Error("no adverts");
  const miscounted = forge(mine, {}, { head: { ...mine.body.head, entries: mine.body.head.entries + 1 } });
  const { state } = world.coordinator;
  const waiting = { ...state, round: state.round && { ...state.round, adverts: [] } };
  const differ = { code: "TRB_ROUND_HEADS_DIFFER", node: nodeName(0), entries: 2, entry: 0 };
  expect(
    refusalOf(() => stepCoordinator(waiting, { type: "message", message: miscounted }, coordinatorContext(world))),
  ).toMatchObject(differ);
  const { signature: _, ...header } = { ...nodeOf(world, nodeName(1)).state.round?.offer } as MessageOf<"offer">;
  const unsigned = { ...header, step: "adverts", body: { adverts: [miscounted, ...others] } };
  const message = signMessage(boss, unsigned as unknown as Parameters<typeof signMessage>[1]) as Message;
  const hearer = nodeOf(world, nodeName(1));
  expect(refusalOf(() => stepNode(hearer.state, { type: "message", message }, nodeContext(hearer)))).toMatchObject(differ);
});

test("a head that a node names and did not countersign is refused by the coordinator", async () => {
  const world = createWorld({ nodes: 5, rounds: 1 });
  while (world.nodes.some(({ state }) => state.round === null)) await run(world, noFaults, 1);
  const [a, b] = world.nodes.map(({ state }) => state.round?.advert as MessageOf<"advert">);
  if (a === undefined || b === undefined) throw new Error("no adverts");
  const { signature: _, ...unsigned } = {
    ...a,
    body: { ...a.body, head: { ...a.body.head, signature: b.body.head.signature } },
  };
  const message = signMessage(identity(nodeName(0)), unsigned as unknown as Parameters<typeof signMessage>[1]) as Message;
  const state = {
    ...world.coordinator.state,
    round: world.coordinator.state.round && { ...world.coordinator.state.round, adverts: [] },
  };
  expect(refusalOf(() => stepCoordinator(state, { type: "message", message }, coordinatorContext(world)))).toMatchObject({
    code: "TRB_ROUND_HEAD_UNSIGNED",
    node: nodeName(0),
  });
});

describe("between rounds", () => {
  const operator = "platform";
  const erasure = (on: string, by = nodeName(1)): Note => {
    const { signature } = signErasure(identity(by), "test", { node: nodeName(1), on });
    return { kind: "erasure", node: nodeName(1), on, nodeSignature: signature };
  };
  const note = (world: World, one: Note) => stepAtCoordinator(world, { type: "note", note: one }, noFaults);

  test("notes are written, followed by every node, counted by the next round, and verified by anybody", async () => {
    const world = createWorld({ nodes: 6, rounds: 1 });
    const { modelHash } = world.coordinator.state;
    world.queue.length = 0;
    const pause: Note = { kind: "operator", action: "pause", operator, reason: "a backup" };
    await note(world, pause);
    await stepAtCoordinator(world, { type: "start", online: world.nodes.map(({ id }) => id) }, noFaults);
    await note(world, { ...pause, action: "resume" });
    await note(world, erasure("2026-01-01"));
    await note(world, { kind: "promotion", modelHash, rule: "operator", operator });
    await note(world, { kind: "roster", revoked: [nodeName(5)], operator, reason: "it left" });
    const refused: readonly Note[] = [
      { ...pause, action: "resume" } as const,
      erasure("2026-01-01"),
      erasure("2026-01-02", nodeName(2)),
      { kind: "roster", revoked: [nodeName(5)], operator, reason: "again" } as const,
      { kind: "promotion", modelHash, rule: "acceptance", operator } as const,
    ];
    for (const wrong of refused) await note(world, wrong);
    expect(world.journal.refusals).toEqual([
      "coordinator start TRB_ROUND_PAUSED",
      ...Array(5).fill("coordinator note TRB_ROUND_NOTE_REFUSED"),
    ]);

    for (const party of world.nodes) {
      const step = stepNode(party.state, { type: "ledger", lines: world.coordinator.ledger.slice(1) }, nodeContext(party));
      party.state = step.state;
      party.ledger.push(...world.coordinator.ledger.slice(1));
      expect(party.state).toMatchObject({
        paused: false,
        erasures: { [nodeName(1)]: "2026-01-01" },
        head: world.coordinator.state.head,
      });
      expect(party.state.barred).toEqual([{ node: nodeName(5), entry: 5 }]);
    }
    world.queue.push({
      side: "coordinator",
      to: "coordinator",
      event: { type: "start", online: world.nodes.map(({ id }) => id) },
    });
    await run(world);
    const verdict = verifyLedger(new TextEncoder().encode(world.coordinator.ledger.map((line) => `${line}\n`).join("")), {
      crypto,
    });
    expect(verdict.failures.filter(({ code }) => code !== "TRB_LEDGER_PLAN_REFUSED")).toEqual([]);
    const round = world.coordinator.ledger.map((line) => parseLine(line)).find(({ kind }) => kind === "round");
    expect(round?.kind === "round" && round.cohort).toEqual([0, 1, 2, 3, 4].map(nodeName));
  });

  test("none is written while a round is under way", async () => {
    const world = createWorld({ nodes: 5, rounds: 1 });
    await run(world, noFaults, 3);
    expect(
      refusalOf(() =>
        stepCoordinator(world.coordinator.state, { type: "note", note: erasure("2026-01-01") }, coordinatorContext(world)),
      ),
    ).toMatchObject({
      code: "TRB_ROUND_IN_PROGRESS",
    });
  });
});
