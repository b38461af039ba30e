/** A ledger whose plan is charged by the accountant `lattice`: the verifier runs it again, and Rényi divergences stand beside. */
import { chooseScale } from "@tributary/dp";
import { type Decimal, formatDecimal, type Plan, planCost } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import { asBytes, type Draft, exampleDrafts, exampleFederation, writeLedger } from "./example-ledger.ts";
import { spentAfter } from "./spending.ts";
import { verifyLedger } from "./verify.ts";

const crypto = nodeCrypto();

/** The example's training, of everybody. */
function latticePlan(key: string): Plan {
  const plan = examplePlan(key);
  const releases = plan.releases.map((release) => {
    const everybody = { ...release, samplingRate: "1" as Decimal, noiseMultiplier: "12" as Decimal };
    const { scale } = chooseScale({ ...everybody, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
    return { ...everybody, scale: scale as Decimal };
  });
  const whole: Plan = { ...plan, accountant: "lattice", releases };
  return { ...whole, epsilon: formatDecimal(planCost(whole).epsilon, "up") };
}

const federation = exampleFederation(crypto, latticePlan);
const { plan } = federation;
const drafts = exampleDrafts(federation);
const judge = (changed: readonly Draft[]) => verifyLedger(asBytes(writeLedger(federation, changed)), { crypto });
const withSpent = (change: object) =>
  judge(drafts.map((draft, i) => (i === 4 ? ({ ...draft, spent: { ...spentAfter(plan, [3]), ...change } } as Draft) : draft)));
const codesOf = ({ failures }: ReturnType<typeof judge>) => failures.map(({ entry, code }) => `${entry} ${code}`);

describe("a ledger of a plan that is charged by lattice", () => {
  test("is verified, and says less ε than Rényi divergences of the same rounds, which it states as well", () => {
    const verdict = judge(drafts);
    expect(verdict.failures).toEqual([]);
    expect(verdict.accountant).toBe("lattice");
    expect(verdict).toMatchObject({
      verified: true,
      complete: true,
      epsilon: spentAfter(plan, [3]).epsilon,
      limit: plan.epsilon,
    });
    const renyi = spentAfter({ ...plan, accountant: "rdp-integer" }, [3]);
    expect(Number(verdict.epsilon)).toBeLessThan(0.99 * Number(renyi.epsilon));
    expect(spentAfter(plan, [3])).toEqual({ ...renyi, epsilon: verdict.epsilon });
  });

  test("is caught when it understates ε by a millionth of it, or a divergence, and may overstate both", () => {
    const { epsilon, rdp } = spentAfter(plan, [3]);
    const scaled = (factor: number) => withSpent({ epsilon: formatDecimal(Number(epsilon) * factor) });
    expect(codesOf(scaled(1 - 1e-6))).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
    expect(codesOf(scaled(1 - 1e-8))).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
    expect(codesOf(scaled(1 - 1e-10))).toEqual([]);
    expect(codesOf(scaled(1.04))).toEqual([]);
    const low = rdp.with(3, formatDecimal(Number(rdp[3]) * (1 - 1e-6)));
    expect(codesOf(withSpent({ rdp: low }))).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
  });

  test("does not verify when ε is what fewer rounds would have cost, or when its plan samples", () => {
    expect(codesOf(withSpent({ epsilon: spentAfter(plan, [2]).epsilon }))).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
    const releases = plan.releases.map((release) => ({ ...release, samplingRate: "0.5" as Decimal }));
    const refused = judge([{ ...drafts[0], plan: { ...plan, releases } } as Draft, ...drafts.slice(1)]);
    const details = expect.objectContaining({ code: "TRB_PLAN_LATTICE_UNFIT" });
    expect(refused.failures).toContainEqual(expect.objectContaining({ entry: 0, code: "TRB_LEDGER_PLAN_REFUSED", details }));
    // nothing of it can be charged, and that is said of every entry
    expect(codesOf(refused)).toContain("4 TRB_LEDGER_PLAN_REFUSED");
    expect(refused.verified).toBe(false);
  });
});
