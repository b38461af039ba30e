/**
 * One home's part in the budget that its policy names, if it names one. The running node asks it in this order, each step synced before the next:
 *
 *   follow (policy as it is, everything this home was ever charged) ─▶ reserve (an offer that the reducer would accept) ─▶
 *   record (with the charge, before the vector leaves) ─▶ record (settled)      or, where nothing was paid: release
 *
 * node.sqlite is written before `record`, and holds what a crash kept from getting there; the reservation counts meanwhile. So at no moment does the
 * shared file know of less than what may have left this home.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { TributaryError } from "@tributary/errors";
import type { Charge, NodeState } from "@tributary/federation";
import { fingerprintOf } from "@tributary/protocol";
import type { Home } from "../home/open.ts";
import type { Policy } from "../policy-document.ts";
import { selectionsOf } from "../selected-parts.ts";
import { besideCosts, type SharedCost, type SharedHome, sharedCosts, sharedRefusal } from "./contents.ts";
import { openSharedBudget, type SharedBudget } from "./file.ts";

export interface BudgetShare {
  /**
   * Takes part in the budget that the policy names now, with everything charged so far.
   * @throws TRB_NODE_BUDGET_UNREADABLE, TRB_NODE_HOME_UNWRITABLE
   */
  follow(policy: Policy, charges: readonly Charge[]): void;
  /** @throws TRB_POLICY_SHARED_BUDGET_EXCEEDED, TRB_NODE_BUDGET_UNREADABLE */
  reserve(round: { readonly number: number; readonly release: number }, now: string): void;
  /** Why such a reservation would be refused. Changes nothing. @throws TRB_NODE_BUDGET_UNREADABLE */
  refusalOf(round: { readonly number: number; readonly release: number }, now: string): TributaryError | undefined;
  /** A charge as it is now. @throws TRB_NODE_HOME_UNWRITABLE, TRB_NODE_BUDGET_UNREADABLE */
  record(charge: Charge): void;
  /** Gives back what is reserved for rounds that this node was in and can never pay for any more. */
  releaseUnpaid(state: Pick<NodeState, "charges" | "lastRound" | "round">): void;
  close(): void;
}

/** What a home is called in a shared budget, and what it permits. */
export function sharedHomeOf({ crypto, identity, membership }: Home, policy: Policy): SharedHome {
  const { maxEpsilon, delta, budget } = policy;
  return {
    home: fingerprintOf(crypto, identity.first),
    ...{ federation: membership.federation, node: membership.node, plan: membership.planHash },
    limits: { maxEpsilon, delta, periodDays: budget.periodDays },
  };
}

/** Where a policy's shared budget is: relative to the home, if it doesn't say; undefined where it shares none. */
export function sharedFileOf({ layout }: Pick<Home, "layout">, { budget: { file } }: Policy): string | undefined {
  return file === null ? undefined : resolve(layout.home, file);
}

/** All that this home's releases cost, and what it paid beside its plan. */
export function costsOf(home: Home): SharedCost[] {
  const { plan, membership, crypto, identity } = home;
  const beside = selectionsOf(home).filter(({ inPlan }) => !inPlan);
  return [...sharedCosts(plan, membership.planHash), ...besideCosts(fingerprintOf(crypto, identity.first), beside)];
}

export function shareBudget(home: Home): BudgetShare {
  let shared: SharedBudget | undefined;
  let own: SharedHome | undefined;
  let costs: readonly SharedCost[] | undefined;

  const close = () => {
    shared?.close();
    shared = undefined;
  };

  return {
    follow(policy, charges) {
      const file = sharedFileOf(home, policy);
      if (shared !== undefined && shared.file !== file) close();
      if (file === undefined) return;
      shared ??= openSharedBudget(file);
      own = sharedHomeOf(home, policy);
      costs ??= costsOf(home);
      shared.enrol(own, costs, charges);
    },
    reserve({ number, release }, now) {
      if (shared === undefined || own === undefined) return;
      shared.reserve({ home: own.home, plan: own.plan, round: number, release }, now);
    },
    refusalOf({ number, release }, now) {
      if (shared === undefined || own === undefined) return undefined;
      const { home: key, plan: hash } = own;
      const round = { home: key, plan: hash, round: number, release };
      return sharedRefusal({ ...shared.contents(), file: shared.file }, round, now);
    },
    record(charge) {
      if (shared === undefined || own === undefined) return;
      shared.enrol(own, costs ?? [], [charge]);
    },
    releaseUnpaid({ charges, lastRound, round }) {
      if (shared === undefined || own === undefined) return;
      const { home: key } = own;
      const paid = new Set(charges.map((charge) => charge.round));
      const underWay = round !== null && round.phase !== "left" ? round.number : undefined;
      for (const { home: owner, round: number, standing } of shared.contents().charges) {
        if (owner !== key || standing !== "reserved" || paid.has(number)) continue;
        // a number beyond what this store knows was reserved in a life that it has lost: that stays
        if (number <= lastRound && number !== underWay) shared.release(key, number);
      }
    },
    close,
  };
}

/** Enters a home into the budget that its policy names, which is made where there is none: the merchant says so. */
export function enterBudget(home: Home, policy: Policy, charges: readonly Charge[]): void {
  const file = sharedFileOf(home, policy);
  if (file === undefined) return;
  const shared = openSharedBudget(file, { create: true });
  try {
    shared.enrol(sharedHomeOf(home, policy), costsOf(home), charges);
  } finally {
    shared.close();
  }
}

/** Takes a home's limit out of a budget that its policy names no longer. A file that is gone has none. */
export function leaveBudget(home: Home, before: Policy, after: Policy): void {
  const file = sharedFileOf(home, before);
  if (file === undefined || file === sharedFileOf(home, after) || !existsSync(file)) return;
  const shared = openSharedBudget(file);
  try {
    shared.leave(sharedHomeOf(home, before).home);
  } finally {
    shared.close();
  }
}
