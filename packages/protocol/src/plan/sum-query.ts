/** Which numbers the plan's sum queries run on. */
import type { SumQueryPlan } from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Plan, Release } from "./schema.ts";

/** The release at a place of the plan. @throws TRB_PLAN_RELEASE_UNKNOWN */
export function releaseOf(plan: Pick<Plan, "releases">, place: number): Release {
  const release = plan.releases[place];
  if (release === undefined) throw fail("TRB_PLAN_RELEASE_UNKNOWN", { place, releases: plan.releases.length });
  return release;
}

/**
 * What `sumQueryParameters` of `dp` takes, for one release.
 * @throws TRB_PLAN_RELEASE_UNKNOWN, TRB_PLAN_CENTRAL_NOISE: central noise is not a node's business
 */
export function sumQueryOf(plan: Plan, place: number): SumQueryPlan {
  const { arithmetic, clipNorm, scale, fractionBits, dimension, touched, samplingRate, noiseMultiplier, packing } = releaseOf(
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
    ...(packing === undefined ? {} : { packing }),
  };
}
