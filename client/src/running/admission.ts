/**
 * What a node asks its merchant before it answers an offer: policy.json as it is at that moment, the hour, a pause, and the budget that it shares with
 * other homes. Whether the round's own limits keep is the reducer's to say (`requireAffordable`), and it says so first.
 */
import { isTributaryError, type TributaryError } from "@tributary/errors";
import { type Charge, type NodeState, requireAffordable } from "@tributary/federation";
import { declinedNow } from "../availability.ts";
import { refusalsOf } from "../decision.ts";
import type { Home } from "../home/open.ts";
import { readPolicy } from "../home/policy.ts";
import { nodePolicyOf, type Policy } from "../policy-document.ts";
import { withoutSelections } from "../selected-parts.ts";
import { type BudgetShare, shareBudget } from "../shared-budget/share.ts";

export interface Admission {
  /** As it was when the merchant was last asked. */
  policy(): Policy;
  readonly share: BudgetShare;
  /**
   * Asks, before an offer reaches the reducer.
   * @returns the policy, if it is another one than before
   * @throws TRB_POLICY_…, TRB_NODE_POLICY_INVALID, TRB_NODE_HOME_UNREADABLE, TRB_NODE_BUDGET_UNREADABLE: why the offer is declined
   */
  ask(charges: readonly Charge[], now: Date): Policy | undefined;
  /** Whether an offer of this release would be answered now. Nothing is reserved. */
  wouldAnswer(state: NodeState, release: number, now: Date): boolean;
  close(): void;
}

export function openAdmission(home: Home, first: Policy): Admission {
  const { layout, plan } = home;
  const share = shareBudget(home);
  let policy = first;
  /** Judging a plan builds its graph: once for each policy. */
  let judged: { readonly text: string; readonly refusal: TributaryError | undefined } = {
    text: JSON.stringify(first),
    refusal: undefined,
  };

  /** @throws TRB_POLICY_…, TRB_NODE_POLICY_INVALID, TRB_NODE_HOME_UNREADABLE */
  const readNow = (now: Date): Policy => {
    const next = readPolicy(layout);
    const text = JSON.stringify(next);
    if (judged.text !== text) judged = { text, refusal: refusalsOf(home, plan, next)[0] };
    const refusal = judged.refusal ?? declinedNow(next, now);
    if (refusal !== undefined) throw refusal;
    return next;
  };

  return {
    policy: () => policy,
    share,
    ask(charges, now) {
      const next = readNow(now);
      share.follow(next, charges);
      const same = JSON.stringify(next) === JSON.stringify(policy);
      policy = next;
      return same ? undefined : next;
    },
    wouldAnswer(state, release, now) {
      const time = now.toISOString();
      try {
        const next = readNow(now);
        requireAffordable({ ...state, policy: nodePolicyOf(withoutSelections(next, home)) }, release, time);
        share.follow(next, state.charges);
        return share.refusalOf({ number: state.lastRound + 1, release }, time) === undefined;
      } catch (error) {
        if (isTributaryError(error)) return false;
        throw error;
      }
    },
    close: () => share.close(),
  };
}
