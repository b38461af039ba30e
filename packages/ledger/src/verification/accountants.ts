/** What the rounds charged cost, by each accountant that can say something of such a plan: the certified ones, and what stands beside them. */
import { account, atSeveralMerchants } from "@tributary/dp";
import { isTributaryError } from "@tributary/errors";
import { type Decimal, formatDecimal, type Plan, parseDecimal, planCost } from "@tributary/protocol";
import type { VerificationState } from "./state.ts";

/** At the plan's δ; null where an accountant says nothing of such a plan. */
export interface CostByAccountant {
  /** Certified: it holds for the discrete noise that nodes draw. */
  readonly "rdp-integer": Decimal | null;
  /** Certified as well, of releases of everybody. */
  readonly lattice: Decimal | null;
  /** Of continuous noise with the same parameters: how much of the certified one is the accountant's own. Promises nothing. */
  readonly pld: Decimal | null;
}

/** Null before genesis and before anything was charged. */
export function accountantsOf({ genesis, charged }: VerificationState): CostByAccountant | null {
  if (genesis === null || charged.every((rounds) => rounds === 0)) return null;
  const { plan } = genesis;
  return {
    "rdp-integer": unlessRefused(() => planCost({ ...plan, accountant: "rdp-integer" }, charged).epsilon),
    lattice: unlessRefused(() => planCost({ ...plan, accountant: "lattice" }, charged).epsilon),
    pld: hasMoreThanRounds(plan) ? null : unlessRefused(() => byLosses(plan, charged)),
  };
}

/** What is paid beside rounds has no losses to convolve with theirs. */
const hasMoreThanRounds = ({ selection, catalogueParts, releases }: Plan): boolean =>
  selection !== undefined || catalogueParts !== undefined || releases.some(({ packing }) => packing !== undefined);

function byLosses(plan: Plan, charged: readonly number[]): number {
  let spent = account("pld");
  for (const [place, release] of plan.releases.entries()) {
    const rounds = charged[place] ?? 0;
    if (rounds === 0) continue;
    const [samplingRate, noiseMultiplier] = [parseDecimal(release.samplingRate), parseDecimal(release.noiseMultiplier)];
    const { steps, ...event } = atSeveralMerchants(
      { samplingRate, noiseMultiplier, steps: rounds },
      plan.maxMerchantsPerCustomer,
    );
    spent = spent.add({ kind: "gaussian", ...event }, steps);
  }
  return spent.epsilon(parseDecimal(plan.delta)).epsilon;
}

function unlessRefused(epsilon: () => number): Decimal | null {
  try {
    return formatDecimal(epsilon(), "up") as Decimal;
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    return null;
  }
}
