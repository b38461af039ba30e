/**
 * Rounds on a graph of neighbours: 160 nodes, each of which shares with 56. The harness throws as soon as an unmasked sum is not that of the
 * survivors' vectors.
 */
import { parseLine, verifyLedger } from "@tributary/ledger";
import type { Decimal, Plan } from "@tributary/protocol";
import { neighbourhoodOf, shareGraphOf } from "@tributary/secagg";
import { describe, expect, test } from "vitest";
import { createWorld, type Faults, nodeName, nodeOf, noFaults, run, type World } from "./harness.test-support.ts";
import { graphAborts } from "./node-state.ts";
import { crypto } from "./parties.test-support.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
/** Registers a test in long mode, and nothing otherwise: it is not skipped, it is not of that suite. */
const longOnly: (name: string, act: () => Promise<void>, timeout?: number) => void = long ? test : () => {};

/** A plan with the planner's defaults for so many nodes. */
function graphPlan(nodes: number): Required<Pick<Plan, "minCohort" | "maxCorrupt" | "graph">> {
  const maxCorrupt = Math.floor((nodes - 1) / 4);
  const minCohort = Math.max(Math.floor((nodes + maxCorrupt) / 2) + 1, Math.ceil((2 * nodes) / 3));
  return { maxCorrupt, minCohort, graph: { dropoutRate: "0.1" as Decimal, dropouts: "independent" } };
}

const worldOf = (nodes: number, rounds = 1) => createWorld({ nodes, rounds, plan: graphPlan(nodes) });
const entriesOf = (world: World) => world.coordinator.ledger.map(parseLine);
const deliveries = 40_000;

/** Whatever these nodes would hear in this step is lost. */
const deaf = (losses: Readonly<Record<string, readonly number[]>>): Faults => {
  const lost = new Set(Object.entries(losses).flatMap(([step, nodes]) => nodes.map((i) => `${nodeName(i)} ${step}`)));
  return { ...noFaults, lose: (to, event) => lost.has(`${to} ${event}`) };
};

function verified(world: World): void {
  const file = new TextEncoder().encode(world.coordinator.ledger.map((line) => `${line}\n`).join(""));
  expect(verifyLedger(file, { crypto }).failures).toEqual([]);
}

/** A killed process comes back with what it had persisted; each kill once. */
function kills(world: World, due: readonly ((party: string, effect: string, phase: string | undefined) => boolean)[]) {
  let done = 0;
  const crash: Faults["crash"] = (party, effect) => {
    const now = due[done]?.(party, effect, world.coordinator.state.round?.phase) ?? false;
    if (now) done++;
    return now;
  };
  return { crash, done: () => done };
}

describe("160 nodes", { timeout: 300_000 }, () => {
  test("who fall silent at any step cost nobody the round, and the sum is the others'; each shares with neighbours only", async () => {
    const world = worldOf(160);
    // four at each step: before keys, shares, upload, signing and unmasking
    const steps = ["offer", "reveals", "envelopes", "survivors", "unmask"];
    const faults = deaf(Object.fromEntries(steps.map((step, place) => [step, [0, 1, 2, 3].map((i) => 7 + 30 * place + i)])));
    while (world.coordinator.state.round?.phase !== "consistency") await run(world, faults, 1);

    const { graphSeed, cohort, sharers } = world.coordinator.state.round;
    const graph = shareGraphOf(crypto, world.plan, cohort, graphSeed, 1);
    const { neighbours, threshold } = neighbourhoodOf(156, { ...world.plan, graph: graphPlan(160).graph });
    expect(graph.threshold).toBe(threshold);
    for (const id of sharers) {
      const { state } = nodeOf(world, id);
      const { round } = state;
      if (round === null || round.masked === null) continue; // deaf to the envelopes
      const peers = graph.peers(id);
      expect(peers.length).toBe(neighbours);
      expect(round.adverts.map(({ sender }) => sender)).toEqual(peers);
      expect(round.shares?.body.envelopes.map(({ to }) => to)).toEqual(peers);
      expect(round.secrets?.held.map(({ of }) => of).toSorted()).toEqual(peers.filter((peer) => sharers.includes(peer)));
      expect(round.secrets).not.toHaveProperty("graphRandomness");
    }

    await run(world, faults, deliveries);
    expect(world.journal.sums).toEqual([1]);
    const [, entry] = entriesOf(world);
    if (entry?.kind !== "round") throw new Error("not released");
    expect([entry.cohort.length, entry.sharers.length, entry.survivors.length]).toEqual([156, 152, 148]);
    expect(entry.survivors.includes(nodeName(67))).toBe(false);
    expect(entry.survivors.includes(nodeName(97))).toBe(true);
    verified(world);
  });

  test("one of whom does not reveal end the round for nothing, it is barred, and the next goes on without it, whoever is killed", async () => {
    const world = worldOf(160);
    const second = () => world.coordinator.state.round?.number === 2;
    const { crash, done } = kills(world, [
      (party, effect, phase) => second() && party === "coordinator" && phase === "reveal" && effect === "setDeadline",
      (party, effect, phase) => second() && party === "coordinator" && phase === "shares" && effect === "persist",
      (party, effect, phase) => second() && party === "coordinator" && phase === "shares" && effect === "send",
      (party, _, phase) => second() && party === nodeName(9) && phase === "consistency",
    ]);
    const { lose } = deaf({ adverts: [5] });
    await run(world, { ...noFaults, lose, crash }, 3 * deliveries);
    expect(done()).toBe(4);
    const [, aborted, round] = entriesOf(world);
    expect(aborted).toMatchObject({
      ...{ kind: "aborted", step: "reveal", charged: false, barred: [nodeName(5)], code: "TRB_SECAGG_REVEAL_MISSING" },
    });
    if (round?.kind !== "round") throw new Error("not released");
    expect(round.round).toBe(2);
    const others = world.nodes.map(({ id }) => id).filter((id) => id !== nodeName(5));
    expect(round.cohort).toEqual(others);
    expect(world.coordinator.state.barred).toEqual([nodeName(5)]);
    for (const id of others) {
      const { state } = nodeOf(world, id);
      expect(state.barred).toEqual([{ node: nodeName(5), entry: 1 }]);
      expect([state.graphsDrawn, graphAborts(state)]).toEqual([2, 1]);
    }
    verified(world);
  });

  longOnly("of whom too many are gone give the round up", async () => {
    const world = worldOf(160);
    const lossy = deaf({ envelopes: Array.from({ length: 54 }, (_, i) => 3 * i) });
    while (world.coordinator.ledger.length < 2) await run(world, lossy, 1);
    expect(entriesOf(world)[1]).toMatchObject({ kind: "aborted", charged: true, code: "TRB_SECAGG_TOO_FEW_SURVIVORS" });
    expect(world.journal.sums).toEqual([]);
  });
});

test("at most 150 nodes of such a plan share with everyone, and need no reveals", async () => {
  const world = createWorld({ nodes: 6, rounds: 1, plan: { ...graphPlan(6), minCohort: 4, maxCorrupt: 1 } });
  await run(world, noFaults);
  expect(world.journal.sums).toEqual([1]);
  expect([...world.journal.said.keys()].some((key) => key.endsWith("/reveal"))).toBe(false);
  for (const { state } of world.nodes) expect(state.graphsDrawn).toBe(0);
  verified(world);
});

longOnly(
  "1000 nodes, a tenth of whom fall silent, each with 92 neighbours",
  async () => {
    const world = worldOf(1000);
    const gone = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + 3 * i);
    await run(
      world,
      deaf({ reveals: gone(10, 25), envelopes: gone(200, 25), survivors: gone(400, 25), unmask: gone(700, 25) }),
      200_000,
    );
    expect(world.journal.sums).toEqual([1]);
    const [, entry] = entriesOf(world);
    if (entry?.kind !== "round") throw new Error("not released");
    expect([entry.cohort.length, entry.sharers.length, entry.survivors.length]).toEqual([1000, 975, 950]);
    for (const { state } of world.nodes) expect(state.graphsDrawn).toBe(1);
    verified(world);
  },
  1_200_000,
);
