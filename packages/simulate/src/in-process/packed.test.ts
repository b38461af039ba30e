/** A plan whose updates are sent in few bits, through a whole federation with masks, noise and a ledger, beside the same plan in 32. */
import { sumQueryParameters, toNumber } from "@tributary/dp";
import { seededRandom, splitCustomers } from "@tributary/events";
import { initialFederationModel } from "@tributary/federation";
import { verifyLedger } from "@tributary/ledger";
import { bytesOf, modelSpec } from "@tributary/model";
import { fingerprintOf, type IdentityKey, lintPlan, type Plan, sumQueryOf, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { scalePlan } from "../scale/scale-plan.ts";
import { simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const devices = 5;
const { catalogue, histories } = syntheticMarket({ customers: 60, items: 20, seed: 1 });

/** Little noise, so that the way that a model goes is plain to see; nothing is drawn by the plan's hash, which the bits are part of: no negatives, one batch. */
function planOf(bits?: 16 | 18 | 20): Plan {
  const { plan } = scalePlan({
    ...{ nodes: devices, cohort: devices, customers: 60, catalogueItems: 20, unit: "node", rounds: 2 },
    ...{ epsilon: 2e5, delta: 1e-6, local: { epochs: 2, batchSize: 64, learningRate: 0.3 } },
    model: modelSpec({ items: 20, length: 16, width: 8, blocks: 1, heads: 1 }),
    ...(bits === undefined ? {} : { bits }),
  });
  return planDocument(crypto, plan, { federation: "packed", coordinatorKey, catalogue, catalogueProvenance: "public" });
}

async function modelOf(plan: Plan) {
  const models: Float32Array[] = [];
  const result = await simulateFederation({
    onRound: ({ parameters }) => void models.push(parameters.slice()),
    ...{ plan, crypto, executor: onnxruntimeExecutor(), coordinatorSecret: secret },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: splitCustomers(histories, devices, 1).map((log, place) => ({ node: `device-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  const key = fingerprintOf(crypto, coordinatorKey);
  const verdict = verifyLedger(new TextEncoder().encode(result.ledger), { crypto, key });
  expect(verdict).toMatchObject({ failures: [], fullyVerified: true, modelHash: result.modelHash, rounds: { released: 2 } });
  return { ...result, first: models[0] ?? new Float32Array() };
}

const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((value, i) => value - (b[i] ?? Number.NaN)));

/** Length of the noise between two models of one step of FedAvg: each has its own, η·√d·√n·σ_u/(s·n). */
function noiseBetween(plan: Plan, dimension: number): number {
  const { optimiser } = plan;
  if (optimiser.name !== "fedavg") throw new Error(optimiser.name);
  const { nodeVariance, scale } = sumQueryParameters(sumQueryOf(plan, 0));
  const round = Math.sqrt((dimension * toNumber(nodeVariance)) / devices) / scale;
  return Math.SQRT2 * Number(optimiser.learningRate) * round;
}

test("16, 18 and 20 bits give the model of 32, but for the noise, in bits/32 of the octets", async () => {
  const whole = planOf();
  const start = initialFederationModel(crypto, whole).parameters;
  const { parameters: usual, first, bytesPerRoundPerNode, ledger } = await modelOf(whole);
  expect(bytesPerRoundPerNode).toBe(4 * start.length);
  expect(ledger).not.toContain('"bits"');
  const moved = distance(usual, start);
  for (const bits of [16, 18, 20] as const) {
    const plan = planOf(bits);
    expect(lintPlan(plan, { demo: true, nodes: devices, parameterCount: start.length })).toEqual([]);
    const packed = await modelOf(plan);
    expect(packed.bytesPerRoundPerNode).toBe((1024 * bits) / 8); // the next power of two
    expect(packed.ledger).toContain(`"bits":${bits}`);
    // after one round the noise is all that is between them: its length is within 6.1/√(2·768) = 16 % but for a chance of 1e-9, and one coordinate
    // that wrapped would be a fifth of it
    const apart = distance(packed.first, first) / noiseBetween(plan, start.length);
    expect(Math.abs(apart - 1)).toBeLessThan(0.16);
    console.info(`${bits} bits: ${apart} of the noise apart; at last ${distance(packed.parameters, usual)} of ${moved}`);
    expect(distance(packed.parameters, usual)).toBeLessThan(moved / 3);
  }
});
