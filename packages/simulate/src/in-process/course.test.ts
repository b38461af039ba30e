/** A federation that trains in stages, ends early when released metrics stop getting better, and puts forward what was kept. */
import { type Histories, seededRandom, splitCustomers } from "@tributary/events";
import { initialFederationModel } from "@tributary/federation";
import { parseLine, publishedHash, verifyLedger } from "@tributary/ledger";
import { bytesOf } from "@tributary/model";
import { type Decimal, fingerprintOf, type IdentityKey, lintPlan, type Plan, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { withStages } from "../planner/stages.ts";
import { choosePlanToRead } from "../written-releases.ts";
import { simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const { catalogue, histories } = syntheticMarket({ customers: 300, items: 40, seed: 1 });
const merchants = 3;
const parts: readonly Histories[] = splitCustomers(histories, merchants, 1);

test("stages run until two looks bring no gain; the rest stays unspent, and the model that was kept is promoted", {
  timeout: 120_000,
}, async () => {
  // so much ε that what is learnt in a few rounds of 300 customers can be seen
  const request = { rounds: 6, catalogueItems: 40, customers: 300, merchants, epsilon: 2000, delta: 1e-6 };
  const acceptance = { every: 1, metric: "ndcg10", tolerance: 0.01 } as const;
  const chosen = choosePlanToRead(request, { share: 0.3, metrics: { heldOut: 0.25 }, acceptance });
  const { plan: numbers } = withStages(chosen, merchants, [{ rounds: 3 }, { rounds: 3, clipNorm: 0.5, rate: 0.5 }]);
  const staged = {
    ...numbers,
    // steps so long that they ruin every model
    optimiser: { ...numbers.optimiser, learningRate: "1000" as Decimal } as Plan["optimiser"],
    earlyStop: { metric: "ndcg10", patience: 2, leastGain: "0.01" as Decimal } as const,
    promotion: { rule: "acceptance", leastGain: "0.01" as Decimal } as const,
  };
  const plan = planDocument(crypto, staged, { federation: "stages", coordinatorKey, catalogue, catalogueProvenance: "public" });
  expect(lintPlan(plan, { nodes: merchants, demo: true })).toEqual([]);
  const result = await simulateFederation({
    ...{ plan, crypto, executor: onnxruntimeExecutor(), coordinatorSecret: secret, items: catalogue.items },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: parts.map((log, place) => ({ node: `shop-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  const verdict = verifyLedger(new TextEncoder().encode(result.ledger), { crypto, key: fingerprintOf(crypto, coordinatorKey) });
  expect(verdict).toMatchObject({ failures: [], fullyVerified: true });
  const entries = result.ledger.trimEnd().split("\n").map(parseLine);
  expect(entries.map(({ kind }) => kind)).toEqual([
    ...["genesis", "round", "promotion", "round", "round", "round", "round", "closing"],
  ]);
  const closing = entries.at(-1);
  expect(closing).toMatchObject({ rule: "earlyStop", rounds: 5, modelHash: plan.initialModelHash });
  expect(publishedHash(entries)).toBe(plan.initialModelHash);
  expect(Number(verdict.epsilon)).toBeLessThan(Number(plan.epsilon));
});
