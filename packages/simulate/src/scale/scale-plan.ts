/**
 * The plan of a federation of thousands of nodes of which a few take part in each round. It is the ordinary planner's, for a cohort instead of
 * the whole federation: noise shares, clamp and scale are those of the nodes in one sum, and the mean is over the customers expected there.
 * Choosing the cohort at random would amplify privacy; nothing of that is claimed, because the coordinator chooses it (DESIGN §4).
 */
import { calibrateNoise, chooseScale } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { type ModelSpec, modelSpec, parameterCount, trainedCount } from "@tributary/model";
import { formatDecimal, type Plan, planCost, type Release } from "@tributary/protocol";
import { choosePlan, type PlannedNumbers, type PlanRequest } from "../planner/choose-plan.ts";

export interface ScalePlanRequest extends Omit<PlanRequest, "merchants" | "statistics"> {
  readonly nodes: number;
  /** Nodes invited to a round. */
  readonly cohort: number;
  /** `node`: every node is one protected unit, and its whole local update is clipped. */
  readonly unit: "customer" | "node";
  /** Unit `node` only. */
  readonly local: { readonly epochs: number; readonly batchSize: number; readonly learningRate: number };
  /** A bound on the mean update that the server's steps are made of (`optimiser.updateNorm`). */
  readonly updateNorm?: number;
  /** The model instead of the planner's choice. */
  readonly model?: ModelSpec;
}

/** @throws TRB_SIMULATE_BATCH_TOO_LARGE, and what `choosePlan` throws */
export function scalePlan(request: ScalePlanRequest): { readonly plan: PlannedNumbers; readonly why: readonly string[] } {
  const { nodes, cohort, unit, customers } = request;
  const expected = Math.floor((customers * cohort) / nodes);
  const least = unit === "node" ? cohort : Math.max(cohort, 2);
  if (customers < nodes || expected < least) {
    throw fail("TRB_SIMULATE_BATCH_TOO_LARGE", { customers, nodes, cohort, batch: request.local.batchSize });
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
  { cohort, local, epsilon, delta }: ScalePlanRequest,
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
  const whole: PlannedNumbers = {
    ...plan,
    ...{ unit: "node", model, customerQuota: 1, minCustomers: cohort },
    releases: [scaled(release, { ...plan, customerQuota: 1 }, cohort)],
    local: { ...plan.local, epochs: local.epochs, batchSize: local.batchSize, learningRate: formatDecimal(local.learningRate) },
    caps: { ...plan.caps, maxEvents: Math.max(plan.caps.maxEvents, model.length + 1) },
  };
  const why = [
    `Every node is protected as a whole: its update of ${local.epochs} ${local.epochs === 1 ? "pass" : "passes"} over its customers is clipped to ${Number(planned.clipNorm)}.`,
    `Who takes part is seen, so nothing is gained by drawing nodes: ${rounds} rounds at noise multiplier ${noiseMultiplier} cost a node that is in all of them ε = ${epsilon}.`,
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
