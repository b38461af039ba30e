/** Plans whose vectors are made of several local steps, or of a node as a whole, from the plan to the verified ledger. */

import { readFileSync } from "node:fs";
import { calibrateNoise, chooseScale } from "@tributary/dp";
import { initialModel } from "@tributary/federation";
import { verifyLedger } from "@tributary/ledger";
import { formatDecimal, lintPlan, type Plan, parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { simulateFederation } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../seeded/randomness.ts";
import { temporaryFolder } from "./processes.ts";
import { type SmallFederation, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("local-training");
const crypto = nodeCrypto();
let federation: SmallFederation;

beforeAll(async () => {
  process.env["TRIBUTARY_TEST_SEED"] = "10ca".repeat(16);
  federation = await smallFederation(folder.path, { merchants: 4, rounds: 2, customers: 60, items: 20 });
});
afterAll(() => folder.remove());

/** The small plan with one vector at a time: `exact` arithmetic, and for nodes no sampling. */
function planWith(change: Partial<Plan>): Plan {
  const { plan } = federation;
  const [training] = plan.releases;
  if (training === undefined) throw new Error("the small plan trains");
  const samplingRate = change.unit === "node" ? 1 : Number(training.samplingRate);
  const customerQuota = change.unit === "node" ? 1 : plan.customerQuota;
  const noise = calibrateNoise({ epsilon: 8, delta: Number(plan.delta), samplingRate, steps: training.rounds });
  const noiseMultiplier = formatDecimal(noise, "up");
  const { scale } = chooseScale({
    arithmetic: "exact",
    totalQuota: 4 * customerQuota,
    clipNorm: training.clipNorm,
    noiseMultiplier,
    dimension: training.dimension,
    maxNodes: 4,
    honestMinimum: plan.minCohort - plan.maxCorrupt,
  });
  const exact = { arithmetic: "exact", noiseMultiplier, samplingRate: formatDecimal(samplingRate) } as const;
  const release = { ...training, ...exact, scale: formatDecimal(Number(scale)) };
  return parsePlan({ ...plan, ...change, customerQuota, releases: [release] });
}

const local = { learningRate: formatDecimal(0.3), proximal: formatDecimal(0.1), epochs: 2, batchSize: 8 };

test.each([
  ["three local steps a customer", { caps: { maxEvents: 64, maxItems: 64, maxPairs: 0, localSteps: 3 }, local }],
  ["whole nodes, two epochs of batches", { unit: "node", local }],
] as const)("%s: rounds are released, and the ledger says what they cost", async (_, change) => {
  const plan = planWith(change);
  expect(lintPlan(plan, { nodes: 4 })).toEqual([]);
  const initialParameters = initialModel(crypto, plan.model);
  const result = await simulateFederation({
    ...{ plan, crypto, initialParameters, executor: onnxruntimeExecutor(), random: seededRandom },
    nodes: federation.parts.map((part) => ({ node: part.node, histories: part.train })),
    coordinatorSecret: readFileSync(`${federation.platform}/keys/identity`),
  });
  expect(result.rounds).toBe(2);
  expect(result.parameters).not.toEqual(initialParameters);
  const verdict = verifyLedger(new TextEncoder().encode(result.ledger), { crypto });
  expect(verdict).toMatchObject({ verified: true, failures: [], unit: plan.unit });
  expect(Number(verdict.epsilon)).toBeGreaterThan(0);
  expect(Number(verdict.epsilon)).toBeLessThanOrEqual(Number(plan.epsilon));
});
