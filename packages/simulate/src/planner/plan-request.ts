/** What is asked of the planner: what is publicly known of a federation, and what is wished. What no plan could give is refused before one is looked for. */
import { fail } from "@tributary/errors";
import type { StatisticsRecipe } from "@tributary/model";
import type { CataloguePart, Plan, PlanSelection } from "@tributary/protocol";
import type { Cohort } from "./cohort.ts";
import type { ModelWishes } from "./model-size.ts";

export interface PlanRequest extends ModelWishes {
  readonly catalogueItems: number;
  /** Declared lower bound on the federation's customers. */
  readonly customers: number;
  readonly merchants: number;
  /** The most that all rounds together may cost. */
  readonly epsilon: number;
  readonly delta: number;
  /** Most rounds that may be charged, retries included. */
  readonly rounds?: number;
  readonly width?: number;
  /** Chance that a customer takes part in a round of training. */
  readonly samplingRate?: number;
  readonly clipNorm?: number;
  /** k: the most merchants that one person is a customer of; 1 unless given. ε holds for the person at all of them together. */
  readonly merchantsPerCustomer?: number;
  readonly minCohort?: number;
  readonly maxCorrupt?: number;
  /** Whose sampler draws the noise; ours unless given. */
  readonly sampler?: Plan["sampler"];
  /** What ε is added up by; `rdp-integer` unless given. */
  readonly accountant?: Plan["accountant"];
  /** How the recipe was chosen by looking at customers' data, if it was: ε pays for it. */
  readonly selection?: PlanSelection;
  /** Whose parts the catalogue is made of, with what selecting them cost: ε pays for it. */
  readonly catalogueParts?: readonly CataloguePart[];
  /** Statistics first; without it everything is spent on training. */
  readonly statistics?: StatisticsWishes;
}

export interface StatisticsWishes {
  /** Default: the one found for the ε that is nearest. */
  readonly recipe?: StatisticsRecipe;
  /** What part of the budget, in 1/σ², is left for training; default none. */
  readonly trainingShare?: number;
  /** Retries reserved for each statistic that is released once; default none. */
  readonly retries?: number;
  /** How training begins from what was released; default `usualWarmStart`, where something is trained and the model can be taught by walks. */
  readonly warmStart?: Plan["warmStart"] | "none";
}

/**
 * Of each wish by itself, and of those that contradict each other.
 * @throws TRB_PLAN_EPSILON_NOT_POSITIVE, TRB_PLAN_DELTA_NOT_POSITIVE, TRB_PLAN_DELTA_TOO_LARGE, TRB_PLAN_VALUE_OUT_OF_RANGE, TRB_PLAN_LATTICE_UNFIT
 */
export function checkRequest(request: PlanRequest): void {
  const { catalogueItems, customers, merchants, epsilon, delta, rounds, width, merchantsPerCustomer = 1 } = request;
  if (!(epsilon > 0 && Number.isFinite(epsilon))) throw fail("TRB_PLAN_EPSILON_NOT_POSITIVE");
  if (!(delta > 0)) throw fail("TRB_PLAN_DELTA_NOT_POSITIVE");
  const counts = {
    ...{ catalogueItems, customers, merchants, merchantsPerCustomer },
    ...{ rounds: rounds ?? 1, width: width ?? 1 },
  };
  for (const [path, value] of Object.entries(counts)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw fail("TRB_PLAN_VALUE_OUT_OF_RANGE", { path, value, expected: "a whole number from 1 on" });
    }
  }
  if (merchantsPerCustomer > merchants) {
    const details = { path: "maxMerchantsPerCustomer", value: merchantsPerCustomer };
    throw fail("TRB_PLAN_VALUE_OUT_OF_RANGE", { ...details, expected: `at most the number of merchants, ${merchants}` });
  }
  checkPart("samplingRate", request.samplingRate, 1);
  checkPart("clipNorm", request.clipNorm, 1e6);
  if (request.accountant === "lattice" && request.selection !== undefined) {
    throw fail("TRB_PLAN_LATTICE_UNFIT", { reason: "its recipe was chosen privately, which only Rényi divergences bound" });
  }
  if (delta * customers >= 1) throw fail("TRB_PLAN_DELTA_TOO_LARGE", { delta, customers });
}

function checkPart(path: string, value: number | undefined, most: number): void {
  if (value === undefined || (value > 0 && value <= most)) return;
  throw fail("TRB_PLAN_VALUE_OUT_OF_RANGE", { path, value, expected: `above 0 and at most ${most}` });
}

/** @throws TRB_PLAN_COHORT_ABOVE_NODES, TRB_PLAN_TOO_MANY_CORRUPT, TRB_PLAN_COHORT_TOO_SMALL */
export function checkCohort({ minCohort, maxCorrupt, quorum }: Cohort, merchants: number): void {
  if (minCohort > merchants) throw fail("TRB_PLAN_COHORT_ABOVE_NODES", { minCohort, nodes: merchants });
  if (maxCorrupt >= minCohort || maxCorrupt >= quorum) throw fail("TRB_PLAN_TOO_MANY_CORRUPT", { maxCorrupt, minCohort });
  const least = Math.max(3, quorum);
  if (minCohort < least) throw fail("TRB_PLAN_COHORT_TOO_SMALL", { minCohort, least });
}
