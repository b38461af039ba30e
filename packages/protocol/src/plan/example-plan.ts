/** A small plan that has no findings, for tests to bend. */
import { chooseScale } from "@tributary/dp";
import { formatDecimal } from "../canonical/decimals.ts";
import type { Decimal } from "../identifiers.ts";
import { planCost } from "./cost.ts";
import { parsePlan } from "./parse.ts";
import type { Plan } from "./schema.ts";

/** Four merchants, at least three a round, at most one of them corrupt; ε as the accountant has it. */
export function examplePlan(coordinatorKey = "11".repeat(32)): Plan {
  const { scale } = chooseScale({
    totalQuota: 4 * 64,
    clipNorm: "0.5",
    noiseMultiplier: "1.2",
    dimension: 1000,
    maxNodes: 4,
    honestMinimum: 2,
  });
  const plan = parsePlan({
    version: 1,
    federation: "example",
    unit: "customer",
    maxMerchantsPerCustomer: 1,
    model: {
      family: "sasrec",
      items: 50,
      length: 16,
      width: 8,
      blocks: 1,
      heads: 2,
      feedForward: 2,
      activation: "gelu",
      positions: "learned",
      steps: 0,
      masked: 0,
      dropout: 0,
      output: "tied",
      item: { ids: "own", attributes: [], features: 0 },
      actions: 3,
      timeGaps: 4,
      dwells: 0,
      prices: 0,
      nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
      weights: { nextItem: 1000, nextAction: 100, churn: 0, purchase: 0 },
      churnDays: 0,
    },
    graphVersion: 1,
    graphHash: "22".repeat(32),
    initialModelHash: "33".repeat(32),
    catalogueHash: "44".repeat(32),
    catalogueProvenance: "public",
    actions: ["view", "cart", "favourite"],
    caps: { maxEvents: 64, maxItems: 64, maxPairs: 0, localSteps: 1 },
    local: { learningRate: "1", proximal: "0", epochs: 1, batchSize: 32 },
    releases: [
      {
        kind: "training",
        arithmetic: "bucketed",
        clipNorm: "0.5",
        samplingRate: "0.05",
        noiseMultiplier: "1.2",
        rounds: 40,
        dimension: 1000,
        touched: 1000,
        scale,
        fractionBits: 8,
      },
    ],
    noiseMode: "distributed",
    sampler: "exact",
    accountant: "rdp-integer",
    epsilon: "8",
    delta: "1e-6",
    minCustomers: 2000,
    minCohort: 3,
    maxCorrupt: 1,
    threshold: "quorum",
    customerQuota: 64,
    deadlines: { keys: 1000, shares: 1000, uploadOffset: 2000, masked: 4000, consistency: 1000, unmask: 1000, grace: 5000 },
    optimiser: { name: "fedadam", learningRate: "0.01", beta1: "0.9", beta2: "0.99", epsilon: "1e-8" },
    coordinatorKey,
  });
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") as Decimal };
}
