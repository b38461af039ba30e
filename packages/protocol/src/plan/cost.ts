/**
 * What a plan's rounds cost in privacy, and which numbers its sum queries run on: the one place where a plan meets `dp`, so
 * that linter, node, ledger and verifier can't differ. Rényi divergences add up over rounds and releases; ε follows at the
 * plan's δ. A person at k merchants is paid for in the sensitivity (k·Δ, `sumQueryParameters`); that the merchants sample apart from
 * each other is paid for here (`atSeveralMerchants`).
 */
import {
  atSeveralMerchants,
  composeRdp,
  epsilonFromRdp,
  rdpIntegerOrders,
  rdpVector,
  type SampledGaussian,
  type SumQueryPlan,
} from "@tributary/dp";
import { fail } from "@tributary/errors";
import { parseDecimal } from "../canonical/decimals.ts";
import type { Plan, Release } from "./schema.ts";
import { selectionRdp } from "./selection.ts";

export interface PlanCost {
  /** Rényi orders of the accountant. */
  readonly orders: readonly number[];
  /** `[orders]` nats. */
  readonly rdp: readonly number[];
  /** At `plan.delta`. */
  readonly epsilon: number;
}

/**
 * @param charged rounds charged for each place in `plan.releases`; without it all that the plan permits
 * @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_EPSILON_UNBOUNDED,
 *   TRB_DP_PARAMETER_INVALID for a selection that can't have been
 */
export function planCost(plan: Plan, charged: readonly number[] = plan.releases.map(({ rounds }) => rounds)): PlanCost {
  const perRound = roundCosts(plan);
  const rounds = perRound.map((costs, release) => costs.map((cost) => times(charged[release] ?? 0, cost)));
  // paid before the first round, so that it is spent whatever was charged since
  const rdp = composeRdp(...rounds, ...(plan.selection === undefined ? [] : [selectionRdp(plan.selection)]));
  return { orders: rdpIntegerOrders, rdp, epsilon: epsilonFromRdp(rdpIntegerOrders, rdp, parseDecimal(plan.delta)).epsilon };
}

/** Nothing charged costs nothing, even where one round would cost infinitely much. */
const times = (rounds: number, cost: number) => (rounds === 0 ? 0 : rounds * cost);

/** A verifier asks once an entry; a plan object never changes. */
const known = new WeakMap<Plan, readonly (readonly number[])[]>();

/** `[releases][orders]` nats that one round of each release costs. */
function roundCosts(plan: Plan): readonly (readonly number[])[] {
  const costs = known.get(plan) ?? plan.releases.map((release) => rdpVector(chargedFor(plan, release, 1)));
  known.set(plan, costs);
  return costs;
}

/** What the accountant takes for so many rounds of a release: of one customer at all the merchants that the plan allows for. */
export function chargedFor(plan: Plan, { samplingRate, noiseMultiplier }: Release, rounds: number): SampledGaussian {
  const event = { samplingRate: parseDecimal(samplingRate), noiseMultiplier: parseDecimal(noiseMultiplier), steps: rounds };
  return atSeveralMerchants(event, plan.maxMerchantsPerCustomer);
}

/** The release at a place of the plan. @throws TRB_PLAN_RELEASE_UNKNOWN */
export function releaseOf(plan: Plan, place: number): Release {
  const release = plan.releases[place];
  if (release === undefined) throw fail("TRB_PLAN_RELEASE_UNKNOWN", { place, releases: plan.releases.length });
  return release;
}

/**
 * What `sumQueryParameters` of `dp` takes, for one release.
 * @throws TRB_PLAN_RELEASE_UNKNOWN, TRB_PLAN_CENTRAL_NOISE: central noise is not a node's business
 */
export function sumQueryOf(plan: Plan, place: number): SumQueryPlan {
  const { arithmetic, clipNorm, scale, fractionBits, dimension, touched, samplingRate, noiseMultiplier } = releaseOf(
    plan,
    place,
  );
  const { minCohort, maxCorrupt, customerQuota, maxMerchantsPerCustomer, noiseMode } = plan;
  if (noiseMode === "central") throw fail("TRB_PLAN_CENTRAL_NOISE");
  return {
    arithmetic,
    clipNorm,
    scale,
    fractionBits,
    dimension,
    touched,
    samplingRate,
    noiseMultiplier,
    minCohort,
    maxCorrupt,
    customerQuota,
    maxMerchantsPerCustomer,
    noiseMode,
  };
}
