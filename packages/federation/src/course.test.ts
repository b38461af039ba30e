/** Federations whose ledger decides what follows: training that ends early, models put forward by rule, and one that goes back to an earlier model. */
import { chooseScale } from "@tributary/dp";
import { parseLine, spentAfter, verifyLedger } from "@tributary/ledger";
import { type Decimal, metricCoordinates, type Plan, type Release } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import {
  type CoordinatorRound,
  type CoordinatorState,
  createCoordinator,
  decodeCoordinatorState,
  dueNote,
  encodeCoordinatorState,
  whatFollows,
} from "./coordinator-state.ts";
import { createWorld, noFaults, run, stepAtCoordinator, type World } from "./harness.test-support.ts";
import { decodeNodeState, encodeNodeState } from "./node-state.ts";
import { contextOf, crypto, hash, identity, planOf } from "./parties.test-support.ts";
import { closeLedger, genesisEntry, takeModel } from "./steps/apply.ts";
import { writeNote } from "./steps/note.ts";
import { offerRound } from "./steps/offer.ts";

const decimal = (text: string) => text as Decimal;
const ledgerOf = ({ coordinator }: World) => coordinator.ledger.map(parseLine);
const kindsOf = (world: World) => ledgerOf(world).map(({ kind }) => kind);
const failuresOf = ({ coordinator }: World) =>
  verifyLedger(new TextEncoder().encode(coordinator.ledger.map((line) => `${line}\n`).join("")), { crypto }).failures;

/** The first `deliveries` that it takes until so many rounds are released and none is under way. */
async function runUntil(world: World, completed: number): Promise<void> {
  const { coordinator } = world;
  while (!(coordinator.state.completed === completed && coordinator.state.round === null)) await run(world, noFaults, 1);
}

describe("a whole federation", () => {
  test("promotes by rule, in entries that every node takes in before the next round", async () => {
    const world = createWorld({ rounds: 5, plan: { promotion: { rule: "rounds", every: 2 } } });
    await run(world);
    expect(kindsOf(world)).toEqual(
      "genesis round round promotion round round promotion round closing".split(" "), // the fifth round has nobody after it
    );
    const entries = ledgerOf(world);
    const trained = entries.flatMap((entry) => (entry.kind === "round" ? [entry.nextModelHash] : []));
    expect(entries[3]).toMatchObject({ rule: "rounds", operator: "coordinator", modelHash: trained[1] });
    await run({ ...world, finished: false }, noFaults, world.queue.length); // nodes hear of the end
    for (const node of world.nodes) expect(node.state.course).toEqual(world.coordinator.state.course);
    expect(failuresOf(world).filter(({ code }) => code.includes("PROMOTION"))).toEqual([]);
  });

  test("goes back to an earlier model, and trains on from there with an optimiser that begins anew", async () => {
    const world = createWorld({ rounds: 4 });
    await runUntil(world, 3);
    const { coordinator } = world;
    const rounds = ledgerOf(world).filter((entry) => entry.kind === "round");
    const target = rounds[0]?.nextModelHash ?? hash("none");
    expect(coordinator.state.modelHash).not.toBe(target);
    expect(coordinator.state.optimiserHash).not.toBeNull();
    const note = {
      kind: "rollback",
      modelHash: target,
      optimiser: "reset",
      operator: "platform",
      reason: "it got worse",
    } as const;
    world.queue.length = 0;
    await stepAtCoordinator(world, { type: "note", note }, noFaults);
    expect(coordinator.state).toMatchObject({ modelHash: target, optimiserHash: null });
    await stepAtCoordinator(world, { type: "start", online: world.nodes.map(({ id }) => id) }, noFaults);
    await run(world);
    await run({ ...world, finished: false }, noFaults, world.queue.length); // nodes hear of the end
    const last = ledgerOf(world).findLast((entry) => entry.kind === "round");
    expect(last?.modelHash).toBe(target);
    for (const node of world.nodes) {
      expect(node.state.closed).toBe(true);
      expect(node.state.modelHash).toBe(coordinator.state.modelHash);
      expect(node.ledger).toEqual(coordinator.ledger);
    }
  });

  test.each([
    ["a model that nobody released", () => hash("nobody's"), "reset"],
    ["the model that stands", (world: World) => world.coordinator.state.modelHash, "reset"],
    ["an optimiser's state that was not kept", (world: World) => world.plan.initialModelHash, "kept"],
  ] as const)("goes back to no such thing as %s, on either side", async (_, target, optimiser) => {
    const world = createWorld({ rounds: 3 });
    await runUntil(world, 2);
    const before = world.coordinator.state;
    const note = { kind: "rollback", modelHash: target(world), optimiser, operator: "platform", reason: "" } as const;
    await stepAtCoordinator(world, { type: "note", note }, noFaults);
    expect(world.coordinator.state).toBe(before);
    expect(world.journal.refusals.at(-1)).toBe("coordinator note TRB_ROUND_NOTE_REFUSED");
  });

  test("what is decided survives a restart, and states from before there was such a thing are read", async () => {
    const world = createWorld({ rounds: 4, plan: { promotion: { rule: "rounds", every: 2 } } });
    await runUntil(world, 3);
    const { state } = world.coordinator;
    expect(state.course).toMatchObject({ trained: 1, promoted: { lower: null } });
    expect(decodeCoordinatorState(encodeCoordinatorState(state)).course).toEqual(state.course);
    const { course: _, ...old } = state;
    expect(decodeCoordinatorState(JSON.stringify(old)).course).toEqual({
      models: [],
      best: null,
      stale: 0,
      promoted: null,
      trained: 0,
    });
    const node = world.nodes[0]?.state;
    if (node === undefined) throw new Error("no node");
    expect(decodeNodeState(encodeNodeState(node)).course).toEqual(node.course);
  });
});

describe("metrics between stages", () => {
  const dimension = metricCoordinates.length;
  const shape = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier: "3", dimension, touched: dimension } as const;
  const { scale } = chooseScale({ ...shape, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 3 });
  const metrics: Release = {
    ...{ ...shape, kind: "metrics", rounds: 1, fractionBits: 8, clipNorm: decimal("2.8285"), noiseMultiplier: decimal("3") },
    ...{ samplingRate: decimal("1"), scale: decimal(scale) },
  };
  const boss = identity("coordinator");
  const usual = planOf(boss.key);
  const [training] = usual.releases as [Release];
  const one = { ...training, rounds: 1 };
  const plan: Plan = {
    ...usual,
    releases: [metrics, one, metrics, one, metrics, one, metrics, one],
    metrics: { heldOut: decimal("0.1"), lossBound: decimal("10") },
    earlyStop: { metric: "mrr", patience: 2, leastGain: decimal("0.01") },
  };
  const context = contextOf(boss, "coordinator");
  const begin = (of: Plan) => {
    const genesis = genesisEntry({ plan: of, roster: [] }, context);
    return createCoordinator({ genesis: genesis.entry, head: genesis.head });
  };
  /** After one round more; only what `takeModel` reads of a round is there. */
  function after(
    state: CoordinatorState,
    release: number,
    next: { readonly model?: string; readonly rank?: number },
  ): CoordinatorState {
    const survivors = ["node-a", "node-b", "node-c", "node-d"];
    const round = {
      ...{ number: state.lastRound + 1, release, survivors, cohort: survivors, sharers: survivors, votes: [], adverts: [] },
      ...{ h1: hash("h1"), sumHash: hash("sum"), offer: { version: "1.0" } },
    } as unknown as CoordinatorRound;
    const sum = [400, 0, 0, 400 * (next.rank ?? 0), 0, 0, 0, 0].map((customers) => Math.round(customers * Number(scale)));
    const modelHash = next.model === undefined ? state.modelHash : hash(next.model);
    const optimiserHash = next.model === undefined ? state.optimiserHash : hash(`momentum of ${next.model}`);
    const applied = { modelHash, optimiserHash, ...(next.rank === undefined ? {} : { sum }) };
    return takeModel({ ...state, lastRound: state.lastRound + 1 }, round, applied, context).state;
  }
  /** Metrics with these ranks, and training between them. */
  const judged = (of: Plan, ranks: readonly number[]) =>
    ranks.reduce<CoordinatorState>(
      (state, rank, i) => {
        const looked = after(state, 2 * i, { rank });
        return i + 1 < ranks.length ? after(looked, 2 * i + 1, { model: `model ${i + 1}` }) : looked;
      },
      { ...begin(of), roster: usualRoster },
    );
  const usualRoster = ["node-a", "node-b", "node-c", "node-d"].map((node) => ({
    node,
    key: boss.key,
    kind: "merchant",
    signature: "",
  })) as never;

  test("end training after so many without a gain, and not before", () => {
    const stopped = judged(plan, [0.3, 0.305, 0.309]); // 0.31 would have been a gain
    expect(stopped.course).toMatchObject({ stale: 2, best: expect.closeTo(0.3, 4) });
    expect(whatFollows(stopped)).toEqual({ closing: "early stop: 2 releases of metrics in a row brought no gain in mrr" });
    expect(whatFollows(judged(plan, [0.3, 0.305, 0.312]))).toMatchObject({ release: 5 });
    expect(whatFollows(judged(plan, [0.3, 0.29, 0.32]))).toMatchObject({ release: 5 });
    const { earlyStop: _, ...without } = plan;
    expect(whatFollows(judged(without, [0.3, 0.2, 0.1]))).toMatchObject({ release: 5 });
  });

  test("the closing entry says so in the rule's words, whatever an operator says, and what is left stays unspent", () => {
    const stopped = judged(plan, [0.3, 0.305, 0.309]);
    const closed = closeLedger(stopped, "an operator's reason", context);
    const [persist] = closed.effects;
    const entry = persist?.type === "persist" ? persist.entry?.entry : undefined;
    expect(entry).toMatchObject({ kind: "closing", rule: "earlyStop", reason: expect.stringContaining("early stop: 2") });
    expect(entry).toMatchObject({
      spent: { charged: [1, 1, 1, 1, 1, 0, 0, 0], epsilon: spentAfter(plan, [1, 1, 1, 1, 1, 0, 0, 0]).epsilon },
    });
    const early = closeLedger(judged(plan, [0.3, 0.305]), "an operator's reason", context);
    expect(JSON.stringify(early.effects)).not.toContain('earlyStop"');
  });

  test("the rule for promotions needs a gain in what is surely reached, and a note before the next round", () => {
    const promoting: Plan = {
      ...plan,
      earlyStop: { metric: "mrr", patience: 9, leastGain: decimal("0") },
      acceptance: { metric: "mrr", tolerance: decimal("0") },
      promotion: { rule: "acceptance", leastGain: decimal("0.05") },
    };
    const first = judged(promoting, [0.3]);
    const note = dueNote(first);
    expect(note).toMatchObject({ rule: "acceptance", modelHash: promoting.initialModelHash, operator: "coordinator" });
    if (note === undefined) throw new Error("nothing is due");
    for (const refused of [() => offerRound(first, [], context), () => closeLedger(first, "", context)]) {
      expect(refused).toThrowError(expect.objectContaining({ code: "TRB_ROUND_PROMOTION_DUE" }));
    }
    const promoted = writeNote(first, note, context).state;
    expect(dueNote(promoted)).toBeUndefined();
    const slightly = after(after(promoted, 1, { model: "better" }), 2, { rank: 0.34 });
    expect(slightly.kept?.modelHash).toBe(hash("better"));
    expect(dueNote(slightly)).toBeUndefined();
    const clearly = after(after(slightly, 3, { model: "best" }), 4, { rank: 0.36 });
    expect(dueNote(clearly)).toMatchObject({ modelHash: hash("best") });
  });

  test("going back to the model that metrics kept takes the optimiser's state of then, and judges by nothing that was given up", () => {
    const keeping: Plan = { ...plan, acceptance: { metric: "mrr", tolerance: decimal("0") } };
    const kept = judged(keeping, [0.3, 0.6]);
    const on = after(kept, 3, { model: "later" });
    const back = (optimiser: "kept" | "reset", modelHash = hash("model 1")) =>
      writeNote(on, { kind: "rollback", modelHash, optimiser, operator: "platform", reason: "" }, context).state;
    expect(back("kept")).toMatchObject({
      modelHash: hash("model 1"),
      optimiserHash: hash("momentum of model 1"),
      kept: on.kept,
    });
    expect(back("reset")).toMatchObject({ optimiserHash: null, kept: on.kept, course: { best: null, stale: 0 } });
    expect(back("reset", plan.initialModelHash)).toMatchObject({ modelHash: plan.initialModelHash, kept: null });
    expect(() => back("kept", plan.initialModelHash)).toThrowError(expect.objectContaining({ code: "TRB_ROUND_NOTE_REFUSED" }));
    const stopped = judged(keeping, [0.3, 0.2, 0.1]);
    const reset = {
      kind: "rollback",
      modelHash: hash("model 1"),
      optimiser: "reset",
      operator: "platform",
      reason: "",
    } as const;
    expect(() => writeNote(stopped, reset, context)).toThrowError(expect.objectContaining({ code: "TRB_ROUND_NOTE_REFUSED" }));
  });
});
