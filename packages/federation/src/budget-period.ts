/**
 * What counts in a period of a merchant's own choice. A round's sum may become known at any moment between its offer and its settling, so a
 * charge leaves a period of P days only P days after it was settled; an open one, and one whose times nobody wrote down, never does.
 *
 * Then no interval of length P holds releases that cost more than the limit: let r be the round accepted last of those released in [a, a + P],
 * accepted at τ ≤ a + P. Every other one was released at a or later, so it is open at τ, or was settled at a ≥ τ − P or later: it was counted
 * when r was weighed. Time is this node's own clock. Privacy itself composes over all time: docs/privacy/periods.md.
 */
import type { Charge } from "./node-state.ts";

/** What a period asks of a charge. */
export type SettledCharge = Pick<Charge, "standing" | "settledAt">;

const day = 86_400_000;

/** Unix milliseconds from which the charge counts no longer; −∞ once refunded, ∞ as long as nobody knows. */
export function leavesPeriodAt({ standing, settledAt }: SettledCharge, periodDays: number | null): number {
  if (standing === "refunded") return Number.NEGATIVE_INFINITY;
  if (periodDays === null || standing === "open" || settledAt === undefined) return Number.POSITIVE_INFINITY;
  const settled = Date.parse(settledAt);
  // a charge counts at both ends of its period
  return Number.isNaN(settled) ? Number.POSITIVE_INFINITY : settled + periodDays * day + 1;
}

/**
 * The charges that count now.
 * @param periodDays null: all that were not refunded
 * @param now ISO 8601
 */
export function chargesInPeriod<C extends SettledCharge>(charges: readonly C[], periodDays: number | null, now: string): C[] {
  const time = Date.parse(now);
  return charges.filter((charge) => leavesPeriodAt(charge, periodDays) > time);
}

/**
 * When one more round becomes affordable, if nothing else is charged until then: the first moment at which enough has left the period.
 * @param fits whether the round is affordable beside these charges
 * @returns ISO 8601; undefined when it isn't even once everything has left that is known to leave
 */
export function affordableFrom<C extends SettledCharge>(
  charges: readonly C[],
  periodDays: number | null,
  now: string,
  fits: (counted: readonly C[]) => boolean,
): string | undefined {
  const counted = chargesInPeriod(charges, periodDays, now);
  const moments = counted.map((charge) => leavesPeriodAt(charge, periodDays)).filter(Number.isFinite);
  for (const moment of [...new Set(moments)].sort((a, b) => a - b)) {
    const left = counted.filter((charge) => leavesPeriodAt(charge, periodDays) > moment);
    if (fits(left)) return new Date(moment).toISOString();
  }
  return undefined;
}
