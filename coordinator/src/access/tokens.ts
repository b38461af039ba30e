/** Tokens for programs: bound to a role, expiring, gone at once when they are revoked. */
import { fail } from "@tributary/errors";
import type { OperatorRole } from "@tributary/protocol";
import type { AccessTable, Token } from "./access-table.ts";
import { accessNote, type Decision } from "./notes.ts";
import { type Actor, covers, lesserOf } from "./roles.ts";
import { hashSecret, isToken, newToken } from "./secrets.ts";

export interface TokenRequest {
  /** What programs it is for: of the form of an operator's name, and not one. */
  readonly name: string;
  readonly role: OperatorRole;
  readonly days: number;
}

const day = 86_400_000;
/** How exactly it is kept when a token was last used, in milliseconds. */
const usedEvery = 3_600_000;

/**
 * @param account whose it is: it never may do more than that account, and ends with it. Null: made on the coordinator's machine
 * @returns the token, which is shown this once
 * @throws TRB_ACCESS_NAME_TAKEN
 */
export async function createToken(
  table: AccessTable,
  { name, role, days }: TokenRequest,
  account: string | null,
  decision: Decision,
): Promise<Token & { readonly token: string }> {
  const { id, token } = newToken();
  const at = Date.now();
  const made = new Date(at).toISOString();
  const expires = new Date(at + days * day).toISOString();
  const kept = { id, name, role, operator: account, made, expires };
  const added = await table.addToken({ ...kept, hash: hashSecret(token) }, accessNote("create-token", id, decision, role));
  if (!added) throw fail("TRB_ACCESS_NAME_TAKEN", { name });
  return { ...kept, used: null, token };
}

/** @throws TRB_ACCESS_TOKEN_UNKNOWN */
export async function revokeToken(table: AccessTable, id: string, decision: Decision): Promise<void> {
  if (!(await table.revokeToken(id, accessNote("revoke-token", id, decision)))) throw fail("TRB_ACCESS_TOKEN_UNKNOWN", { id });
}

/** Those that somebody may see and revoke: their own, and all of them from a role on. */
export async function tokensOf(table: AccessTable, actor: Actor, allFrom: OperatorRole): Promise<Token[]> {
  const tokens = await table.tokens();
  if (covers(actor.role, allFrom)) return tokens;
  return tokens.filter(({ operator }) => operator !== null && operator === actor.account);
}

/** Who shows this token; undefined when it is none that is valid now. */
export async function tokenActor(table: AccessTable, token: string, now = new Date()): Promise<Actor | undefined> {
  if (!isToken(token)) return undefined;
  const found = await table.token(hashSecret(token));
  if (!found || Date.parse(found.expires) <= now.getTime()) return undefined;
  if (found.used === null || now.getTime() - Date.parse(found.used) >= usedEvery) {
    await table.tokenUsed(found.id, now.toISOString());
  }
  const role = found.accountRole === null ? found.role : lesserOf(found.role, found.accountRole);
  return { name: found.operator ?? found.name, role, account: found.operator };
}
