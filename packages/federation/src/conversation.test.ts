/**
 * What a party does at each step of a round, in which order: persist, then speak. And that whoever is told the same thing twice says the same bytes again
 * while they may still be missed, and nothing afterwards.
 */
import type { Decimal, Message, MessageOf, Plan, StepName } from "@tributary/protocol";
import { expect, test } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import {
  coordinatorContext,
  createWorld,
  nodeContext,
  nodeName,
  nodeOf,
  noFaults,
  run,
  type World,
  type WorldOptions,
} from "./harness.test-support.ts";
import { stepNode } from "./node.ts";
import type { NodeRound } from "./node-state.ts";
import { dimension } from "./parties.test-support.ts";

const self = nodeName(1);
/** Powers of two: which of them are in a sum can be read off it. */
const deadlines = { keys: 1, shares: 2, uploadOffset: 4, masked: 8, consistency: 16, unmask: 32, grace: 64 };
const graph: Plan["graph"] = { dropoutRate: "0.1" as Decimal, dropouts: "independent" };

type Delivery = World["queue"][number];
const nameOf = ({ event }: Delivery) => (event.type === "message" ? event.message.step : event.type);

/** Runs to the end; `look` sees each delivery before it is made. */
async function watch(world: World, look: (next: Delivery) => void): Promise<void> {
  for (let deliveries = 0; !world.finished || world.queue.length > 0; deliveries++) {
    if (deliveries > 4000) throw new Error("it never ends");
    const [next] = world.queue;
    if (next !== undefined) look(next);
    await run(Object.assign(world, { finished: false }), noFaults, 1);
    if (world.coordinator.state.closed && world.queue.length === 0) return;
  }
}

/** The effects of one party's steps, by what brought them about: their types, and what is said or awaited. */
async function effectsOf(side: Delivery["side"], options: WorldOptions = {}): Promise<Map<string, string[][]>> {
  const world = createWorld({ rounds: 1, plan: { deadlines }, ...options });
  const seen = new Map<string, string[][]>();
  await watch(world, (next) => {
    if (next.side !== side || (side === "node" && next.to !== self)) return;
    const party = nodeOf(world, self);
    const { effects } =
      next.side === "node"
        ? stepNode(party.state, next.event, nodeContext(party))
        : stepCoordinator(world.coordinator.state, next.event, coordinatorContext(world));
    const told = effects.map((effect): string => {
      if (effect.type === "send" || effect.type === "upload") return `${effect.type} ${effect.message.step}`;
      if (effect.type === "setDeadline") return `${effect.type} ${effect.phase} ${effect.milliseconds}`;
      if (effect.type === "setExpiry") return `${effect.type} ${effect.milliseconds}`;
      if (effect.type === "settle") return `${effect.type} ${effect.as}`;
      return effect.type;
    });
    seen.set(nameOf(next), [...(seen.get(nameOf(next)) ?? []), told]);
  });
  return seen;
}

test("a node's round: all that binds it is persisted before it leaves, secrets and vector go as soon as they may", async () => {
  const result = [
    ["settle final", "appendLedger", "persist", "eraseSecrets", "eraseVector"],
    ["appendLedger", "persist"], // the closing entry
  ];
  expect(Object.fromEntries(await effectsOf("node"))).toEqual({
    offer: [["persist", "setExpiry 127", "startTraining", "send advert"]],
    trained: [[]], // nobody's keys are there yet
    adverts: [["persist", "send shares"]],
    envelopes: [["persist", "upload masked"]],
    uploaded: [["persist", "eraseVector"]],
    survivors: [["persist", "send vote"]],
    unmask: [["persist", "eraseSecrets", "send unmaskShares"]],
    result,
  });
});

test("a coordinator's round: every set is persisted before it is announced, and what waits for nodes has a deadline", async () => {
  const idle = (count: number): string[][] => Array.from({ length: count }, () => []);
  const stored = (count: number) => Array.from({ length: count }, () => ["persist"]);
  const seen = await effectsOf("coordinator");
  expect(Object.fromEntries(seen)).toEqual({
    start: [
      ["persist", "send offer", "setDeadline keys 1"],
      ["persist", "send result", "finished"],
    ],
    advert: [...idle(4), ["persist", "send adverts", "setDeadline shares 2"]],
    shares: [...idle(4), ["persist", ...Array<string>(5).fill("send envelopes"), "setDeadline masked 12"]],
    uploaded: [...stored(4), ["persist", "send survivors", "setDeadline consistency 16"]],
    // four of five are a quorum, and unmask as well; whoever comes later is told nothing
    vote: [...idle(3), ["persist", "send unmask", "setDeadline unmask 32"], []],
    unmaskShares: [...idle(3), ["persist", "sum"], []],
    summed: [["persist", "apply"]],
    applied: [["persist", "send result", "eraseUploads", "roundEnded"]],
  });
});

test("a node waits for everybody's randomness too where the plan has a graph: for as long as for keys", async () => {
  const seen = await effectsOf("node", { plan: { deadlines, graph } });
  expect(seen.get("offer")).toEqual([["persist", "setExpiry 128", "startTraining", "send advert"]]);
});

/** What answers a message, and until when it is said again. */
const answers: Readonly<Partial<Record<StepName, (round: NodeRound) => Message | null>>> = {
  offer: ({ phase, advert }) => (phase === "keys" ? advert : null),
  adverts: ({ phase, shares }) => (phase === "shares" ? shares : null),
  envelopes: ({ phase, masked, uploaded }) => (phase === "masked" && !uploaded ? masked : null),
  survivors: ({ phase, vote }) => (phase === "voted" ? vote : null),
  unmask: ({ phase, unmaskShares }) => (phase === "unmasked" ? unmaskShares : null),
};

test("a node that hears again what it has heard says the same bytes while they may be missing, and changes nothing", async () => {
  const world = createWorld({ rounds: 1 });
  const heard = new Map<StepName, Message>();
  const said = new Set<string>();
  await watch(world, (next) => {
    const party = nodeOf(world, self);
    const { round } = party.state;
    for (const [step, message] of round === null ? [] : heard) {
      const again = round === null ? null : (answers[step]?.(round) ?? null);
      const { state, effects } = stepNode(party.state, { type: "message", message }, nodeContext(party));
      expect(state).toBe(party.state);
      const type = again?.step === "masked" ? "upload" : "send";
      expect(effects).toEqual(again === null ? [] : [{ type, message: again }]);
      said.add(`${step} ${round?.phase}: ${again?.step ?? "nothing"}`);
    }
    if (next.side === "node" && next.to === self && next.event.type === "message") {
      heard.set(next.event.message.step, next.event.message);
    }
  });
  const told = [...said].filter((one) => !one.endsWith("nothing")).sort();
  expect(told).toEqual([
    ...["adverts shares: shares", "envelopes masked: masked", "offer keys: advert"],
    ...["survivors voted: vote", "unmask unmasked: unmaskShares"],
  ]);
  expect(said.size).toBeGreaterThan(12); // and every one of them in later phases, where nothing is said
});

test("a coordinator that hears again what a node said changes nothing, whatever step it has come to", async () => {
  const world = createWorld({ rounds: 1 });
  const heard: Message[] = [];
  let repeats = 0;
  await watch(world, (next) => {
    const { state } = world.coordinator;
    for (const message of state.round === null ? [] : heard) {
      // of what it has dropped by then it only knows that it comes too late
      if (message.step === "shares" && state.round?.shares.length === 0) continue;
      const event =
        message.step === "masked"
          ? { type: "uploaded" as const, message: message as MessageOf<"masked"> }
          : { type: "message" as const, message };
      expect(stepCoordinator(state, event, coordinatorContext(world))).toEqual({ state, effects: [] });
      repeats++;
    }
    const isNews = next.side === "coordinator" && (next.event.type === "message" || next.event.type === "uploaded");
    if (isNews && "message" in next.event) heard.push(next.event.message);
  });
  expect(repeats).toBeGreaterThan(100);
});

test("a round begins with nothing: no list of it has anybody in it before anybody has answered", async () => {
  const world = createWorld({ rounds: 1 });
  await run(world, noFaults, 1);
  const { round } = world.coordinator.state;
  const empty = { adverts: [], cohort: [], reveals: [], shares: [], sharers: [], uploads: [], survivors: [], votes: [] };
  expect(round).toMatchObject({
    ...{ ...empty, abortVotes: [], unmaskShares: [], recovered: {} },
    ...{ h1: null, graphSeed: null, unmasking: null, sumHash: null, phase: "keys" },
  });
  while (nodeOf(world, self).state.round === null) await run(world, noFaults, 1);
  const { state } = nodeOf(world, self);
  expect(state.round).toMatchObject({
    ...{ cohort: [], adverts: [], sharers: [], uploaded: false, phase: "keys", secrets: { held: [] } },
    ...{ reveal: null, shares: null, masked: null, vote: null, unmaskShares: null, h1: null, graphSeed: null },
  });
  expect(state.round?.secrets).not.toHaveProperty("graphRandomness");
  expect(state.unpersisted).toEqual({ vector: null });
});

test("a vector of another length, or for no round, is refused; one that is too late, or of another round, changes nothing", async () => {
  const world = createWorld({ rounds: 1 });
  while (nodeOf(world, self).state.round === null) await run(world, noFaults, 1);
  const party = nodeOf(world, self);
  const trained = (length: number, round = 1) =>
    stepNode(party.state, { type: "trained", round, vector: new Uint32Array(length) }, nodeContext(party));
  for (const length of [dimension - 1, dimension + 1, 0]) {
    expect(() => trained(length)).toThrow(expect.objectContaining({ code: "TRB_SECAGG_VECTOR_MISMATCHED" }));
  }
  expect(trained(dimension).state.unpersisted.vector).toHaveLength(dimension);
  expect(trained(dimension, 2)).toEqual({ state: party.state, effects: [] });
  while (party.state.round?.phase !== "masked") await run(world, noFaults, 1);
  expect(trained(dimension)).toEqual({ state: party.state, effects: [] });
});
