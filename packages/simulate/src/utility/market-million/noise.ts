/** What is released on the way to each model, how much noise it has, and what it costs: one budget for each way. */
import { calibrateNoise, chooseScale, epsilonOfAll, type SampledGaussian } from "@tributary/dp";
import type { Catalogue } from "@tributary/events";
import { trainedCount } from "@tributary/model";
import { type Crypto, formatDecimal, type Plan, planCost, type Release } from "@tributary/protocol";
import { planDocument } from "../../plan-document.ts";
import { choosePlan, type PlannedNumbers } from "../../planner/choose-plan.ts";
import { coordinatorKeyOf } from "../../scale/secure-path.ts";
import { noiseMultiplierOfAll } from "../budget.ts";
import type { MillionSettings } from "./settings.ts";

/** z of statistics that have ε to themselves, and of those that training begins from, each as if it were one release. */
export interface StatisticsNoise {
  readonly alone: number;
  readonly before: number;
}

/** The lattice theorem, which is kinder to what is released without sampling: statistics alone get all that there is to get. */
export function statisticsNoise({ epsilon, delta, statisticsShare }: MillionSettings): StatisticsNoise {
  const alone = noiseMultiplierOfAll("lattice", epsilon, delta);
  return { alone, before: Math.ceil((1e6 * alone) / Math.sqrt(statisticsShare)) / 1e6 };
}

/**
 * The plan of the training rounds: the ordinary planner's for all merchants at once, with this measurement's model and numbers. Its noise leaves room
 * for the statistics in ε.
 * @throws TRB_PLAN_DELTA_TOO_LARGE unless δ is below 1 over the customers, and what planning throws
 */
export function trainingPlan(settings: MillionSettings, catalogue: Catalogue, crypto: Crypto, seed: Uint8Array): Plan {
  const { market, nodes, epsilon, delta, model, training } = settings;
  const { rounds, clipNorm, optimiser } = training;
  const samplingRate = training.cohort / market.customers;
  const { plan } = choosePlan({
    ...{ catalogueItems: market.items, customers: market.customers, merchants: nodes, epsilon, delta, rounds, samplingRate },
    ...{ clipNorm, minCohort: nodes, maxCorrupt: 0 },
  });
  const [planned] = plan.releases as [Release];
  const noise = calibrateNoise({ epsilon, delta, samplingRate, steps: rounds, besides: [statisticsEvent(settings)] });
  const dimension = trainedCount(model, settings.trained);
  const release = {
    ...{ ...planned, dimension, touched: dimension },
    noiseMultiplier: formatDecimal(noise, "up"),
  };
  const { scale } = chooseScale({
    ...{ ...release, totalQuota: nodes * plan.customerQuota, maxNodes: nodes, honestMinimum: nodes },
  });
  const numbers: PlannedNumbers = {
    ...{ ...plan, model, trained: [...settings.trained] },
    caps: { ...plan.caps, maxEvents: model.length + 1, maxItems: model.length + 1 },
    releases: [{ ...release, scale: formatDecimal(Number(scale)) }],
    optimiser: {
      ...{ name: "dpadam", learningRate: formatDecimal(optimiser.learningRate) },
      ...{ beta1: formatDecimal(optimiser.beta1), beta2: formatDecimal(optimiser.beta2) },
      floor: formatDecimal(((optimiser.floor * noise * clipNorm) / training.cohort) ** 2),
    },
  };
  const whole = { ...numbers, epsilon: formatDecimal(planCost(numbers as Plan).epsilon, "up") };
  const identity = { federation: "market-1m", coordinatorKey: coordinatorKeyOf(crypto, seed), catalogue };
  return planDocument(crypto, whole, { ...identity, catalogueProvenance: "public" });
}

/** ε of the statistics before and of all training rounds together, by `rdp-integer`. */
export function spentOnAttention(settings: MillionSettings, plan: Plan): number {
  const { delta, training, market } = settings;
  const noiseMultiplier = Number(plan.releases[0]?.noiseMultiplier);
  const rounds = { samplingRate: training.cohort / market.customers, noiseMultiplier, steps: training.rounds };
  return epsilonOfAll([statisticsEvent(settings), rounds], delta);
}

/** Budgets add as 1/σ²: for Rényi at integer orders all the statistics are one release. */
function statisticsEvent(settings: MillionSettings): SampledGaussian {
  return { samplingRate: 1, noiseMultiplier: statisticsNoise(settings).before, steps: 1 };
}
