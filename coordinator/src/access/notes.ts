/** What the ledger says of a change to who may come in: nobody's secret, nobody's person. */
import type { Note } from "@tributary/federation";
import type { AccessAction } from "@tributary/ledger";
import type { OperatorRole } from "@tributary/protocol";

export interface Decision {
  /** Who decided, as the ledger will call it. */
  readonly by: string;
  /** Why, for everybody to read. */
  readonly reason?: string;
}

/** On the coordinator's machine, unless somebody says more: whoever can write the home's files is the platform's operator. */
export const decidedAtHome: Decision = { by: "operator" };

/**
 * @param subject the node of an invite, the name of an account, or the public id of a token
 * @param role where one is given
 */
export function accessNote(action: AccessAction, subject: string, { by, reason = "" }: Decision, role?: OperatorRole): Note {
  const done = new Date().toISOString();
  return { kind: "operator", action, subject, operator: by, reason, done, ...(role === undefined ? {} : { role }) };
}
