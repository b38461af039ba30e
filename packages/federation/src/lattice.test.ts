/** Rounds of a plan that is charged by the accountant `lattice`: nodes charge by it, and hold the ledger to it. */
import { parseLine, spentAfter, verifyLedger } from "@tributary/ledger";
import { type Decimal, formatDecimal, type Plan, planCost, type Release } from "@tributary/protocol";
import { expect, test } from "vitest";
import { createWorld, run, type World } from "./harness.test-support.ts";
import { crypto, dimension } from "./parties.test-support.ts";

const decimal = (text: string) => text as Decimal;
/** Training of everybody. */
const everybody: Release = {
  ...{ kind: "training", arithmetic: "bucketed", clipNorm: decimal("1"), samplingRate: decimal("1") },
  ...{ noiseMultiplier: decimal("6"), rounds: 4, dimension, touched: dimension, scale: decimal("1000"), fractionBits: 4 },
};
const wishes = { releases: [everybody] } satisfies Partial<Plan>;

/** Nodes whose merchants permit no more than `maxEpsilon`. */
const worldOf = (accountant: Plan["accountant"], maxEpsilon = decimal("40")): World =>
  createWorld({ plan: { ...wishes, accountant, epsilon: maxEpsilon }, policy: { maxEpsilon } });

const entries = ({ coordinator }: World) => coordinator.ledger.map((line) => parseLine(line));
const released = (world: World) => entries(world).filter(({ kind }) => kind === "round").length;

test("the ledger states what lattice says, verifies, and every node has followed it", async () => {
  const world = worldOf("lattice");
  await run(world);
  const { plan } = world.coordinator.state;
  const bytes = new TextEncoder().encode(world.coordinator.ledger.map((line) => `${line}\n`).join(""));
  const verdict = verifyLedger(bytes, { crypto });
  expect(verdict.failures).toEqual([]);
  expect(verdict).toMatchObject({ verified: true, complete: true, epsilon: spentAfter(plan, [4]).epsilon });
  expect(verdict.epsilon).toBe(formatDecimal(planCost(plan).epsilon, "up"));
  expect(planCost(plan).epsilon).toBeLessThan(0.97 * planCost({ ...plan, accountant: "rdp-integer" }).epsilon);
  for (const { state } of world.nodes) expect(state.ledgerCharged).toEqual([4]);
});

test("a node's own limit counts by it: all rounds fit where Rényi divergences would have stopped before the last", async () => {
  const { plan } = worldOf("lattice").coordinator.state;
  const limit = formatDecimal(planCost(plan).epsilon * 1.01, "up");
  expect(Number(limit)).toBeLessThan(planCost({ ...plan, accountant: "rdp-integer" }).epsilon);
  const [lattice, renyi] = [worldOf("lattice", limit), worldOf("rdp-integer", limit)];
  await run(lattice);
  await run(renyi);
  expect([released(lattice), released(renyi)]).toEqual([4, 3]);
});
