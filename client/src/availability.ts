/**
 * Whether a node answers offers at this hour: `paused` and `trainingHours` of its policy. It says so at once and for a reason that depends on no
 * customer; a round that it has accepted goes on whatever the clock says, because leaving it would cost the others theirs.
 */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import type { Policy } from "./policy-document.ts";

/** Why offers are declined now; undefined: they are answered. */
export function declinedNow(
  { paused, trainingHours }: Pick<Policy, "paused" | "trainingHours">,
  now: Date,
): TributaryError | undefined {
  if (paused !== null && (paused.until === null || now.getTime() < Date.parse(paused.until))) {
    const { reason, until } = paused;
    return fail("TRB_POLICY_PAUSED", { reason: reason ?? "no reason given", until: until ?? "`tributary node resume`" });
  }
  if (trainingHours === null || isWithin(trainingHours, timeOfDay(now, trainingHours.timeZone))) return undefined;
  return fail("TRB_POLICY_OUTSIDE_HOURS", trainingHours);
}

/** From `from` on, before `to`; over midnight where `to` is not after `from`. */
function isWithin({ from, to }: NonNullable<Policy["trainingHours"]>, time: string): boolean {
  return from < to ? from <= time && time < to : time >= from || time < to;
}

/** Hours and minutes as the clocks of a time zone show them, `05:30`. */
function timeOfDay(now: Date, timeZone: string): string {
  const clock = new Intl.DateTimeFormat("en", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const parts = new Map(clock.formatToParts(now).map(({ type, value }) => [type, value]));
  return `${parts.get("hour") ?? ""}:${parts.get("minute") ?? ""}`;
}

/** Refusals that are the merchant's own and may pass: by time, or because the merchant changes its mind. */
export function isDeclined(error: unknown): error is TributaryError {
  if (!isTributaryError(error)) return false;
  return (
    error.code.startsWith("TRB_POLICY_") ||
    error.code === "TRB_NODE_POLICY_INVALID" ||
    error.code === "TRB_NODE_BUDGET_UNREADABLE"
  );
}
