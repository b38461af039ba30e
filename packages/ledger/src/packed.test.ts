/** A ledger of a plan whose updates are sent in 16 bits: what ran is recomputed from the plan, and ε with it. */
import { formatDecimal } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { packedPlan } from "../../protocol/src/plan/packed-plan.test-support.ts";
import { asBytes, type Draft, exampleDrafts, exampleFederation, writeLedger } from "./example-ledger.ts";
import { mechanismOf } from "./mechanism.ts";
import { spentAfter } from "./spending.ts";
import { verifyLedger } from "./verify.ts";

const crypto = nodeCrypto();
const federation = exampleFederation(crypto, packedPlan);
const { plan } = federation;
const drafts = exampleDrafts(federation);
const codesOf = (changed: readonly Draft[]) =>
  verifyLedger(asBytes(writeLedger(federation, changed)), { crypto }).failures.map(({ entry, code }) => `${entry} ${code}`);
const withSpent = (change: object) =>
  codesOf(
    drafts.map((draft, i) => (i === 4 ? ({ ...draft, spent: { ...spentAfter(plan, [3]), ...change } } as Draft) : draft)),
  );
const withMechanism = (mechanism: object) =>
  codesOf(drafts.map((draft, i) => (i === 1 ? ({ ...draft, mechanism } as Draft) : draft)));

describe("a ledger of a packed plan", () => {
  test("is verified, and its entries say the bits and the Δ of the rounding", () => {
    expect(codesOf(drafts)).toEqual([]);
    const { bits, sensitivity } = mechanismOf(plan, 0);
    expect(bits).toBe(16);
    expect(Number(sensitivity) ** 2 / (plan.releases[0]?.packing?.squaredSensitivity ?? 0)).toBeCloseTo(1, 8);
  });

  test("is caught when it understates ε by a millionth, or a divergence", () => {
    const { epsilon, rdp } = spentAfter(plan, [3]);
    const scaled = (text: string, factor: number) => formatDecimal(Number(text) * factor);
    expect(withSpent({ epsilon: scaled(epsilon, 1 - 1e-6) })).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
    expect(withSpent({ epsilon: scaled(epsilon, 1.01) })).toEqual([]);
    expect(withSpent({ rdp: rdp.with(3, scaled(rdp[3] ?? "", 1 - 1e-6)) })).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
  });

  test("is caught when an entry leaves out the bits, has others, or a shorter Δ", () => {
    const { bits: _, ...without } = mechanismOf(plan, 0);
    const wrong = "1 TRB_LEDGER_MECHANISM_MISMATCH";
    expect(withMechanism(without)).toEqual([wrong]);
    expect(withMechanism({ ...without, bits: 20 })).toEqual([wrong]);
    expect(withMechanism({ ...mechanismOf(plan, 0), sensitivity: formatDecimal(1) })).toEqual([wrong]);
  });

  test("is caught when its plan states a Δ that no rounding keeps to, from which all later noise would follow", () => {
    const [release] = plan.releases;
    const packing = { bits: 16, squaredSensitivity: 1000 };
    const changed = { ...plan, releases: [{ ...release, packing }] };
    const [genesis, ...rest] = drafts;
    expect(codesOf([{ ...genesis, plan: changed } as Draft, ...rest])).toContain("0 TRB_LEDGER_PLAN_REFUSED");
  });
});
