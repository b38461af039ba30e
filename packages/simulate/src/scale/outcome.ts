/**
 * What becomes of a round in which some nodes fall silent, without running it: whose vectors are in the sum, or whether the round is given up
 * and charged all the same. On a graph of neighbours somebody may be left without enough holders of its shares, which is not counted here: at the
 * plan's dropout rate the chance is 2⁻³⁰. These are the coordinator's rules (`packages/federation/src/steps`) counted instead of acted out; `scale.test.ts`
 * holds them to the state machines.
 */
import type { Plan } from "@tributary/protocol";
import { quorum } from "@tributary/secagg";
import type { Attempt, FaultStep } from "./conditions.ts";

export type Outcome =
  /** U3, ascending. */
  | { readonly released: true; readonly survivors: Uint32Array; readonly cohort: number }
  | { readonly released: false; readonly charged: boolean };

const order: Readonly<Record<FaultStep, number>> = { keys: 0, shares: 1, upload: 2, vote: 3, unmask: 4 };

export function outcomeOf(
  { invited, faults }: Attempt,
  { minCohort, maxCorrupt }: Pick<Plan, "minCohort" | "maxCorrupt">,
): Outcome {
  const past = (step: FaultStep) => (node: number) => {
    const fault = faults.get(node);
    return fault === undefined || order[fault] > order[step];
  };
  const u1 = invited.filter(past("keys"));
  if (u1.length < minCohort) return { released: false, charged: false };
  const votesNeeded = quorum(u1.length, maxCorrupt);
  const least = Math.max(minCohort, votesNeeded);
  if (u1.filter(past("shares")).length < least) return { released: false, charged: false };
  // from here on envelopes have left, and somebody may have paid
  const survivors = u1.filter(past("upload"));
  if (survivors.length < least) return { released: false, charged: true };
  if (survivors.filter(past("unmask")).length < votesNeeded) return { released: false, charged: true };
  return { released: true, survivors, cohort: u1.length };
}
