/**
 * Operators' accounts and tokens, changed on the coordinator's machine, whether the server runs or not. Whoever can write the home is the platform: the
 * first account is made here, and only here.
 */

import type { AuditLine, OperatorRole } from "@tributary/protocol";
import { openPlace, type Place } from "../storage/place.ts";
import type { Store } from "../storage/store.ts";
import { type AccessTable, accessTable, type ListedInvite } from "./access-table.ts";
import { type AccountRequest, addOperator, changePassword, changeRole, removeOperator, shownAccount } from "./accounts.ts";
import { auditLog } from "./audit.ts";
import { type Decision, decidedAtHome } from "./notes.ts";
import { revokeInvite } from "./serve.ts";
import { createToken, revokeToken, type TokenRequest } from "./tokens.ts";

async function withStore<Result>(place: Place, work: (store: Store, table: AccessTable) => Promise<Result>): Promise<Result> {
  const store = await openPlace(place);
  try {
    return await work(store, accessTable(store.database));
  } finally {
    await store.close();
  }
}

/** An account as it is shown: without its password's hash. */
export type ShownAccount = ReturnType<typeof shownAccount>;

/**
 * What can be done in a home; each may throw TRB_COORDINATOR_HOME_EMPTY, and what the function of its name in `accounts.ts` and `tokens.ts` throws.
 * @param decision whose decision it is, as the ledger will call it: a role, not a person
 */
export const accessAtHome = (place: Place, decision: Decision = decidedAtHome) => ({
  /** @returns the password that was made; undefined when one was given */
  addOperator: (request: AccountRequest) => withStore(place, (_, table) => addOperator(table, request, decision)),
  removeOperator: (name: string) => withStore(place, (_, table) => removeOperator(table, name, decision)),
  changeRole: (name: string, role: OperatorRole) => withStore(place, (_, table) => changeRole(table, name, role, decision)),
  /** @returns the password that was made; undefined when one was given */
  changePassword: (request: Pick<AccountRequest, "name" | "password">) =>
    withStore(place, (_, table) => changePassword(table, request, decision)),
  operators: (): Promise<ShownAccount[]> => withStore(place, async (_, table) => (await table.accounts()).map(shownAccount)),
  createToken: (request: TokenRequest) => withStore(place, (_, table) => createToken(table, request, null, decision)),
  tokens: () => withStore(place, (_, table) => table.tokens()),
  revokeToken: (id: string) => withStore(place, (_, table) => revokeToken(table, id, decision)),
  invites: (): Promise<ListedInvite[]> => withStore(place, (_, table) => table.invites()),
  /** @returns the node that it was for */
  revokeInvite: (id: string) => withStore(place, (_, table) => revokeInvite(table, id, decision)),
  audit: (): Promise<AuditLine[]> => withStore(place, (store) => auditLog(store)),
});
