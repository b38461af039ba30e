/** A recipe that was chosen by looking at customers' data is spent from the first entry on. */
import { type Decimal, formatDecimal, type Plan, planCost, selectionSchema } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import { asBytes, type Draft, exampleFederation, genesisDraft, roundDraft, writeLedger } from "./example-ledger.ts";
import { spentAfter } from "./spending.ts";
import { verifyLedger } from "./verify.ts";

const crypto = nodeCrypto();
const selection = selectionSchema.parse({ distribution: "poisson", mean: "10", noiseMultiplier: "3" });

function chosenPlan(key: string): Plan {
  const plan = { ...examplePlan(key), selection };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

const federation = exampleFederation(crypto, chosenPlan);
const genesis = genesisDraft(federation);
const round = roundDraft(federation, { round: 1, charged: 1, model: 0x33 });
const verdictOf = (...drafts: readonly Draft[]) => verifyLedger(asBytes(writeLedger(federation, drafts)), { crypto });

describe("a ledger whose plan has a selection", () => {
  test("has its cost before the first round, and after it both", () => {
    const before = verdictOf(genesis);
    expect(before).toMatchObject({ verified: true, epsilon: spentAfter(federation.plan, [0]).epsilon });
    expect(Number(before.epsilon)).toBeGreaterThan(1);
    const after = verdictOf(genesis, round);
    expect(after.failures).toEqual([]);
    expect(Number(after.epsilon)).toBeGreaterThan(Number(before.epsilon));
  });

  test("does not verify when a round's entry leaves it out", () => {
    const { selection: _, ...without } = federation.plan;
    const spent = spentAfter(without as Plan, [1]);
    const { verified, failures } = verdictOf(genesis, { ...round, spent });
    expect(verified).toBe(false);
    expect(failures.map(({ code }) => code)).toContain("TRB_LEDGER_EPSILON_UNDERSTATED");
  });

  test("is judged without an exception when its numbers make no sense", () => {
    const gamma = { ...genesis, plan: { ...federation.plan, selection: { ...selection, mean: "0.1" as Decimal } } } as Draft;
    expect(verdictOf(gamma)).toMatchObject({ verified: false, epsilon: null });
  });
});
