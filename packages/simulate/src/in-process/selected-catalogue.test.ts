/** A federation whose catalogue was selected from a merchant's log: what that cost is in every figure of ε, from the first entry of the ledger to the last. */
import { seededRandom, splitCustomers } from "@tributary/events";
import { initialFederationModel } from "@tributary/federation";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { bytesOf } from "@tributary/model";
import {
  type Decimal,
  declarePart,
  fingerprintOf,
  type IdentityKey,
  lintPlan,
  parseDecimal,
  planCost,
  sha256Hex,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { choosePlan } from "../planner/choose-plan.ts";
import { simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);
const keyOf = (bytes: Uint8Array) => toHex(crypto.signingPublicKey(bytes)) as IdentityKey;

test("rounds have what a selection left of ε, nodes charge both, and the ledger adds up", async () => {
  const { catalogue, histories } = syntheticMarket({ customers: 240, items: 40, seed: 1 });
  const merchant = new Uint8Array(32).fill(9);
  const part = declarePart(
    { key: keyOf(merchant), sign: (message) => crypto.sign(message, merchant) },
    {
      ...{ name: "shop-0", part: sha256Hex.parse("ab".repeat(32)), items: 40, provenance: "dp-selection" },
      selection: { epsilon: "3" as Decimal, delta: "1e-8" as Decimal, maxItems: 10 },
    },
  );
  const request = { catalogueItems: 40, customers: 240, merchants: 3, epsilon: 8, delta: 1e-6, rounds: 2 };
  const { plan: numbers, why } = choosePlan({ ...request, catalogueParts: [part] });
  expect(why.join()).toContain("Items were selected");
  const identity = { federation: "selected", coordinatorKey: keyOf(secret), catalogue } as const;
  const plan = planDocument(crypto, numbers, { ...identity, catalogueProvenance: "dp-selection" });
  expect(lintPlan(plan, { nodes: 3 })).toEqual([]);
  const { plan: free } = choosePlan(request);
  const noise = (of: typeof numbers) => parseDecimal(of.releases[0]?.noiseMultiplier ?? ("0" as Decimal));
  expect(noise(numbers)).toBeGreaterThan(noise(free));
  const result = await simulateFederation({
    ...{ plan, crypto, executor: onnxruntimeExecutor(), coordinatorSecret: secret },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: splitCustomers(histories, 3, 1).map((log, place) => ({ node: `shop-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  const ledger = new TextEncoder().encode(result.ledger);
  const verdict = verifyLedger(ledger, { crypto, key: fingerprintOf(crypto, plan.coordinatorKey) });
  expect(verdict).toMatchObject({ failures: [], fullyVerified: true, conditional: null, epsilon: plan.epsilon });
  const spent = result.ledger
    .trim()
    .split("\n")
    .map(parseLine)
    .flatMap((entry) => (entry.kind === "round" ? [parseDecimal(entry.spent.epsilon)] : []));
  expect(spent).toHaveLength(2);
  expect(spent[0]).toBeGreaterThan(planCost(plan, [0]).epsilon);
  expect(planCost(plan, [0]).epsilon).toBeGreaterThan(2);
  expect(spent[1]).toBeGreaterThan(spent[0] ?? 0);
}, 60_000);
