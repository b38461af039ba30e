/** Who may do what: three roles, each of which may do all that those before it may. */
import { type OperatorRole, operatorRoles } from "@tributary/protocol";

export const covers = (role: OperatorRole, least: OperatorRole): boolean =>
  operatorRoles.indexOf(role) >= operatorRoles.indexOf(least);

export const lesserOf = (one: OperatorRole, other: OperatorRole): OperatorRole => (covers(one, other) ? other : one);

/** Who asks. */
export interface Actor {
  /** As the ledger will call it: the account's name, or that of a token which belongs to none. */
  readonly name: string;
  readonly role: OperatorRole;
  /** Null for tokens that were made on the coordinator's machine. */
  readonly account: string | null;
  /** Hash of the session that it shows; undefined for a token. */
  readonly session?: string;
}
