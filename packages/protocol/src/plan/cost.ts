/**
 * What a plan's rounds cost in privacy: the one place where a plan meets an accountant, so that linter, node, ledger and verifier can't
 * differ. Rényi divergences add up over rounds and releases; ε follows from them at the plan's δ, or, by the accountant `lattice`, from the curve of
 * Gaussian noise (`lattice.ts`). A person at k merchants is paid for in the sensitivity (k·Δ, `sumQueryParameters`); that the merchants sample apart from
 * each other is paid for here (`atSeveralMerchants`).
 */
import {
  atSeveralMerchants,
  composeRdp,
  epsilonFromRdp,
  type LatticeRelease,
  latticeGaussianEpsilon,
  rdpIntegerOrders,
  rdpVector,
  type SampledGaussian,
} from "@tributary/dp";
import { parseDecimal } from "../canonical/decimals.ts";
import { type PartsCost, partsCost } from "./catalogue-parts.ts";
import { latticeReleases } from "./lattice.ts";
import { packedRound } from "./packing.ts";
import type { Plan, Release } from "./schema.ts";
import { selectionRdp } from "./selection.ts";

export interface PlanCost {
  /** Rényi orders of `rdp-integer`. */
  readonly orders: readonly number[];
  /** `[orders]` nats; they hold by either accountant. */
  readonly rdp: readonly number[];
  /** At `plan.delta`, by `plan.accountant`. */
  readonly epsilon: number;
}

/**
 * @param charged rounds charged for each place in `plan.releases`; without it all that the plan permits
 * @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_EPSILON_UNBOUNDED,
 *   TRB_DP_PARAMETER_INVALID for a selection that can't have been; by `lattice` also TRB_PLAN_LATTICE_UNFIT; by it, and where a release is packed, the codes of `sumQueryParameters`
 */
export function planCost(plan: Plan, charged: readonly number[] = plan.releases.map(({ rounds }) => rounds)): PlanCost {
  const perRound = roundCosts(plan);
  const rounds = perRound.map((costs, release) => costs.map((cost) => times(charged[release] ?? 0, cost)));
  // paid before the first round, so that it is spent whatever was charged since
  const others = composeRdp(...rounds, ...(plan.selection === undefined ? [] : [selectionRdp(plan.selection)]));
  const parts = partsCost(plan);
  const rdp = parts === undefined ? others : composeRdp(others, parts.rdp);
  const epsilon = parts === undefined ? epsilonOf(plan, charged, rdp) : withParts(plan, charged, { others, rdp, parts });
  return { orders: rdpIntegerOrders, rdp, epsilon };
}

function epsilonOf(plan: Plan, charged: readonly number[], rdp: readonly number[], delta = parseDecimal(plan.delta)): number {
  if (plan.accountant === "rdp-integer") return epsilonFromRdp(rdpIntegerOrders, rdp, delta).epsilon;
  const ran = latticeOf(plan).map((release, place) => ({ ...release, count: charged[place] ?? 0 }));
  return latticeGaussianEpsilon(ran, delta);
}

/** Beside what a customer paid for being listed: both ε at what that left of δ, added as they are, or by their divergences where that is less. */
function withParts(
  plan: Plan,
  charged: readonly number[],
  { others, rdp, parts }: { readonly others: readonly number[]; readonly rdp: readonly number[]; readonly parts: PartsCost },
): number {
  const left = (parseDecimal(plan.delta) - parts.delta) * (1 - 1e-12); // nothing left is refused where it is looked at
  const { epsilon: alone } = epsilonFromRdp(rdpIntegerOrders, parts.rdp, left);
  if (charged.every((rounds) => rounds === 0) && plan.selection === undefined) return Math.min(alone, parts.epsilon);
  const added = epsilonOf(plan, charged, others, left) + parts.epsilon;
  return plan.accountant === "lattice" ? added : Math.min(added, epsilonOf(plan, charged, rdp, left));
}

/** Nothing charged costs nothing, even where one round would cost infinitely much. */
const times = (rounds: number, cost: number) => (rounds === 0 ? 0 : rounds * cost);

/** A verifier asks once an entry; a plan object never changes. */
const known = new WeakMap<Plan, readonly (readonly number[])[]>();

/** `[releases][orders]` nats that one round of each release costs. */
function roundCosts(plan: Plan): readonly (readonly number[])[] {
  const costs = known.get(plan) ?? plan.releases.map((release, place) => roundCost(plan, release, place));
  known.set(plan, costs);
  return costs;
}

const roundCost = (plan: Plan, release: Release, place: number) =>
  release.packing === undefined ? rdpVector(chargedFor(plan, release, 1)) : packedRound(plan, place);

const knownLattices = new WeakMap<Plan, readonly LatticeRelease[]>();

function latticeOf(plan: Plan): readonly LatticeRelease[] {
  const releases = knownLattices.get(plan) ?? latticeReleases(plan);
  knownLattices.set(plan, releases);
  return releases;
}

/** What the accountant takes for so many rounds of a release: of one customer at all the merchants that the plan allows for. */
export function chargedFor(plan: Plan, { samplingRate, noiseMultiplier }: Release, rounds: number): SampledGaussian {
  const event = { samplingRate: parseDecimal(samplingRate), noiseMultiplier: parseDecimal(noiseMultiplier), steps: rounds };
  return atSeveralMerchants(event, plan.maxMerchantsPerCustomer);
}
