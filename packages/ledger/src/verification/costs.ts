/** What an entry claims to have been spent, held to what follows from the plan and the rounds counted. */
import { isTributaryError } from "@tributary/errors";
import { formatDecimal, type Plan, type PlanCost, planCost } from "@tributary/protocol";
import type { Spent } from "../entries.ts";
import { undercuts } from "../spending.ts";
import type { Report } from "./state.ts";

/** @param charged as recounted, this entry included */
export function checkSpent(claimed: Spent, charged: readonly number[], plan: Plan, report: Report): void {
  const same = claimed.charged.length === charged.length && charged.every((rounds, i) => claimed.charged[i] === rounds);
  if (!same) report("TRB_LEDGER_CHARGE_WRONG");
  for (const [release, rounds] of charged.entries()) {
    const permitted = plan.releases[release]?.rounds ?? 0;
    if (rounds > permitted) report("TRB_LEDGER_ROUNDS_EXCEEDED", { charged: rounds, release, rounds: permitted });
  }
  const recomputed = recompute(plan, charged, report);
  if (recomputed === undefined) return;
  const { orders, rdp, epsilon } = recomputed;
  if (claimed.orders.length !== orders.length || claimed.rdp.length !== rdp.length) {
    report("TRB_LEDGER_EPSILON_UNDERSTATED", { claimed: `${claimed.rdp.length} orders`, recomputed: `${rdp.length} orders` });
    return;
  }
  for (const [i, cost] of rdp.entries()) {
    const stated = claimed.rdp[i];
    if (claimed.orders[i] === orders[i] && stated !== undefined && !undercuts(stated, cost)) continue;
    const told = `${formatDecimal(cost, "up")} at order ${orders[i]}`;
    report("TRB_LEDGER_EPSILON_UNDERSTATED", { claimed: stated ?? "nothing", recomputed: told });
    return; // one order says enough
  }
  if (undercuts(claimed.epsilon, epsilon)) {
    report("TRB_LEDGER_EPSILON_UNDERSTATED", { claimed: claimed.epsilon, recomputed: formatDecimal(epsilon, "up") });
  }
}

function recompute(plan: Plan, charged: readonly number[], report: Report): PlanCost | undefined {
  try {
    return planCost(plan, charged);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    report("TRB_LEDGER_PLAN_REFUSED", { code: error.code, reason: error.message });
    return undefined;
  }
}
