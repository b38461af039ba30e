/** What runs in a round, as its entry states it: a function of the plan alone. */
import { sumQueryParameters, toDecimal } from "@tributary/dp";
import { type Decimal, type Plan, releaseOf, sumQueryOf } from "@tributary/protocol";
import type { Mechanism } from "./entries.ts";

/**
 * The `mechanism` block of a round's entry.
 * @param place in `plan.releases`
 * @throws TRB_PLAN_RELEASE_UNKNOWN, TRB_PLAN_CENTRAL_NOISE, and the codes of `sumQueryParameters`
 */
export function mechanismOf(plan: Plan, place: number): Mechanism {
  const before = known.get(plan)?.get(place);
  if (before !== undefined) return before;
  const mechanism = computed(plan, place);
  known.set(plan, new Map([...(known.get(plan) ?? []), [place, mechanism]]));
  return mechanism;
}

/** Every entry of a ledger is held to it; a plan object never changes. */
const known = new WeakMap<Plan, ReadonlyMap<number, Mechanism>>();

function computed(plan: Plan, place: number): Mechanism {
  const { samplingRate, noiseMultiplier } = releaseOf(plan, place);
  const { sensitivity, nodeVariance, honestNodes, packed } = sumQueryParameters(sumQueryOf(plan, place));
  return {
    name: "poisson-discrete-gaussian",
    sampler: plan.sampler,
    sensitivity: toDecimal(sensitivity, "up") as Decimal,
    nodeVariance: toDecimal(nodeVariance, "up") as Decimal,
    honestNodes,
    samplingRate,
    noiseMultiplier,
    ...(packed === undefined ? {} : { bits: packed.bits }),
  };
}
