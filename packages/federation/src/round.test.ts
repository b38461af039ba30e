/** The round as a whole, with nobody misbehaving: sums are right, and whoever drops out costs nobody else the round. */
import { epsilonOf } from "@tributary/dp";
import { parseLine, verifyLedger } from "@tributary/ledger";
import type { Decimal } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { createWorld, type Faults, nodeName, noFaults, run, type World } from "./harness.test-support.ts";
import { chargedRounds } from "./node-state.ts";
import { crypto } from "./parties.test-support.ts";

const entriesOf = (world: World) => world.coordinator.ledger.map(parseLine);

describe("a round without faults", () => {
  test("every round of the plan is released, its sum is the survivors' sum, and the ledger is closed", async () => {
    const world = createWorld();
    await run(world);
    expect(entriesOf(world).map(({ kind }) => kind)).toEqual(["genesis", "round", "round", "round", "closing"]);
    expect(world.journal.sums).toEqual([1, 2, 3]);
    expect(world.journal.refusals).toEqual([]);
    expect(world.coordinator.state.charged).toEqual([3]);
  });

  test("every node has paid for every round, finally, and follows the ledger to its end", async () => {
    const world = createWorld();
    await run(world);
    await run({ ...world, finished: false }, noFaults, world.queue.length);
    for (const { state, ledger } of world.nodes) {
      expect(chargedRounds(state)).toEqual([3]);
      expect(state.charges.every(({ standing }) => standing === "final")).toBe(true);
      expect(state.closed).toBe(true);
      expect(ledger).toEqual(world.coordinator.ledger);
      expect(state.modelHash).toBe(world.coordinator.state.modelHash);
      expect(state.round).toBeNull();
    }
  });
});

describe("sampled customers at up to three merchants", () => {
  test("rounds are released, each is charged as three at z√3, and the ledger says so and verifies", async () => {
    const world = createWorld({ plan: { maxMerchantsPerCustomer: 3 } });
    await run(world);
    expect(world.journal.refusals).toEqual([]);
    expect(world.journal.sums).toEqual([1, 2, 3]);
    const verdict = verifyLedger(new TextEncoder().encode(world.coordinator.ledger.map((line) => `${line}\n`).join("")), {
      crypto,
    });
    expect(verdict.failures).toEqual([]);
    const due = epsilonOf({ samplingRate: 0.1, noiseMultiplier: Math.sqrt(3), steps: 9, delta: 1e-6 });
    expect(Number(verdict.epsilon) / due - 1).toBeCloseTo(0, 9);
    const round = entriesOf(world).find(({ kind }) => kind === "round");
    const sensitivity = round?.kind === "round" ? Number(round.mechanism.sensitivity) : 0;
    const { releases } = world.plan;
    expect(sensitivity).toBeCloseTo(3 * (1000 * (1 + 2 ** -10) + Math.sqrt(releases[0]?.dimension ?? 0)), 3);
  });

  test("a node whose policy is below that takes no part", async () => {
    const due = epsilonOf({ samplingRate: 0.1, noiseMultiplier: Math.sqrt(3), steps: 9, delta: 1e-6 });
    const world = createWorld({
      plan: { maxMerchantsPerCustomer: 3 },
      policy: { maxEpsilon: (due * 0.999).toFixed(6) as Decimal },
    });
    await run(world, noFaults, 200);
    expect(world.journal.sums.length).toBeLessThan(3);
  });
});

describe("a node that falls silent", () => {
  const silent = (step: string, ...nodes: number[]): Faults => ({
    ...noFaults,
    // whatever these nodes would say in this step is lost: the coordinator waits for its deadline
    lose: (to, event) => nodes.some((i) => to === nodeName(i)) && event === step,
  });

  test.each(["offer", "adverts", "envelopes", "survivors", "unmask"])(
    "one that misses `%s` costs nobody the round",
    async (step) => {
      const world = createWorld();
      await run(world, silent(step, 2));
      expect(entriesOf(world).map(({ kind }) => kind)).toEqual(["genesis", "round", "round", "round", "closing"]);
      const survivors = entriesOf(world).flatMap((entry) => (entry.kind === "round" ? [entry.survivors.length] : []));
      expect(survivors).toEqual(step === "survivors" || step === "unmask" ? [5, 5, 5] : [4, 4, 4]);
    },
  );

  test.each([
    ["offer", false],
    ["adverts", false],
    ["envelopes", true],
    ["survivors", true],
    ["unmask", true],
  ])("two of five that miss `%s` end the round; it is charged: %s", async (step, charged) => {
    const world = createWorld();
    await run(world, silent(step, 1, 3), 200);
    const [, first] = entriesOf(world);
    expect(first?.kind).toBe("aborted");
    expect(first?.kind === "aborted" && first.charged).toBe(charged);
    expect(world.journal.sums).toEqual([]);
  });
});
