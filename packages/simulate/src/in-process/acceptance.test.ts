/** A federation that keeps models by released metrics: a good one stays, and a ruined one is given up for the one before. */

import { type Histories, seededRandom, splitCustomers } from "@tributary/events";
import { initialFederationModel } from "@tributary/federation";
import { parseLine, summarizeLedger, verifyLedger } from "@tributary/ledger";
import { bytesOf } from "@tributary/model";
import { type Decimal, fingerprintOf, type IdentityKey, lintPlan, type Plan, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { choosePlanToRead } from "../written-releases.ts";
import { simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const executor = onnxruntimeExecutor();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const { catalogue, histories } = syntheticMarket({ customers: 300, items: 40, seed: 1 });
const merchants = 3;
const parts: readonly Histories[] = splitCustomers(histories, merchants, 1);

function planOf(rounds: number, every: number, optimiser: Partial<Plan["optimiser"]>, initialParameters?: Float32Array): Plan {
  // so much ε that what is learnt in a few rounds of 300 customers can be seen
  const request = {
    rounds,
    catalogueItems: 40,
    customers: 300,
    merchants,
    epsilon: 2000,
    delta: 1e-6,
  };
  const acceptance = { every, metric: "ndcg10", tolerance: 0.01 } as const;
  const { plan } = choosePlanToRead(request, { share: 0.3, metrics: { heldOut: 0.25 }, acceptance });
  const numbers = { ...plan, optimiser: { ...plan.optimiser, ...optimiser } as Plan["optimiser"] };
  return planDocument(crypto, numbers, {
    ...{ federation: "judged", coordinatorKey, catalogue, catalogueProvenance: "public" },
    ...(initialParameters === undefined ? {} : { initialParameters }),
  });
}

async function federate(plan: Plan, initialParameters: Float32Array) {
  expect(lintPlan(plan, { nodes: merchants, demo: true })).toEqual([]);
  const result = await simulateFederation({
    ...{ plan, crypto, executor, coordinatorSecret: secret, items: catalogue.items, initialParameters },
    nodes: parts.map((log, place) => ({ node: `shop-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  const ledger = new TextEncoder().encode(result.ledger);
  const verdict = verifyLedger(ledger, { crypto, key: fingerprintOf(crypto, coordinatorKey) });
  expect(verdict).toMatchObject({
    failures: [],
    fullyVerified: true,
    modelHash: result.modelHash,
    keptModelHash: result.modelHash,
  });
  const entries = result.ledger.trimEnd().split("\n").map(parseLine);
  const judged = summarizeLedger(ledger, crypto).flatMap(({ metrics, wentBackTo }) =>
    metrics === undefined ? [] : [{ ndcg10: metrics.ndcg10, of: metrics.modelHash, wentBackTo }],
  );
  return { ...result, judged, entries };
}

test("a good model is kept round after round; where a step ruins it, training goes back to it, and once more", {
  timeout: 120_000,
}, async () => {
  const plan = planOf(6, 3, {});
  expect(plan.releases.map(({ kind, rounds }) => `${rounds} ${kind}`)).toEqual([
    ...["1 metrics", "3 training", "1 metrics", "3 training", "1 metrics"],
  ]);
  const start = initialFederationModel(crypto, plan).parameters;
  const good = await federate(plan, start);
  expect(good.judged.map(({ wentBackTo }) => wentBackTo)).toEqual([undefined, undefined, undefined]);
  const [first, , last] = good.judged.map(({ ndcg10 }) => ndcg10.interval);
  expect(last?.[0]).toBeGreaterThan(first?.[1] ?? 1);

  const ruinous = planOf(2, 1, { learningRate: "1000" as Decimal }, good.parameters);
  const ruined = await federate(ruinous, good.parameters);
  const kept = ruinous.initialModelHash;
  expect(ruined.modelHash).toBe(kept);
  expect(Array.from(ruined.parameters)).toEqual(Array.from(good.parameters));
  expect(ruined.judged.map(({ of, wentBackTo }) => [of === kept, wentBackTo])).toEqual([
    [true, undefined],
    [false, kept],
    [false, kept],
  ]);
  expect(new Set(ruined.judged.map(({ of }) => of)).size).toBe(3);
  const trainedFrom = ruined.entries.flatMap((entry) =>
    entry.kind === "round" && entry.sum === undefined ? [entry.modelHash] : [],
  );
  expect(trainedFrom).toEqual([kept, kept]);
});
