/**
 * Budgets that are kept before they are passed, and running totals that hold at any moment.
 *
 * - `budgetFilter`: for a schedule of events fixed in advance, of which an unknown part runs. Any accountant: the whole schedule that was
 *   charged keeps the budget, and what really ran is a part of it.
 * - `concentratedFilter`: events may be chosen by what earlier ones told. Sums ρ; an (ε₀, δ₀) release counts as ρ = ε₀²/2 and δ₀. Valid because
 *   divergences of every fixed order add up under adaptive choice while their sum stays below a constant.
 * - `renyiFilter`: the same at one order that is fixed in advance, for sampled events.
 * - `concentratedOdometer`: no budget; its ε holds at all moments together, so that stopping may depend on what was seen.
 *
 * Source: Rogers, Roth, Ullman, Vadhan (2016); Feldman, Zrnic, "Individual Privacy Accounting via a Rényi Filter" (2021), Theorem 4.5;
 * Whitehouse, Ramdas, Rogers, Wu, "Fully-Adaptive Composition in Differential Privacy" (2023), Theorems 1 and 6.
 */
import { fail } from "@tributary/errors";
import { type Account, type AccountantName, type AccountOptions, account, rhoOf } from "./account.ts";
import { isSampled, type PrivacyEvent, type Releases, releasesOf } from "./events.ts";
import { checkDelta } from "./orders.ts";
import { boundsByRenyi, totalRdp } from "./renyi/accountant.ts";
import { rhoFor } from "./zcdp.ts";

/** What a filter keeps. */
export interface PrivacyBudget {
  readonly epsilon: number;
  readonly delta: number;
}

/** A value: charging gives a new filter, refusing changes nothing. */
export interface Filter {
  readonly budget: PrivacyBudget;
  /** Whether the event still fits. @throws as `charge`, but not for the budget */
  admits(event: PrivacyEvent, count?: number): boolean;
  /** @throws TRB_DP_BUDGET_EXCEEDED, TRB_DP_EVENT_UNSUPPORTED, the codes of `releasesOf` */
  charge(event: PrivacyEvent, count?: number): Filter;
}

/** For schedules fixed in advance, by any accountant. @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID */
export function budgetFilter(accountant: AccountantName, budget: PrivacyBudget, options: AccountOptions = {}): Filter {
  checkBudget(budget);
  const holding = (spent: Account): Filter => ({
    budget,
    admits: (event, count) => keeps(spent.add(event, count), budget),
    charge(event, count) {
      const after = spent.add(event, count);
      return keeps(after, budget) ? holding(after) : exceeded(budget);
    },
  });
  return holding(account(accountant, options));
}

/** Whether an account keeps a budget: asked as δ at ε, which is always a number. */
const keeps = (spent: Account, { epsilon, delta }: PrivacyBudget): boolean => spent.delta(epsilon).delta <= delta;

/** What a filter adds up: named quantities that must each stay at or below a constant. */
function additive(
  budget: PrivacyBudget,
  limits: readonly number[],
  costs: (releases: readonly Releases[]) => readonly number[],
): Filter {
  const holding = (spent: readonly number[]): Filter => {
    const after = (event: PrivacyEvent, count?: number) => {
      const more = costs(releasesOf(event, count));
      return spent.map((value, i) => addUp(value, more[i] as number));
    };
    const fits = (sums: readonly number[]) => sums.every((sum, i) => sum <= (limits[i] as number));
    return {
      budget,
      admits: (event, count) => fits(after(event, count)),
      charge(event, count) {
        const sums = after(event, count);
        return fits(sums) ? holding(sums) : exceeded(budget);
      },
    };
  };
  return holding(limits.map(() => 0));
}

/** A sum rounded up: long sequences of small charges must not slip through. */
const addUp = (a: number, b: number): number => (b === 0 ? a : (a + b) * (1 + Number.EPSILON));

/**
 * For events chosen adaptively, without sampling.
 * @param ownDelta the part of δ that is kept for releases with a δ of their own; 0 unless given
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function concentratedFilter(budget: PrivacyBudget, ownDelta = 0): Filter {
  checkBudget(budget);
  if (!(ownDelta >= 0 && ownDelta < budget.delta)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "ownDelta", value: ownDelta, expected: "from 0 to below δ" });
  }
  const limits = [rhoFor(budget.epsilon, budget.delta - ownDelta), ownDelta];
  return additive(budget, limits, (releases) => {
    refuseSampled(releases, "concentrated filter");
    const delta = releases.reduce((sum, { event, count }) => sum + (event.kind === "approximate" ? count * event.delta : 0), 0);
    return [rhoOf(releases), delta];
  });
}

/** For sampled events chosen adaptively, at one order. @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_PARAMETER_INVALID */
export function renyiFilter(budget: PrivacyBudget, order: number): Filter {
  checkBudget(budget);
  if (!(order > 1 && order <= 1e6)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "order", value: order, expected: "above 1" });
  }
  // ε = r + ln(1 − 1/α) − ln(δα)/(α − 1), solved for r
  const limit = budget.epsilon - Math.log1p(-1 / order) + Math.log(budget.delta * order) / (order - 1);
  const orders = [order];
  const kind = Number.isInteger(order) ? "integer" : "real";
  return additive(budget, [limit], (releases) => {
    for (const { event } of releases)
      if (!boundsByRenyi(event, kind)) unsupported(`Rényi filter at order ${order}`, event.kind);
    return totalRdp(releases, orders);
  });
}

/** A running ε that holds at every moment; a value. */
export interface Odometer {
  readonly delta: number;
  /** ε spent so far: with probability 1 − δ no moment's loss passes that moment's ε. */
  readonly epsilon: number;
  /** @throws TRB_DP_EVENT_UNSUPPORTED, the codes of `releasesOf` */
  charge(event: PrivacyEvent, count?: number): Odometer;
}

/**
 * A running ε for events chosen adaptively, without sampling and without a δ of their own.
 *
 *   ε = ρ + √((2ρ + γ)·(ln(1 + 2ρ/γ) + 2 ln(1/δ)))
 *
 * The privacy loss minus ρ, with variance 2ρ, is sub-Gaussian at every step: E e^{λL} ≤ e^{λ(λ+1)ρ}. Mixed over λ > 0 with a half-normal weight of
 * precision γ it is a supermartingale, and Ville's inequality holds for all moments at once.
 *
 * @param expectedRho where the bound is tightest; any value is valid
 * @throws TRB_DP_DELTA_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function concentratedOdometer(delta: number, expectedRho = 1): Odometer {
  checkDelta(delta);
  if (!(expectedRho > 0 && Number.isFinite(expectedRho))) {
    throw fail("TRB_DP_PARAMETER_INVALID", {
      parameter: "expectedRho",
      value: expectedRho,
      expected: "a finite number above 0",
    });
  }
  const confidence = -2 * Math.log(delta);
  const precision = (2 * expectedRho) / (confidence + Math.log1p(confidence));
  const at = (rho: number): Odometer => ({
    delta,
    epsilon: rho === 0 ? 0 : rho + Math.sqrt((2 * rho + precision) * (Math.log1p((2 * rho) / precision) + confidence)),
    charge(event, count) {
      const releases = releasesOf(event, count);
      refuseSampled(releases, "odometer");
      for (const { event: atom } of releases) {
        if (atom.kind === "approximate" && atom.delta > 0) unsupported("odometer", "a release with a δ of its own");
      }
      return at(addUp(rho, rhoOf(releases)));
    },
  });
  return at(0);
}

function refuseSampled(releases: readonly Releases[], accountant: string): void {
  for (const { event } of releases) {
    if (isSampled(event)) unsupported(accountant, `${event.kind} noise on sampled customers`);
  }
}

function unsupported(accountant: string, event: string): never {
  throw fail("TRB_DP_EVENT_UNSUPPORTED", { accountant, event, others: "renyiFilter at an integer order, budgetFilter" });
}

function exceeded({ epsilon, delta }: PrivacyBudget): never {
  throw fail("TRB_DP_BUDGET_EXCEEDED", { epsilon, delta });
}

function checkBudget({ epsilon, delta }: PrivacyBudget): void {
  if (!(epsilon > 0 && Number.isFinite(epsilon))) throw fail("TRB_DP_EPSILON_INVALID", { epsilon });
  checkDelta(delta);
}
