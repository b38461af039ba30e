/** Operators' accounts: made, changed and removed on the coordinator's machine only. There is none at first, and no password that anybody was not told. */
import { fail } from "@tributary/errors";
import type { OperatorRole } from "@tributary/protocol";
import type { AccessTable, Account } from "./access-table.ts";
import { accessNote, type Decision } from "./notes.ts";
import { hashPassword, randomPassword, type ScryptCost } from "./passwords.ts";

export interface AccountRequest {
  readonly name: string;
  readonly role: OperatorRole;
  /** Without one a good one is made. */
  readonly password?: string;
}

/** @returns the password that was made; undefined when one was given. @throws TRB_ACCESS_NAME_TAKEN, TRB_ACCESS_PASSWORD_WEAK */
export async function addOperator(
  table: AccessTable,
  { name, role, password }: AccountRequest,
  decision: Decision,
  cost?: ScryptCost,
): Promise<string | undefined> {
  const made = password ?? randomPassword();
  const account = { name, role, password: await hashPassword(made, cost), made: new Date().toISOString() };
  if (!(await table.addAccount(account, accessNote("add-operator", name, decision, role)))) {
    throw fail("TRB_ACCESS_NAME_TAKEN", { name });
  }
  return password === undefined ? made : undefined;
}

/** Its sessions and tokens end with it. @throws TRB_ACCESS_OPERATOR_UNKNOWN */
export async function removeOperator(table: AccessTable, name: string, decision: Decision): Promise<void> {
  const removed = await table.removeAccount(name, accessNote("remove-operator", name, decision));
  if (!removed) throw fail("TRB_ACCESS_OPERATOR_UNKNOWN", { name });
}

/** Holds for sessions and tokens that there are, at once. @throws TRB_ACCESS_OPERATOR_UNKNOWN */
export async function changeRole(table: AccessTable, name: string, role: OperatorRole, decision: Decision): Promise<void> {
  if (!(await table.account(name))) throw fail("TRB_ACCESS_OPERATOR_UNKNOWN", { name });
  await table.setRole(name, role, accessNote("change-role", name, decision, role));
}

/** Ends the account's sessions and unlocks it. @returns the password that was made, if any. @throws TRB_ACCESS_OPERATOR_UNKNOWN, TRB_ACCESS_PASSWORD_WEAK */
export async function changePassword(
  table: AccessTable,
  { name, password }: Pick<AccountRequest, "name" | "password">,
  decision: Decision,
  cost?: ScryptCost,
): Promise<string | undefined> {
  const made = password ?? randomPassword();
  const changed = await table.setPassword(name, await hashPassword(made, cost), accessNote("change-password", name, decision));
  if (!changed) throw fail("TRB_ACCESS_OPERATOR_UNKNOWN", { name });
  return password === undefined ? made : undefined;
}

/** An account as it is shown. */
export const shownAccount = ({ name, role, made }: Account) => ({ name, role, made });
