/** What the person whose device this is permits: asked before each offer, as a merchant's policy is. */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { requireAffordable } from "@tributary/federation";
import type { Plan } from "@tributary/protocol";
import { declinedNow } from "../src/availability.ts";
import { type OwnKey, refusalsOf } from "../src/decision.ts";
import { nodePolicyOf, type Policy } from "../src/policy-document.ts";
import type { Seat } from "../src/running/taking-part.ts";

/** Why this device takes no part in the plan; none: it does. */
export function deviceRefusals(own: OwnKey, plan: Plan, policy: Policy): TributaryError[] {
  const { sampler } = plan;
  return [...refusalsOf(own, plan, policy), ...(sampler === "exact" ? [] : [fail("TRB_DEVICE_SAMPLER_ABSENT", { sampler })])];
}

/** @param policyNow what was said last */
export function askPerson(policyNow: () => Policy): Seat["admission"] {
  let asked = policyNow();
  return {
    policy: () => nodePolicyOf(asked),
    ask(_charges, now) {
      const next = policyNow();
      const declined = declinedNow(next, now);
      if (declined !== undefined) throw declined;
      const changed = JSON.stringify(next) !== JSON.stringify(asked);
      asked = next;
      return changed ? nodePolicyOf(next) : undefined;
    },
    wouldAnswer(state, release, now) {
      const next = policyNow();
      if (declinedNow(next, now) !== undefined) return false;
      try {
        requireAffordable({ ...state, policy: nodePolicyOf(next) }, release, now.toISOString());
        return true;
      } catch (error) {
        if (isTributaryError(error)) return false;
        throw error;
      }
    },
    // one device, one budget: there is nothing to reserve it from
    reserve: () => {},
    release: () => {},
  };
}
