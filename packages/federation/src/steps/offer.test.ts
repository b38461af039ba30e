/** What a node asks before it pays for a round, and what a coordinator may still offer. */
import { isTributaryError } from "@tributary/errors";
import { parseLine } from "@tributary/ledger";
import type { Decimal } from "@tributary/protocol";
import { expect, test } from "vitest";
import { stepCoordinator } from "../coordinator.ts";
import {
  coordinatorContext,
  createWorld,
  nodeContext,
  nodeName,
  nodeOf,
  noFaults,
  run,
  stepAtCoordinator,
} from "../harness.test-support.ts";
import { coordinatorRefusal, refusalOf, until } from "../lies.test-support.ts";
import { stepNode } from "../node.ts";
import { hash } from "../parties.test-support.ts";
import { writeNote } from "./note.ts";
import { requireAffordable } from "./offer.ts";

const self = nodeName(0);
const decimal = (text: string) => text as Decimal;

function refusal(act: () => unknown) {
  try {
    act();
  } catch (error) {
    if (isTributaryError(error)) return { code: error.code, details: error.details };
    throw error;
  }
  return "accepted";
}

test("a plan above the limit for ever is no hindrance where a limit holds in a period: then each round is weighed", async () => {
  const policy = { maxEpsilon: decimal("7.9") };
  const ever = createWorld({ policy });
  expect(refusalOf(ever, self, await until(ever, "offer", { to: self }))).toBe("TRB_POLICY_PLAN_ABOVE_LIMIT");
  const month = createWorld({ policy: { ...policy, periodDays: 30 } });
  expect(refusalOf(month, self, await until(month, "offer", { to: self }))).toBe("accepted");
  const none = createWorld({ policy: { ...policy, periodDays: null } });
  expect(refusalOf(none, self, await until(none, "offer", { to: self }))).toBe("TRB_POLICY_PLAN_ABOVE_LIMIT");
});

test("a limit that a plan just keeps to is kept, for ε, δ and the cohort", async () => {
  const { plan } = createWorld();
  const policy = { maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort };
  const world = createWorld({ policy });
  expect(refusalOf(world, self, await until(world, "offer", { to: self }))).toBe("accepted");
});

test("a policy that names no extensions accepts none", async () => {
  const extensions = [{ name: "hours", sha256: hash("hours.ts") }];
  const world = createWorld({ plan: { extensions } });
  expect(world.policy.extensions).toBeUndefined();
  expect(refusalOf(world, self, await until(world, "offer", { to: self }))).toBe("TRB_POLICY_EXTENSION_UNKNOWN");
});

test("rounds are spent as the ledger counts them too; a release that the plan hasn't has none; who has spent nothing has spent 0", () => {
  const { plan, policy } = createWorld();
  const now = "2026-01-01T00:00:00.000Z";
  const weigh = (place: number, ledgerCharged: readonly number[], limit = policy.maxEpsilon) =>
    refusal(() =>
      requireAffordable({ plan, policy: { ...policy, maxEpsilon: limit }, charges: [], ledgerCharged }, place, now),
    );
  const spent = (rounds: number) => ({ code: "TRB_ROUND_RELEASE_SPENT", details: { rounds } });
  expect([weigh(0, [2]), weigh(0, [3]), weigh(0, [4])]).toEqual(["accepted", spent(3), spent(3)]);
  expect([weigh(1, [0]), weigh(0, [])]).toEqual([spent(0), "accepted"]);
  const little = decimal("0.01");
  expect(weigh(0, [0], little)).toMatchObject({ code: "TRB_POLICY_EPSILON_EXCEEDED", details: { spent: "0" } });
  const second = weigh(0, [1], little);
  expect(typeof second === "string" ? 0 : Number(second.details["spent"])).toBeGreaterThan(0);
});

test("a ledger that was closed early is offered nothing, noted nothing and closed no second time", async () => {
  const world = createWorld();
  world.queue.length = 0;
  await stepAtCoordinator(world, { type: "close", reason: "it was enough" }, noFaults);
  const { state } = world.coordinator;
  expect(state).toMatchObject({ closed: true, completed: 0, announcement: { step: "result", round: 1 } });
  const closed = "TRB_ROUND_LEDGER_CLOSED";
  expect(coordinatorRefusal(world, { type: "start", online: world.nodes.map(({ id }) => id) })).toBe(closed);
  expect(coordinatorRefusal(world, { type: "close", reason: "again" })).toBe(closed);
  const note = { kind: "operator", action: "pause", operator: "platform", reason: "a backup" } as const;
  expect(refusal(() => writeNote(state, note, coordinatorContext(world)))).toMatchObject({ code: closed });
  expect(parseLine(world.coordinator.ledger.at(-1) ?? "")).toMatchObject({ kind: "closing", reason: "it was enough" });
});

test("news of the end comes under the number of the last round", async () => {
  const world = createWorld({ rounds: 3 });
  await run(world);
  expect(world.coordinator.state.announcement).toMatchObject({ step: "result", round: 3 });
});

test("a node asks for randomness by round and purpose, once for each", async () => {
  const world = createWorld({ rounds: 2 });
  const asked: string[] = [];
  while (!world.finished) {
    const [next] = world.queue;
    const party = nodeOf(world, self);
    if (next?.side === "node" && next.to === self) {
      const context = nodeContext(party);
      const random: typeof context.random = (round, purpose) => {
        asked.push(`${round} ${purpose}`);
        return context.random(round, purpose);
      };
      stepNode(party.state, next.event, { ...context, random });
    }
    await run(world, noFaults, 1);
  }
  expect(asked).toEqual(["1 keys", "1 shares", "1 nonces", "2 keys", "2 shares", "2 nonces"]);
});

test("what the shell is asked for says how many rounds of the release were released before", async () => {
  const world = createWorld({ rounds: 3 });
  const before: number[] = [];
  while (!world.finished) {
    const { round, released } = world.coordinator.state;
    if (round?.phase === "applying" && before.length <= (released[0] ?? 0)) {
      const { effects } = stepCoordinator(world.coordinator.state, { type: "restarted" }, coordinatorContext(world));
      for (const effect of effects) if (effect.type === "apply") before.push(effect.releasedBefore);
    }
    await run(world, noFaults, 1);
  }
  expect(before).toEqual([0, 1, 2]);
});
