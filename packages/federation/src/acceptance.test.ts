/** What the coordinator goes on from after metrics of a plan that keeps models by them, and what is on both sides' disks of it. */
import { chooseScale } from "@tributary/dp";
import { type Decimal, metricCoordinates, type Release } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import {
  type CoordinatorRound,
  type CoordinatorState,
  createCoordinator,
  decodeCoordinatorState,
  encodeCoordinatorState,
} from "./coordinator-state.ts";
import { createNode, decodeNodeState, encodeNodeState } from "./node-state.ts";
import { contextOf, hash, identity, planOf } from "./parties.test-support.ts";
import { genesisEntry, takeModel } from "./steps/apply.ts";

const decimal = (text: string) => text as Decimal;
const dimension = metricCoordinates.length;
const numbers = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier: "3", dimension, touched: dimension } as const;
const { scale } = chooseScale({ ...numbers, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 3 });
const metrics: Release = {
  ...{ kind: "metrics", arithmetic: "exact", dimension, touched: dimension, rounds: 3, fractionBits: 8 },
  ...{ clipNorm: decimal("2.8285"), noiseMultiplier: decimal("3"), samplingRate: decimal("1"), scale: decimal(scale) },
};
const boss = identity("coordinator");
const usual = planOf(boss.key);
const plan = {
  ...usual,
  releases: [metrics, ...usual.releases],
  metrics: { heldOut: decimal("0.1"), lossBound: decimal("10") },
  acceptance: { metric: "mrr", tolerance: decimal("0") } as const,
};
const context = contextOf(boss, "coordinator");
const genesis = genesisEntry({ plan, roster: [] }, context);
const start = createCoordinator({ genesis: genesis.entry, head: genesis.head });

/** The state after a round of the release at this place; only what `takeModel` reads of a round is there. */
function after(
  state: CoordinatorState,
  release: number,
  next: { readonly model: string; readonly optimiser: string | null; readonly rank?: number },
): CoordinatorState {
  const survivors = ["node-a", "node-b", "node-c", "node-d"];
  const round = {
    ...{ number: state.lastRound + 1, release, survivors, cohort: survivors, sharers: survivors, votes: [], adverts: [] },
    ...{ h1: hash("h1"), sumHash: hash("sum"), offer: { version: "1.0" } },
  } as unknown as CoordinatorRound;
  const sum = [400, 0, 0, 400 * (next.rank ?? 0), 0, 0, 0, 0].map((customers) => Math.round(customers * Number(scale)));
  const applied = {
    modelHash: next.model === "same" ? state.modelHash : hash(next.model),
    optimiserHash: next.optimiser === null ? null : hash(next.optimiser),
    ...(next.rank === undefined ? {} : { sum }),
  };
  return takeModel({ ...state, lastRound: state.lastRound + 1 }, round, applied, context).state;
}

describe("after metrics", () => {
  const judgedFirst = after(start, 0, { model: "same", optimiser: null, rank: 0.4 });
  const trained = after(judgedFirst, 1, { model: "better", optimiser: "momentum" });
  const judgedBetter = after(trained, 0, { model: "same", optimiser: "momentum", rank: 0.6 });
  const ruined = after(judgedBetter, 1, { model: "ruined", optimiser: "poisoned momentum" });

  test("the first model is kept with the optimiser's state of then, and a better one in its place", () => {
    expect(judgedFirst.kept).toMatchObject({ modelHash: plan.initialModelHash, optimiserHash: null });
    expect(trained.kept).toEqual(judgedFirst.kept);
    expect(judgedBetter).toMatchObject({ modelHash: hash("better"), optimiserHash: hash("momentum") });
    expect(judgedBetter.kept).toMatchObject({ modelHash: hash("better"), optimiserHash: hash("momentum") });
  });

  test("a ruined model goes, and the momentum that ruined it with it", () => {
    expect(ruined).toMatchObject({ modelHash: hash("ruined"), optimiserHash: hash("poisoned momentum") });
    const back = after(ruined, 0, { model: "same", optimiser: "poisoned momentum", rank: 0.1 });
    expect(back).toMatchObject({ modelHash: hash("better"), optimiserHash: hash("momentum"), kept: judgedBetter.kept });
  });

  test("only metrics judge: another sum that stands in the ledger, or metrics without one, leave the model and what is kept", () => {
    const counting = { ...plan, releases: [...plan.releases, { ...metrics, kind: "query" as const, query: "hours" }] };
    const standing = { ...ruined, plan: counting, charged: [...ruined.charged, 0], released: [...ruined.released, 0] };
    const counted = after(standing, 2, { model: "same", optimiser: "poisoned momentum", rank: 0.1 });
    expect(counted).toMatchObject({ modelHash: hash("ruined"), optimiserHash: hash("poisoned momentum"), kept: ruined.kept });
    const unsaid = after(ruined, 0, { model: "same", optimiser: "poisoned momentum" });
    expect(unsaid).toMatchObject({ modelHash: hash("ruined"), optimiserHash: hash("poisoned momentum"), kept: ruined.kept });
  });

  test("without the rule whatever was trained stays", () => {
    const { acceptance: _, ...without } = plan;
    const back = after({ ...ruined, plan: without, kept: null }, 0, {
      model: "same",
      optimiser: "poisoned momentum",
      rank: 0.1,
    });
    expect(back).toMatchObject({ modelHash: hash("ruined"), optimiserHash: hash("poisoned momentum"), kept: null });
  });

  test("what is kept survives a restart, and states from before there was such a rule are read", () => {
    expect(decodeCoordinatorState(encodeCoordinatorState(judgedBetter))).toEqual(judgedBetter);
    const { kept: _, ...old } = start;
    expect(decodeCoordinatorState(JSON.stringify(old))).toEqual(start);
    const member = { node: "node-a", key: boss.key, kind: "merchant", signature: "00".repeat(64) };
    const founding = { ...genesis.entry, roster: [member] } as unknown as typeof genesis.entry;
    const policy = {
      ...{ maxEpsilon: decimal("8"), delta: decimal("0.1"), minCohort: 3 },
      releases: [],
      extensions: [],
      trustedPeers: [],
    };
    const node = createNode({ self: "node-a" as never, genesis: founding, head: genesis.head, policy });
    const { kept: __, unpersisted: ___, ...before } = node;
    expect(decodeNodeState(JSON.stringify(before))).toEqual(node);
    const keeping = { ...node, kept: { modelHash: hash("better"), interval: [0.5, 0.6] as const } };
    expect(decodeNodeState(encodeNodeState(keeping))).toEqual(keeping);
  });
});
