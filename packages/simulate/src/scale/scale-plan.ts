/**
 * The plan of a federation of thousands of nodes of which a few take part in each round. It is the ordinary planner's, for a cohort instead of
 * the whole federation: noise shares, clamp and scale are those of the nodes in one sum, and the mean is over the customers expected there.
 * Choosing the cohort at random would amplify privacy; nothing of that is claimed, because the coordinator chooses it (DESIGN §4).
 */
import { calibrateNoise, choosePackedSum, chooseScale, type PackedBits, sumQueryParameters } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { type ModelSpec, modelSpec, parameterCount, trainedCount } from "@tributary/model";
import { formatDecimal, type Plan, planCost, type Release, sumQueryOf, wireFormOf } from "@tributary/protocol";
import { choosePlan, type PlannedNumbers } from "../planner/choose-plan.ts";
import type { PlanRequest } from "../planner/plan-request.ts";

export interface ScalePlanRequest extends Omit<PlanRequest, "merchants" | "statistics"> {
  readonly nodes: number;
  /** Nodes invited to a round. */
  readonly cohort: number;
  /** `node`: every node is one protected unit, and its whole local update is clipped. */
  readonly unit: "customer" | "node";
  /** Unit `node` only. */
  readonly local: { readonly epochs: number; readonly batchSize: number; readonly learningRate: number };
  /** Unit `node` only: updates in so many bits a number instead of 32. */
  readonly bits?: PackedBits;
  /** A bound on the mean update that the server's steps are made of (`optimiser.updateNorm`). */
  readonly updateNorm?: number;
  /** The model instead of the planner's choice. */
  readonly model?: ModelSpec;
}

/** @throws TRB_SIMULATE_BATCH_TOO_LARGE, TRB_PLAN_PACKING_UNFIT, and what `choosePlan` throws */
export function scalePlan(request: ScalePlanRequest): { readonly plan: PlannedNumbers; readonly why: readonly string[] } {
  const { nodes, cohort, unit, customers } = request;
  const expected = Math.floor((customers * cohort) / nodes);
  const least = unit === "node" ? cohort : Math.max(cohort, 2);
  if (customers < nodes || expected < least) {
    throw fail("TRB_SIMULATE_BATCH_TOO_LARGE", { customers, nodes, cohort, batch: request.local.batchSize });
  }
  if (request.bits !== undefined && unit !== "node") {
    throw fail("TRB_PLAN_PACKING_UNFIT", { reason: "only whole nodes' updates are packed, and its unit is the customer" });
  }
  const chosen = choosePlan({ ...request, customers: unit === "node" ? cohort : expected, merchants: cohort });
  const choice = { ...chosen, plan: withUpdateNorm(chosen.plan, request.updateNorm) };
  const model = request.model ?? choice.plan.model;
  if (unit === "node") return perNode(choice.plan, model, request);
  return request.model === undefined ? choice : { plan: withModel(choice.plan, model, cohort), why: choice.why };
}

function withUpdateNorm(plan: PlannedNumbers, updateNorm: number | undefined): PlannedNumbers {
  if (updateNorm === undefined) return plan;
  return { ...plan, optimiser: { ...plan.optimiser, updateNorm: formatDecimal(updateNorm) } };
}

/** Every node is one customer of the arithmetic: q = 1, its update is clipped in integers, and the mean is over nodes. */
function perNode(
  plan: PlannedNumbers,
  model: ModelSpec,
  { cohort, local, epsilon, delta, bits }: ScalePlanRequest,
): { readonly plan: PlannedNumbers; readonly why: readonly string[] } {
  const [planned] = plan.releases as [Release];
  const dimension = trainedCount(model, plan.trained);
  const { rounds } = planned;
  const noiseMultiplier = calibrateNoise({ epsilon, delta, samplingRate: 1, steps: rounds });
  const release: Release = {
    ...planned,
    ...{ arithmetic: "exact", samplingRate: formatDecimal(1), noiseMultiplier: formatDecimal(noiseMultiplier, "up") },
    ...{ dimension, touched: dimension },
  };
  const size = { ...plan, customerQuota: 1 };
  const whole: PlannedNumbers = {
    ...plan,
    ...{ unit: "node", model, customerQuota: 1, minCustomers: cohort },
    releases: [bits === undefined ? scaled(release, size, cohort) : packed(release, size, cohort, bits)],
    local: { ...plan.local, epochs: local.epochs, batchSize: local.batchSize, learningRate: formatDecimal(local.learningRate) },
    caps: { ...plan.caps, maxEvents: Math.max(plan.caps.maxEvents, model.length + 1) },
  };
  const why = [
    `Every node is protected as a whole: its update of ${local.epochs} ${local.epochs === 1 ? "pass" : "passes"} over its customers is clipped to ${Number(planned.clipNorm)}.`,
    `Who takes part is seen, so nothing is gained by drawing nodes: ${rounds} rounds at noise multiplier ${noiseMultiplier} cost a node that is in all of them ε = ${epsilon}.`,
    ...(bits === undefined ? [] : [packedReason(whole as Plan, bits)]),
    `A round needs ${plan.minCohort} of ${cohort} nodes; ε holds even if ${plan.maxCorrupt} of them work with the coordinator.`,
  ];
  return { plan: { ...whole, epsilon: formatDecimal(planCost(whole as Plan).epsilon, "up") }, why };
}

function withModel(plan: PlannedNumbers, model: ModelSpec, cohort: number): PlannedNumbers {
  const [planned] = plan.releases as [Release];
  const dimension = trainedCount(model, plan.trained);
  return { ...plan, model, releases: [scaled({ ...planned, dimension, touched: dimension }, plan, cohort)] };
}

/** The integers, for so many nodes in a sum. */
function scaled(
  release: Release,
  { customerQuota, minCohort, maxCorrupt }: Pick<Plan, "customerQuota" | "minCohort" | "maxCorrupt">,
  cohort: number,
): Release {
  const { scale } = chooseScale({
    ...release,
    totalQuota: cohort * customerQuota,
    maxNodes: cohort,
    honestMinimum: minCohort - maxCorrupt,
  });
  return { ...release, scale: formatDecimal(Number(scale)) };
}

/** The same in few bits. The grid of a node's own sum is as fine as it can be: rounding to whole units comes after the rotation. */
function packed(
  release: Release,
  { minCohort, maxCorrupt }: Pick<Plan, "minCohort" | "maxCorrupt">,
  cohort: number,
  bits: PackedBits,
): Release {
  const { scale, mostSquared } = choosePackedSum({
    ...{ bits, dimension: release.dimension, clipNorm: Number(release.clipNorm) },
    ...{ noiseMultiplier: Number(release.noiseMultiplier), maxNodes: cohort, honestMinimum: minCohort - maxCorrupt },
  });
  return {
    ...release,
    ...{ scale: formatDecimal(scale), fractionBits: 20, packing: { bits, squaredSensitivity: mostSquared } },
  };
}

function packedReason(plan: Plan, bits: PackedBits): string {
  const { inflation } = sumQueryParameters(sumQueryOf(plan, 0));
  const { words, coordinates } = wireFormOf(plan, 0);
  const megabytes = (octets: number) => (octets / 1e6).toPrecision(3);
  return `Updates are sent in ${bits} bits a number, ${coordinates.toLocaleString("en-US")} of them: ${megabytes(4 * words)} MB a node. Rounding to that adds ${(100 * (inflation - 1)).toPrecision(2)} % to the noise.`;
}

/** A model of about so many parameters, for benchmarks: its items decide how many. */
export function modelOfSize(parameters: number): ModelSpec {
  const width = parameters < 50_000 ? 16 : 64;
  const sizeWith = (items: number) => parameterCount(modelSpec({ items, length: 32, width, blocks: 1, heads: 1 }));
  const perItem = sizeWith(2) - sizeWith(1);
  const items = Math.max(2, Math.round((parameters - sizeWith(1)) / perItem) + 1);
  return modelSpec({
    items,
    length: 32,
    width,
    blocks: 1,
    heads: 1,
    nextItem: { loss: "softmax", negatives: Math.min(256, items - 1), calibration: 0 },
  });
}
