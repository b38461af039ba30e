/** Charges as a list: two lists of one node put together, and what they have cost. */
import { type Charge, chargedRounds } from "@tributary/federation";
import { spentAfter } from "@tributary/ledger";
import { isSpentBefore, type Plan, parseDecimal } from "@tributary/protocol";

/** What these charges have cost, by the plan's accountant, with what was paid before the first round. */
export function epsilonSpent(plan: Plan, charges: readonly Charge[]): number {
  const charged = chargedRounds({ plan, charges });
  if (charged.every((rounds) => rounds === 0) && !isSpentBefore(plan)) return 0;
  return parseDecimal(spentAfter(plan, charged).epsilon);
}

/** Both lists' rounds, ascending. Where they differ, settled beats open, and final beats refunded: nothing is forgiven by a crash. */
export function joinCharges(some: readonly Charge[], others: readonly Charge[]): Charge[] {
  const rank = { open: 0, refunded: 1, final: 2 } as const;
  const joined = new Map<number, Charge>();
  for (const charge of [...some, ...others]) {
    const before = joined.get(charge.round);
    if (before === undefined || rank[charge.standing] > rank[before.standing]) joined.set(charge.round, charge);
  }
  return [...joined.values()].sort((a, b) => a.round - b.round);
}
