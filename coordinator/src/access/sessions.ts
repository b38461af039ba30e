/** Logging in, and what a session is good for: half an hour after it was last used, twelve hours in all. */
import { fail } from "@tributary/errors";
import type { AccessTable } from "./access-table.ts";
import { countedUnder } from "./lockout.ts";
import { checkPassword, hashPassword, nobodysHash, type ScryptCost, scryptCost } from "./passwords.ts";
import type { Actor } from "./roles.ts";
import { hashSecret, isSession, newSession } from "./secrets.ts";

/** In milliseconds. */
export const sessionLimits = { idle: 30 * 60_000, whole: 12 * 3_600_000 };
/** How exactly it is kept when a session was last used, in milliseconds: not every request writes. */
const seenEvery = 60_000;

export interface SessionDesk {
  /**
   * Derives a key whether there is such an operator or not; a wrong name and a wrong password are told apart by nothing.
   * @returns the session's secret
   * @throws TRB_ACCESS_LOGIN_REFUSED, TRB_ACCESS_LOCKED, TRB_COORDINATOR_BUSY
   */
  login(name: string, password: string): Promise<{ readonly session: string; readonly actor: Actor }>;
  /** Undefined when it is none that is valid now. */
  find(session: string): Promise<Actor | undefined>;
  /** @throws TRB_ACCESS_LOGIN_REFUSED, TRB_ACCESS_LOCKED */
  confirm(name: string, password: string): Promise<void>;
}

/** @param now tests have a clock of their own */
export function sessionDesk(
  table: AccessTable,
  cost: ScryptCost = scryptCost,
  now: () => Date = () => new Date(),
): SessionDesk {
  const nobody = nobodysHash(cost);

  async function confirm(name: string, password: string): Promise<Actor> {
    const account = await table.account(name);
    const place = countedUnder(name, account !== undefined);
    const wait = await table.attempt(place, now());
    if (wait > 0) throw fail("TRB_ACCESS_LOCKED", { seconds: Math.ceil(wait / 1000) });
    const verdict = await checkPassword(password, account?.password ?? nobody, cost);
    if (account === undefined || verdict === "wrong") throw fail("TRB_ACCESS_LOGIN_REFUSED");
    await table.forgive(place);
    if (verdict === "outgrown") await table.rehash(name, await hashPassword(password, cost));
    return { name, role: account.role, account: name };
  }

  return {
    async login(name, password) {
      const actor = await confirm(name, password);
      const session = newSession();
      const hash = hashSecret(session);
      const at = now();
      await table.sweep(at, {
        madeBefore: new Date(at.getTime() - sessionLimits.whole).toISOString(),
        seenBefore: new Date(at.getTime() - sessionLimits.idle).toISOString(),
      });
      await table.addSession({ hash, operator: name, now: at.toISOString() });
      return { session, actor: { ...actor, session: hash } };
    },
    async find(session) {
      if (!isSession(session)) return undefined;
      const hash = hashSecret(session);
      const found = await table.session(hash);
      if (!found) return undefined;
      const at = now().getTime();
      const idle = at - Date.parse(found.seen);
      if (idle >= sessionLimits.idle || at - Date.parse(found.made) >= sessionLimits.whole) return undefined;
      if (idle >= seenEvery) await table.sessionSeen(hash, new Date(at).toISOString());
      return { name: found.account, role: found.role, account: found.account, session: hash };
    },
    confirm: async (name, password) => void (await confirm(name, password)),
  };
}
