/** What the rounds charged so far have cost, in the form in which entries state it, and how claims are held to it. */
import { type Decimal, formatDecimal, type Plan, parseDecimal, planCost } from "@tributary/protocol";
import type { Spent } from "./entries.ts";

/** Verifiers compare at 1e-9 relative (DESIGN §5): floats of other machines may differ in the last digits. */
const tolerance = 1e-9;

/** The `spent` block of an entry. Every number is rounded up to 12 significant digits. */
export function spentAfter(plan: Plan, charged: readonly number[]): Spent {
  const { orders, rdp, epsilon } = planCost(plan, charged);
  return {
    charged: [...charged],
    orders: [...orders],
    rdp: rdp.map((value) => formatDecimal(value, "up")),
    epsilon: formatDecimal(epsilon, "up"),
  };
}

/** A claim may exceed what it should be, never undercut it. Numbers are compared, because a long ledger has millions of them to write otherwise. */
export function undercuts(claimed: Decimal, recomputed: Decimal | number): boolean {
  const due = typeof recomputed === "number" ? recomputed : parseDecimal(recomputed);
  return Number(claimed) < due * (1 - tolerance); // a decimal by its schema
}

/** Equal up to the tolerance. */
export function agrees(claimed: Decimal, recomputed: Decimal): boolean {
  const [a, b] = [parseDecimal(claimed), parseDecimal(recomputed)];
  return Math.abs(a - b) <= tolerance * Math.abs(b);
}
