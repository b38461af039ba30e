/** A coordinator that comes back from a backup, in a federation that has gone further than the backup knows. */
import { parseLine, verifyLedger } from "@tributary/ledger";
import { expect, test } from "vitest";
import { stepCoordinator } from "../coordinator.ts";
import { type CoordinatorPhase, type CoordinatorState, dueNote } from "../coordinator-state.ts";
import { coordinatorContext, createWorld, run, runToRest, type World } from "../harness.test-support.ts";
import { stepNode } from "../node.ts";
import { chargedRounds } from "../node-state.ts";
import { contextOf, crypto } from "../parties.test-support.ts";
import { betweenRounds, settleRestored } from "./restored.ts";

/** Until the first round that reaches this phase is there. */
async function runInto(world: World, phase: CoordinatorPhase): Promise<void> {
  while (world.coordinator.state.round?.phase !== phase) await run(world, undefined, 1);
}

const verdictOf = (lines: readonly string[]) =>
  verifyLedger(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")), { crypto });

function restored(world: World, kept: CoordinatorState) {
  const settled = settleRestored(betweenRounds(kept), coordinatorContext(world));
  const lines = settled.effects.flatMap((effect) => (effect.type === "persist" && effect.entry ? [effect.entry.line] : []));
  return { ...settled, lines };
}

test.each(["before", "keys", "shares", "masked", "consistency", "unmask"] as const)(
  "a backup of a moment between or in rounds (%s), restored when the round was under way: its number is used up, charged, and never made vectors for again",
  async (moment) => {
    const world = createWorld();
    if (moment !== "before") await runInto(world, moment);
    const kept = world.coordinator.persisted;
    await runInto(world, "unmask"); // what the backup knows nothing of: all vectors have left their nodes
    const { state, lines } = restored(world, kept);
    expect(lines.map((line) => parseLine(line))).toMatchObject([
      { kind: "aborted", round: 1, charged: true, code: "TRB_ROUND_RESTORED", release: 0, step: "masked" },
    ]);
    expect(verdictOf([...world.coordinator.ledger, ...lines])).toMatchObject({ verified: true, failures: [] });
    expect([state.lastRound, state.round, state.charged]).toEqual([1, null, [1]]);

    // the nodes follow it, have paid, and take the next round
    const followed = world.nodes.map((node) => {
      const shell = contextOf(node.identity, `${node.id} restored`);
      return { node, shell, state: stepNode(node.state, { type: "ledger", lines }, shell).state };
    });
    for (const one of followed) expect(chargedRounds(one.state)).toEqual([1]);
    const offered = stepCoordinator(
      state,
      { type: "start", online: world.nodes.map(({ id }) => id) },
      coordinatorContext(world),
    );
    const [offer] = offered.effects.flatMap((effect) => (effect.type === "send" ? [effect.message] : []));
    if (offer === undefined) throw new Error("no offer");
    expect(offer.round).toBe(2);
    for (const { state: before, shell } of followed) {
      expect(stepNode(before, { type: "message", message: offer }, shell).state.round?.number).toBe(2);
    }
  },
);

test("nothing that opens a round's vectors is in a backup", async () => {
  const world = createWorld();
  await runInto(world, "unmask");
  const kept = world.coordinator.persisted;
  expect(kept.round).not.toBeNull();
  expect(betweenRounds(kept)).toEqual({ ...kept, round: null, lastRound: 0 });
});

test("a backup that is older by an entry: nodes refuse what it writes, since their ledger goes on otherwise", async () => {
  const world = createWorld();
  const kept = world.coordinator.persisted;
  await runToRest(world);
  await run(world, undefined, 30);
  const { lines } = restored(world, kept);
  const ahead = world.nodes.filter(({ state }) => state.head.entries > kept.head.entries);
  expect(ahead.length).toBe(world.nodes.length);
  for (const node of ahead) {
    const shell = contextOf(node.identity, "ahead");
    expect(() => stepNode(node.state, { type: "ledger", lines }, shell)).toThrow(
      expect.objectContaining({ code: "TRB_ROUND_LEDGER_FORKED" }),
    );
  }
});

test("where no round can have begun without another entry, nothing is used up", async () => {
  const world = createWorld();
  await run(world);
  const { state: closed } = world.coordinator;
  expect(closed.closed).toBe(true);
  const paused: CoordinatorState = { ...createWorld().coordinator.state, paused: true };
  // a promotion has to be written first
  const promoting = createWorld({ rounds: 3, plan: { promotion: { rule: "rounds", every: 1 } } });
  while (promoting.coordinator.state.completed === 0) await run(promoting, undefined, 1);
  const { state: due } = promoting.coordinator;
  expect(due).toMatchObject({ completed: 1, round: null });
  expect(dueNote(due)).toBeDefined();
  for (const state of [closed, paused, due])
    expect(settleRestored(state, coordinatorContext(world))).toEqual({ state, effects: [] });
});
