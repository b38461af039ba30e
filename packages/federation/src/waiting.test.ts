/**
 * Who waits for what in every phase of a round: a node that connects again is told once more what it was told, if it still owes an answer; a coordinator that
 * restarts waits anew or asks its shell once more; and answers to what is over change nothing. A node that has lost touch follows many entries at once.
 */
import { baseVersion, type Message, type NodeId } from "@tributary/protocol";
import { expect, test } from "vitest";
import { speak } from "./binding.ts";
import { stepCoordinator } from "./coordinator.ts";
import type { CoordinatorEffect, CoordinatorEvent } from "./coordinator-events.ts";
import type { CoordinatorRound } from "./coordinator-state.ts";
import {
  coordinatorContext,
  createWorld,
  type Faults,
  nodeContext,
  nodeName,
  nodeOf,
  noFaults,
  run,
  type World,
} from "./harness.test-support.ts";
import { stepNode } from "./node.ts";
import { contextOf, hash, identity } from "./parties.test-support.ts";

/** All different, so that no one stands for another. */
const deadlines = { keys: 11, shares: 12, uploadOffset: 13, masked: 14, consistency: 15, unmask: 16, grace: 17 };
/** One node each that doesn't hear the offer, of the cohort, and of the others' shares; five stay. */
const silent: Readonly<Record<string, string>> = { offer: nodeName(7), adverts: nodeName(6), envelopes: nodeName(5) };
const losing: Faults = { ...noFaults, lose: (to, event) => silent[event] === to };
const nobody: readonly NodeId[] = [];

type Phase = CoordinatorRound["phase"];
/** Who may answer in a phase, the answers there are, and what the question is. */
const asked: Readonly<
  Partial<Record<Phase, (round: CoordinatorRound) => readonly [readonly NodeId[], readonly Message[], string]>>
> = {
  keys: ({ invited, adverts }) => [invited, adverts, "offer"],
  shares: ({ cohort, shares }) => [cohort, shares, "adverts"],
  masked: ({ sharers, uploads }) => [sharers, uploads, "envelopes"],
  consistency: ({ survivors, votes }) => [survivors, votes, "survivors"],
  unmask: ({ survivors, unmaskShares }) => [survivors, unmaskShares, "unmask"],
};
const waits: Readonly<Partial<Record<Phase, number>>> = { keys: 11, shares: 12, masked: 27, consistency: 15, unmask: 16 };

function effectsOf(world: World, event: CoordinatorEvent): readonly CoordinatorEffect[] {
  const { state } = world.coordinator;
  const step = stepCoordinator(state, event, coordinatorContext(world));
  expect(step.state).toBe(state);
  return step.effects;
}

/** Runs the world to its end, delivery by delivery; `look` sees every state, and what every node was sent last, by step. */
async function watch(world: World, faults: Faults, look: (sent: ReadonlyMap<string, Message>) => void): Promise<void> {
  const sent = new Map<string, Message>();
  while (!world.finished) {
    await run(world, faults, 1);
    for (const { side, to, event } of world.queue) {
      if (side === "node" && event.type === "message") sent.set(`${to} ${event.message.step}`, event.message);
    }
    look(sent);
  }
}

test("a node that connects again is told what it was told, as long as it owes an answer, and nobody else is", async () => {
  const world = createWorld({ nodes: 8, rounds: 2, plan: { deadlines } });
  const told = new Map<string, number>();
  await watch(world, losing, (sent) => {
    const { round, announcement } = world.coordinator.state;
    const [able, answers, question] = (round && asked[round.phase]?.(round)) ?? [nobody, [], ""];
    for (const { id } of world.nodes) {
      const owes = able.includes(id) && !answers.some(({ sender }) => sender === id);
      const rests = round === null || round.phase === "keys";
      const message = owes ? sent.get(`${id} ${question}`) : rests ? announcement : null;
      if (message === undefined) throw new Error(`${id} was never sent ${question}`);
      const effects = message === null ? [] : [{ type: "send", to: [id], message }];
      expect(effectsOf(world, { type: "connected", node: id })).toEqual(effects);
      told.set(message?.step ?? "nothing", (told.get(message?.step ?? "nothing") ?? 0) + 1);
    }
  });
  expect([...told.keys()].sort()).toEqual(["adverts", "envelopes", "nothing", "offer", "result", "survivors", "unmask"].sort());
});

test("a coordinator that restarts waits for nodes from the start of the step, or asks its shell for what it was asked for", async () => {
  const world = createWorld({ nodes: 8, rounds: 1, plan: { deadlines } });
  const seen = new Set<string>();
  await watch(world, losing, () => {
    const { round, closed } = world.coordinator.state;
    const effects = effectsOf(world, { type: "restarted" });
    seen.add(round?.phase ?? (closed ? "closed" : "rest"));
    if (round === null) return expect(effects).toEqual(closed ? [{ type: "finished" }] : []);
    const { number, phase, survivors, sumHash } = round;
    const milliseconds = waits[phase];
    if (milliseconds !== undefined) {
      return expect(effects).toEqual([{ type: "setDeadline", round: number, phase, milliseconds }]);
    }
    const [effect] = effects;
    expect(effects.length).toBe(1);
    if (phase === "summing") {
      expect(effect).toMatchObject({ type: "sum", round: number, unmasking: round.unmasking });
      return expect(effect?.type === "sum" && effect.uploads.map(({ node }) => node)).toEqual(survivors);
    }
    expect(effect).toMatchObject({ type: "apply", round: number, sumHash, survivors: survivors.length });
  });
  expect([...seen].sort()).toEqual(
    ["applying", "closed", "consistency", "keys", "masked", "rest", "shares", "summing", "unmask"].sort(),
  );
});

test("a deadline, a sum or a model of what is over, or not yet there, changes nothing", async () => {
  const world = createWorld({ rounds: 1 });
  await watch(world, noFaults, () => {
    const { round } = world.coordinator.state;
    const [number, phase] = [round?.number ?? 1, round?.phase];
    const idle: CoordinatorEvent[] = [
      { type: "deadline", round: number + 1, phase: phase ?? "keys" },
      { type: "deadline", round: number, phase: phase === "keys" ? "shares" : "keys" },
      { type: "summed", round: number + 1, sumHash: hash("late") },
      { type: "uploadLost", round: number + 1, code: "TRB_COORDINATOR_UPLOAD_LOST" },
      { type: "applied", round: number + 1, modelHash: hash("late"), optimiserHash: null },
    ];
    if (phase === "summing" || phase === "applying") idle.push({ type: "deadline", round: number, phase });
    if (phase !== "summing") {
      idle.push({ type: "summed", round: number, sumHash: hash("late") });
      idle.push({ type: "uploadLost", round: number, code: "TRB_COORDINATOR_UPLOAD_LOST" });
    }
    if (phase !== "applying") idle.push({ type: "applied", round: number, modelHash: hash("late"), optimiserHash: null });
    for (const event of idle) expect(effectsOf(world, event)).toEqual([]);
  });
});

test("a node that was away follows all entries with one write, after which it forgets, and knows the lines that it has", async () => {
  const world = createWorld({ nodes: 5, rounds: 2 });
  const away = nodeOf(world, nodeName(0));
  const lose = (to: string, event: string) =>
    to === away.id && (event === "result" || (event === "offer" && away.state.round !== null));
  await run(world, { ...noFaults, lose });
  expect(away.state).toMatchObject({ head: { entries: 1 }, round: { number: 1 }, closed: false });
  const { ledger } = world.coordinator;
  const step = stepNode(away.state, { type: "ledger", lines: ledger }, nodeContext(away));
  const types = step.effects.map(({ type }) => type);
  expect(types.slice(types.indexOf("persist"))).toEqual(["persist", "eraseSecrets", "eraseVector"]);
  expect(step.effects.slice(-2)).toEqual([
    { type: "eraseSecrets", round: 1 },
    { type: "eraseVector", round: 1 },
  ]);
  expect(step.effects.flatMap((effect) => (effect.type === "appendLedger" ? [effect.line] : []))).toEqual(ledger.slice(1));
  expect(step.effects.filter(({ type }) => type === "settle")).toEqual([{ type: "settle", round: 1, as: "final" }]);
  expect(step.state).toMatchObject({ round: null, closed: true, settledRound: 2, head: { entries: ledger.length } });
  expect(step.state.charges.map(({ round, standing }) => [round, standing])).toEqual([[1, "final"]]);
  expect(stepNode(step.state, { type: "ledger", lines: ledger }, nodeContext(away))).toEqual({
    state: step.state,
    effects: [],
  });
});

test("what tells of the ledger is spoken in the oldest version, so that latecomers understand it; the round in its own", () => {
  const { plan } = createWorld();
  const bound = { plan, planHash: hash("plan"), modelHash: hash("model"), round: 1 };
  const context = { ...contextOf(identity("coordinator"), "coordinator"), version: "1.7" };
  const news = { code: "TRB_ROUND_DEADLINE_PASSED", entry: "{}" };
  expect(speak(context, bound, "coordinator", "abort", news).version).toBe(baseVersion);
  expect(speak(context, bound, "coordinator", "adverts", { adverts: [] }).version).toBe("1.7");
});
