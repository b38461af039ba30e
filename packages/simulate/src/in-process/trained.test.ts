/** A plan that trains some tensors alone, through a whole federation with secure aggregation, noise and a ledger. */
import { seededRandom, splitCustomers } from "@tributary/events";
import { initialFederationModel } from "@tributary/federation";
import { verifyLedger } from "@tributary/ledger";
import { bytesOf, type TrainedGroup, trainedCount, trainedTensors } from "@tributary/model";
import { explainPlan, fingerprintOf, type IdentityKey, lintPlan, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { choosePlan } from "../planner/choose-plan.ts";
import { simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const { catalogue, histories } = syntheticMarket({ customers: 240, items: 40, seed: 1 });
const merchants = 3;

function planOf(trained?: readonly TrainedGroup[]) {
  const request = { catalogueItems: 40, customers: 240, merchants, epsilon: 8, delta: 1e-6, rounds: 3 };
  const { plan } = choosePlan({ ...request, ...(trained === undefined ? {} : { trained }) });
  return planDocument(crypto, plan, { federation: "parts", coordinatorKey, catalogue, catalogueProvenance: "public" });
}

describe.each([
  ["norms", "*.norm1.*, *.norm2.*, final.*"],
  ["blocks", "block*, final.*"],
] as const)("only %s are trained", (group, names) => {
  const plan = planOf([group]);
  const tensors = trainedTensors(plan.model, plan.trained);
  const dimension = trainedCount(plan.model, plan.trained);

  test("the plan says so, and another dimension, or the graph of the whole model, is not this plan's", () => {
    expect(plan.releases[0]).toMatchObject({ kind: "training", dimension, touched: dimension });
    const surroundings = { nodes: merchants, parameterCount: dimension };
    expect(lintPlan(plan, surroundings)).toEqual([]);
    expect(plan.graphHash).not.toBe(planOf().graphHash);
    const wider = {
      ...plan,
      releases: plan.releases.map((one) => ({ ...one, dimension: dimension + 1, touched: dimension + 1 })),
    };
    expect(lintPlan(wider, surroundings).map(({ code }) => code)).toContain("TRB_PLAN_DIMENSION_MISMATCH");
    const sentence = `Of the model only these tensors learn, ${dimension} numbers in all: ${names} (* stands for any characters).`;
    expect(explainPlan(plan).filter((line) => line.startsWith(sentence))).toHaveLength(1);
  });

  test("uploads are as long as these tensors; they move, and nothing else does by a bit", async () => {
    const initial = initialFederationModel(crypto, plan).parameters;
    const result = await simulateFederation({
      ...{ plan, crypto, executor: onnxruntimeExecutor(), coordinatorSecret: secret, initialParameters: initial },
      nodes: splitCustomers(histories, merchants, 1).map((log, place) => ({ node: `shop-${place}`, histories: log })),
      random: (...party) => bytesOf(seededRandom(1, ...party)),
    });
    const ledger = new TextEncoder().encode(result.ledger);
    expect(verifyLedger(ledger, { crypto, key: fingerprintOf(crypto, coordinatorKey) })).toMatchObject({
      ...{ failures: [], fullyVerified: true, modelHash: result.modelHash },
      rounds: { released: 3 },
    });
    expect(result.bytesPerRoundPerNode).toBe(4 * dimension);
    const moves = new Set(tensors.flatMap(({ inModel, size }) => Array.from({ length: size }, (_, i) => inModel + i)));
    const moved = result.parameters.reduce((count, value, i) => count + (value !== initial[i] && moves.has(i) ? 1 : 0), 0);
    expect(moved).toBe(dimension);
    expect(Array.from(result.parameters).filter((value, i) => value !== initial[i] && !moves.has(i))).toEqual([]);
  });
});
