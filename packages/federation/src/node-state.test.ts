/** What a node's state says by itself, what of it comes back from disk, and what a node that connects again says in every phase. */
import type { Decimal, NodeId, Plan } from "@tributary/protocol";
import { expect, test } from "vitest";
import { createWorld, nodeContext, nodeName, nodeOf, noFaults, run, type World } from "./harness.test-support.ts";
import { stepNode } from "./node.ts";
import type { NodeEvent } from "./node-events.ts";
import {
  barredAmong,
  type Charge,
  chargedRounds,
  decodeNodeState,
  encodeNodeState,
  graphAborts,
  isTraining,
  type NodePhase,
  type NodeState,
  readState,
} from "./node-state.ts";
import { dimension, hash } from "./parties.test-support.ts";

const self = nodeName(1);
const { plan } = createWorld();
const charge = (release: number, standing: Charge["standing"], members = 4): Charge => ({
  ...{ round: 1, release, standing, h1: hash("h1") },
  cohort: Array.from({ length: members }, (_, i) => nodeName(i)),
});

test("a federation begins with nobody charged, barred or changed, on both sides", () => {
  const { coordinator, nodes } = createWorld();
  const none = { rosterChanges: [], barred: [], erasures: {}, kept: null, round: null, paused: false, closed: false };
  expect(coordinator.state).toMatchObject({
    ...none,
    charged: [0],
    released: [0],
    completed: 0,
    lastRound: 0,
    announcement: null,
  });
  expect(nodes[0]?.state).toMatchObject({
    ...none,
    charges: [],
    ledgerCharged: [0],
    settledRound: 0,
    lastRound: 0,
    graphsDrawn: 0,
  });
});

test("rounds are charged for their own release unless they were refunded", () => {
  const two = { ...plan, releases: [...plan.releases, ...plan.releases] };
  const charges = [charge(0, "open"), charge(1, "final"), charge(1, "refunded"), charge(1, "open")];
  expect(chargedRounds({ plan: two, charges })).toEqual([1, 2]);
  expect(chargedRounds({ plan: two, charges: [] })).toEqual([0, 0]);
});

test("graphs in vain are those that were drawn, but for paid rounds of more than 150; never fewer than none", () => {
  const graph: Plan["graph"] = { dropoutRate: "0.1" as Decimal, dropouts: "independent" };
  const aborts = (graphsDrawn: number, ...charges: Charge[]) => graphAborts({ plan: { ...plan, graph }, charges, graphsDrawn });
  expect(aborts(3)).toBe(3);
  expect(aborts(3, charge(0, "final", 151), charge(0, "open", 151))).toBe(1);
  expect(aborts(3, charge(0, "refunded", 151), charge(0, "final", 150))).toBe(3);
  expect(aborts(0, charge(0, "final", 151))).toBe(0);
  // a plan without a graph draws none
  expect(graphAborts({ plan, charges: [charge(0, "final", 151)], graphsDrawn: 1 })).toBe(1);
});

test("who is barred is found among those of a round, with the entry that says so", () => {
  const barred = [
    { node: nodeName(2), entry: 3 },
    { node: nodeName(4), entry: 5 },
  ];
  const among = (state: Pick<NodeState, "barred">, ...nodes: NodeId[]) => barredAmong(state as NodeState, nodes);
  expect(among({ barred }, nodeName(0), nodeName(4))).toEqual({ node: nodeName(4), entry: 5 });
  expect(among({ barred }, nodeName(0), nodeName(1))).toBeUndefined();
  expect(among({ barred: [] }, nodeName(4))).toBeUndefined();
});

const codeOf = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return "read";
};

test("a state is read if it is this version's, and its round is none or one", () => {
  const unreadable = "TRB_FEDERATION_STATE_UNREADABLE";
  const read = (text: string) => codeOf(() => readState(text));
  for (const text of [
    "",
    "{",
    "null",
    "2",
    '"version"',
    "[]",
    "[2]",
    "{}",
    '{"version":1,"round":null}',
    '{"version":"2","round":null}',
  ]) {
    expect(read(text)).toBe(unreadable);
  }
  const round = (value: string) => read(`{"version":2,"round":${value}}`);
  expect(read('{"version":2}')).toBe(unreadable);
  expect(["3", '"keys"', "[]", "true"].map(round)).toEqual(Array(4).fill(unreadable));
  expect(
    ['{"adverts":3}', '{"adverts":{}}', '{"adverts":[3]}', '{"adverts":[{},3]}', '{"adverts":[null]}', '{"adverts":[[]]}'].map(
      round,
    ),
  ).toEqual(Array(6).fill(unreadable));
  expect(["null", "{}", '{"adverts":null}', '{"adverts":[]}', '{"adverts":[{},{}]}'].map(round)).toEqual(Array(5).fill("read"));
});

/** In the first round, at the moment at which this node's own phase is this one. */
async function into(phase: NodePhase): Promise<World> {
  const world = createWorld({ rounds: 1 });
  for (let deliveries = 0; nodeOf(world, self).state.round?.phase !== phase; deliveries++) {
    if (world.finished || deliveries > 4000) throw new Error(`it was never in ${phase}`);
    if (phase === "masking") {
      const place = world.queue.findIndex(({ to, event }) => to === self && event.type === "trained");
      if (place >= 0) world.queue.splice(place, 1);
    }
    await run(world, noFaults, 1);
  }
  return world;
}

test("a process that ends while its vector isn't masked has left the round, and has no secrets of it; later it goes on", async () => {
  for (const phase of ["keys", "shares", "masking", "masked", "voted", "unmasked"] as const) {
    const { state } = nodeOf(await into(phase), self);
    const { round } = state;
    if (round === null) throw new Error("it is in no round");
    const isLost = phase === "keys" || phase === "shares" || phase === "masking";
    expect(isTraining(round)).toBe(isLost);
    const back = decodeNodeState(encodeNodeState({ ...state, unpersisted: { vector: new Uint32Array(dimension) } }));
    const expected = isLost ? { ...round, phase: "left" as const, secrets: null } : round;
    expect(back).toEqual({ ...state, round: expected, unpersisted: { vector: null } });
  }
  const { state } = nodeOf(createWorld(), self);
  expect(decodeNodeState(encodeNodeState(state))).toEqual(state);
  const { round } = nodeOf(await into("shares"), self).state;
  expect(round !== null && isTraining({ ...round, phase: "reveal" })).toBe(true);
  expect(round !== null && isTraining({ ...round, phase: "left" })).toBe(false);
});

test("a node that connects again says what it said last, byte for byte, as long as nobody has told it that it arrived", async () => {
  const said = async (phase: NodePhase, change: (state: NodeState) => NodeState = (state) => state) => {
    const world = await into(phase);
    const party = nodeOf(world, self);
    const state = change(party.state);
    const step = stepNode(state, { type: "connected" }, nodeContext(party));
    expect(step.state).toBe(state);
    return { round: state.round, effects: step.effects };
  };
  for (const [phase, type, of] of [
    ["keys", "send", "advert"],
    ["shares", "send", "shares"],
    ["masked", "upload", "masked"],
    ["voted", "send", "vote"],
    ["unmasked", "send", "unmaskShares"],
  ] as const) {
    const { round, effects } = await said(phase);
    expect(effects).toEqual([{ type, message: round?.[of] }]);
    expect(round?.[of]).not.toBeNull();
  }
  expect((await said("masking")).effects).toEqual([]);
  const inRound = (changes: object) => (state: NodeState) => ({
    ...state,
    round: state.round && { ...state.round, ...changes },
  });
  expect((await said("masked", inRound({ uploaded: true }))).effects).toEqual([]);
  const { round, effects } = await said("shares", (state) => inRound({ phase: "reveal", reveal: state.round?.shares })(state));
  expect(effects).toEqual([{ type: "send", message: round?.reveal }]); // whatever it revealed
  expect((await said("shares", inRound({ phase: "reveal" }))).effects).toEqual([]);
});

test("a node that has left tells the others so when it connects again: once by a vote, and by the same one from then on", async () => {
  const world = await into("shares");
  const party = nodeOf(world, self);
  const lost = decodeNodeState(encodeNodeState(party.state));
  const first = stepNode(lost, { type: "connected" }, nodeContext(party));
  expect(first.effects.map(({ type }) => type)).toEqual(["persist", "eraseSecrets", "eraseVector", "send"]);
  const { vote } = first.state.round ?? { vote: null };
  expect(vote).toMatchObject({ step: "vote", body: { choice: { for: "abort" } } });
  const second = stepNode(first.state, { type: "connected" }, nodeContext(party));
  expect(second).toEqual({ state: first.state, effects: [{ type: "send", message: vote }] });
});

test("what concerns a round that a node isn't in changes nothing; a policy is kept at once", async () => {
  const world = createWorld({ rounds: 1 });
  const events: readonly NodeEvent[] = [
    { type: "trained", round: 1, vector: new Uint32Array(dimension) },
    { type: "trainingFailed", round: 1, code: "TRB_TRAINING_FAILED" },
    { type: "uploaded", round: 1 },
    { type: "expired", round: 1 },
    { type: "connected" },
  ];
  const party = nodeOf(world, self);
  const step = (event: NodeEvent) => stepNode(party.state, event, nodeContext(party));
  for (const event of events) expect(step(event)).toEqual({ state: party.state, effects: [] });
  const other = await into("masked");
  const masked = nodeOf(other, self);
  for (const event of events.slice(0, 4)) {
    const elsewhere = { ...event, round: 2 } as NodeEvent;
    expect(stepNode(masked.state, elsewhere, nodeContext(masked))).toEqual({ state: masked.state, effects: [] });
  }
  const policy = { ...world.policy, minCohort: 9 };
  const { state, effects } = step({ type: "policy", policy });
  expect([state.policy, effects]).toEqual([policy, [{ type: "persist" }]]);
});
