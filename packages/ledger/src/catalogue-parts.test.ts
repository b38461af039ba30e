/** What merchants signed for stands in the first entry, and what selecting items cost is spent from there on. */
import {
  type Decimal,
  declarePart,
  formatDecimal,
  identityKey,
  type Plan,
  planCost,
  sha256Hex,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import { asBytes, type Draft, exampleFederation, genesisDraft, roundDraft, writeLedger } from "./example-ledger.ts";
import { spentAfter } from "./spending.ts";
import { verifyLedger } from "./verify.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(5);
const key = identityKey.parse(toHex(crypto.signingPublicKey(secret)));
const part = declarePart(
  { key, sign: (message) => crypto.sign(message, secret) },
  {
    ...{ name: "shop", part: sha256Hex.parse("ab".repeat(32)), items: 9, provenance: "dp-selection" },
    selection: { epsilon: "1" as Decimal, delta: "1e-9" as Decimal, maxItems: 4 },
  },
);

function selectedPlan(coordinator: string): Plan {
  const plan: Plan = { ...examplePlan(coordinator), catalogueProvenance: "dp-selection", catalogueParts: [part] };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

const federation = exampleFederation(crypto, selectedPlan);
const genesis = genesisDraft(federation);
const round = roundDraft(federation, { round: 1, charged: 1, model: 0x33 });
const verdictOf = (...drafts: readonly Draft[]) => verifyLedger(asBytes(writeLedger(federation, drafts)), { crypto });

test("a selection is spent before the first round, and with every round", () => {
  const before = verdictOf(genesis);
  expect(before).toMatchObject({ verified: true, epsilon: spentAfter(federation.plan, [0]).epsilon, conditional: null });
  expect(Number(before.epsilon)).toBeGreaterThan(0.5);
  const after = verdictOf(genesis, round);
  expect(after.failures).toEqual([]);
  expect(Number(after.epsilon)).toBeGreaterThan(Number(before.epsilon));
});

test("a round's entry that leaves it out, or a declaration that nobody signed, does not verify", () => {
  const { catalogueParts: _, ...without } = federation.plan;
  const spent = spentAfter(without as Plan, [1]);
  expect(verdictOf(genesis, { ...round, spent }).failures.map(({ code }) => code)).toContain("TRB_LEDGER_EPSILON_UNDERSTATED");
  const forged = { ...federation.plan, catalogueParts: [{ ...part, items: 10 }] };
  const { failures } = verdictOf({ ...genesis, plan: forged } as Draft);
  expect(failures.map(({ details }) => String(details["reason"])).join()).toContain("the signature of shop");
});
