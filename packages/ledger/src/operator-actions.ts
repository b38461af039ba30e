/**
 * What operators do to a federation that is neither a revocation nor a promotion. `pause` and `resume` decide whether there are rounds; the others are about who may
 * come in. Nobody's person stands here: an operator is called by the name of a post, and of a token its public id is told.
 */
import { operatorRoles } from "@tributary/protocol";
import { z } from "zod";
import type { EntryOf } from "./entries.ts";
import type { Report } from "./verification/state.ts";

/** These give somebody a role, which the entry names. */
const granting = ["add-operator", "change-role", "create-token"] as const;
const accessActions = ["invite", "revoke-invite", ...granting, "remove-operator", "change-password", "revoke-token"] as const;
export type AccessAction = (typeof accessActions)[number];

export const operatorAction = z.enum(["pause", "resume", ...accessActions]);

/** What stands in an entry beside `action`, `operator` and `reason` when it is about who may come in. */
export const accessFields = {
  /** A node (of an invite), an operator's account, or a token's public id. */
  subject: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
    .exactOptional(),
  role: z.enum(operatorRoles).exactOptional(),
  /** When it was done, which may be before the entry could be written. RFC 3339 in UTC. */
  done: z.iso.datetime().exactOptional(),
};

/** Whether rounds are offered after it; undefined for an action that is about something else. */
export function pausedAfter({ action }: Pick<EntryOf<"operator">, "action">): boolean | undefined {
  if (action === "pause") return true;
  return action === "resume" ? false : undefined;
}

const day = 86_400_000;
const isGrant = (action: string) => (granting as readonly string[]).includes(action);

/** @param paused whether rounds are, before this entry */
export function checkOperatorAction(entry: EntryOf<"operator">, paused: boolean, report: Report): void {
  const { action, subject, role, done } = entry;
  const pauses = pausedAfter(entry);
  const whole =
    pauses === undefined
      ? subject !== undefined && done !== undefined && (role !== undefined) === isGrant(action)
      : subject === undefined && done === undefined && role === undefined;
  if (!whole || pauses === paused) report("TRB_LEDGER_OPERATOR_INVALID", { action });
  if (done !== undefined && Date.parse(done) > Date.parse(entry.at) + day) {
    report("TRB_LEDGER_CLOCKS_DISAGREE", { reason: `it was done at ${done}, the entry is of ${entry.at}` });
  }
}
