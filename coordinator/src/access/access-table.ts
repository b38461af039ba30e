/**
 * Operators' accounts, sessions and tokens in the store. What the ledger is to say of a change is asked for in the change's own transaction: there is
 * none without the other.
 */
import type { Note } from "@tributary/federation";
import { type OperatorRole, operatorRole } from "@tributary/protocol";
import type { Insertable, Selectable } from "kysely";
import type { Database, Landed, Reading, Writing } from "../storage/database.ts";
import type { Tables } from "../storage/schema.ts";
import { forgottenAfter, waitAfter } from "./lockout.ts";

export interface Account {
  readonly name: string;
  readonly role: OperatorRole;
  readonly password: string;
  readonly made: string;
}

interface Session {
  readonly account: string;
  readonly role: OperatorRole;
  readonly made: string;
  readonly seen: string;
}

export interface Token {
  readonly id: string;
  readonly name: string;
  /** As it was made; what it may do is the lesser of this and its account's role. */
  readonly role: OperatorRole;
  readonly operator: string | null;
  readonly made: string;
  readonly expires: string;
  readonly used: string | null;
}

/** An invite without its token. */
export interface ListedInvite {
  /** The first 12 hexadecimal digits of the token's hash. */
  readonly id: string;
  readonly node: string;
  readonly expires: string;
  readonly used: boolean;
}

/** Methods that take a note do nothing, and ask for no entry, when they return false. */
export interface AccessTable {
  account(name: string): Promise<Account | undefined>;
  /** By name. */
  accounts(): Promise<Account[]>;
  addAccount(account: Account, note: Note): Promise<boolean>;
  /** Ends the account's sessions and tokens. */
  removeAccount(name: string, note: Note): Promise<boolean>;
  setRole(name: string, role: OperatorRole, note: Note): Promise<boolean>;
  /** Ends the account's sessions, and unlocks it. */
  setPassword(name: string, password: string, note: Note): Promise<boolean>;
  /** The same password in a dearer hash. */
  rehash(name: string, password: string): Promise<void>;

  /** Counts a failure in advance. @returns 0, or the milliseconds to wait, and then nothing is counted */
  attempt(place: string, now: Date): Promise<number>;
  forgive(place: string): Promise<void>;

  addSession(session: { readonly hash: string; readonly operator: string; readonly now: string }): Promise<void>;
  session(hash: string): Promise<Session | undefined>;
  sessionSeen(hash: string, now: string): Promise<void>;
  endSession(hash: string): Promise<void>;

  addToken(token: Omit<Token, "used"> & { readonly hash: string }, note: Note): Promise<boolean>;
  /** With the role of the account that it belongs to. */
  token(hash: string): Promise<(Token & { readonly accountRole: OperatorRole | null }) | undefined>;
  /** Oldest first. */
  tokens(): Promise<Token[]>;
  tokenUsed(id: string, now: string): Promise<void>;
  revokeToken(id: string, note: Note): Promise<boolean>;

  invites(): Promise<ListedInvite[]>;
  /** It expires now. @returns the node that it was for; undefined when there is none that could still be used */
  revokeInvite(id: string, now: string, note: (node: string) => Note): Promise<string | undefined>;

  /** Forgets what has expired: sessions that began or were seen before these instants, tokens, old failures. */
  sweep(now: Date, sessions: { readonly madeBefore: string; readonly seenBefore: string }): Promise<void>;
}

export function accessTable(database: Database): AccessTable {
  /** In one transaction: what is done, and the note of it when it was done. @param stands whether an earlier attempt took place, without an answer */
  const noted = (
    note: Note,
    work: (tables: Writing) => Promise<boolean>,
    stands: (tables: Writing) => Promise<boolean>,
  ): Promise<boolean> => {
    const landed: Landed<boolean> = async (tables) => ((await stands(tables)) ? { result: true } : undefined);
    return database.write(async (tables) => (await work(tables)) && ask(tables, note), landed);
  };

  return {
    account: (name) => database.read((tables) => findAccount(tables, name)),
    accounts: () =>
      database.read(async (tables) =>
        (await tables.selectFrom("operators").selectAll().orderBy("name").execute()).map(accountOf),
      ),
    addAccount: (account, note) =>
      noted(
        note,
        async (tables) => {
          if (await isTaken(tables, account.name)) return false;
          await tables.insertInto("operators").values(account).execute();
          return true;
        },
        async (tables) => (await findAccount(tables, account.name))?.password === account.password,
      ),
    removeAccount: (name, note) =>
      noted(
        note,
        async (tables) => {
          const { numDeletedRows } = await tables.deleteFrom("operators").where("name", "=", name).executeTakeFirst();
          await tables.deleteFrom("attempts").where("place", "=", name).execute();
          return numDeletedRows > 0n;
        },
        async (tables) => (await findAccount(tables, name)) === undefined,
      ),
    setRole: (name, role, note) =>
      noted(
        note,
        async (tables) => {
          const changed = tables.updateTable("operators").set({ role }).where("name", "=", name).where("role", "!=", role);
          return (await changed.executeTakeFirst()).numUpdatedRows > 0n;
        },
        async (tables) => (await findAccount(tables, name))?.role === role,
      ),
    setPassword: (name, password, note) =>
      noted(
        note,
        async (tables) => {
          const changed = tables.updateTable("operators").set({ password }).where("name", "=", name);
          const { numUpdatedRows } = await changed.executeTakeFirst();
          await tables.deleteFrom("sessions").where("operator", "=", name).execute();
          await tables.deleteFrom("attempts").where("place", "=", name).execute();
          return numUpdatedRows > 0n;
        },
        async (tables) => (await findAccount(tables, name))?.password === password,
      ),
    rehash: (name, password) =>
      database.write(async (tables) => {
        await tables.updateTable("operators").set({ password }).where("name", "=", name).execute();
      }, "again"),

    attempt: (place, now) => database.write((tables) => countAttempt(tables, place, now), "again"),
    forgive: (place) =>
      database.write(async (tables) => {
        await tables.deleteFrom("attempts").where("place", "=", place).execute();
      }, "again"),

    addSession: ({ hash, operator, now }) =>
      database.write(async (tables) => {
        const row: Insertable<Tables["sessions"]> = { hash, operator, made: now, seen: now };
        await tables
          .insertInto("sessions")
          .values(row)
          .onConflict((same) => same.doNothing())
          .execute();
      }, "again"),
    session: (hash) =>
      database.read(async (tables) => {
        const row = await tables
          .selectFrom("sessions")
          .innerJoin("operators", "operators.name", "sessions.operator")
          .select(["sessions.operator", "sessions.made", "sessions.seen", "operators.role"])
          .where("sessions.hash", "=", hash)
          .executeTakeFirst();
        return row && { account: row.operator, role: operatorRole.parse(row.role), made: row.made, seen: row.seen };
      }),
    sessionSeen: (hash, now) =>
      database.write(async (tables) => {
        await tables.updateTable("sessions").set({ seen: now }).where("hash", "=", hash).execute();
      }, "again"),
    endSession: (hash) =>
      database.write(async (tables) => {
        await tables.deleteFrom("sessions").where("hash", "=", hash).execute();
      }, "again"),

    addToken: (token, note) =>
      noted(
        note,
        async (tables) => {
          if (await isTaken(tables, token.name)) return false;
          const row: Insertable<Tables["tokens"]> = { ...token, used: null };
          await tables.insertInto("tokens").values(row).execute();
          return true;
        },
        async (tables) => (await findToken(tables, token.hash)) !== undefined,
      ),
    token: (hash) =>
      database.read(async (tables) => {
        const row = await findToken(tables, hash);
        return row && { ...tokenOf(row), accountRole: row.accountRole === null ? null : operatorRole.parse(row.accountRole) };
      }),
    tokens: () =>
      database.read(async (tables) =>
        (await tables.selectFrom("tokens").selectAll().orderBy("made").orderBy("id").execute()).map(tokenOf),
      ),
    tokenUsed: (id, now) =>
      database.write(async (tables) => {
        await tables.updateTable("tokens").set({ used: now }).where("id", "=", id).execute();
      }, "again"),
    revokeToken: (id, note) =>
      noted(
        note,
        async (tables) => {
          const { numDeletedRows } = await tables.deleteFrom("tokens").where("id", "=", id).executeTakeFirst();
          return numDeletedRows > 0n;
        },
        async (tables) => !(await tables.selectFrom("tokens").select("id").where("id", "=", id).executeTakeFirst()),
      ),

    invites: () =>
      database.read(async (tables) => {
        const rows = await tables.selectFrom("invites").selectAll().orderBy("expires").execute();
        return rows.map(({ token_hash, node, expires, key }) => ({
          ...{ id: idOf(token_hash), node, expires },
          used: key !== null,
        }));
      }),
    revokeInvite: (id, now, note) =>
      database.write(
        async (tables) => {
          const unused = tables.updateTable("invites").set({ expires: now }).where("token_hash", "like", `${id}%`);
          const found = await unused.where("key", "is", null).where("expires", ">", now).returning("node").execute();
          for (const { node } of found) await ask(tables, note(node));
          return found[0]?.node;
        },
        async (tables) => {
          const ended = tables.selectFrom("invites").select("node").where("token_hash", "like", `${id}%`);
          const found = await ended.where("expires", "=", now).executeTakeFirst();
          return found && { result: found.node };
        },
      ),

    sweep: (now, { madeBefore, seenBefore }) =>
      database.write(async (tables) => {
        const old = new Date(now.getTime() - forgottenAfter).toISOString();
        await tables.deleteFrom("sessions").where("made", "<", madeBefore).execute();
        await tables.deleteFrom("sessions").where("seen", "<", seenBefore).execute();
        await tables.deleteFrom("tokens").where("expires", "<", now.toISOString()).execute();
        await tables.deleteFrom("attempts").where("last", "<", old).execute();
      }, "again"),
  };
}

async function findAccount(tables: Reading, name: string): Promise<Account | undefined> {
  const row = await tables.selectFrom("operators").selectAll().where("name", "=", name).executeTakeFirst();
  return row && accountOf(row);
}

const findToken = (tables: Reading, hash: string) =>
  tables
    .selectFrom("tokens")
    .leftJoin("operators", "operators.name", "tokens.operator")
    .selectAll("tokens")
    .select("operators.role as accountRole")
    .where("tokens.hash", "=", hash)
    .executeTakeFirst();

/** @returns the milliseconds to wait; when it is 0, one more failure is counted */
async function countAttempt(tables: Writing, place: string, now: Date): Promise<number> {
  const at = now.toISOString();
  await tables
    .insertInto("attempts")
    .values({ place, failures: 0, last: at })
    .onConflict((same) => same.doNothing())
    .execute();
  // writing the row takes its lock before it is read: guesses that come together are counted one after another
  await tables.updateTable("attempts").set({ place }).where("place", "=", place).execute();
  const kept = await tables.selectFrom("attempts").selectAll().where("place", "=", place).executeTakeFirstOrThrow();
  const since = Math.max(0, now.getTime() - Date.parse(kept.last)); // a clock that was set back makes the wait no longer than it is
  const failures = since > forgottenAfter ? 0 : Number(kept.failures);
  const wait = waitAfter(failures) - since;
  if (wait > 0) return wait;
  const counted = { failures: failures + 1, last: at };
  await tables.updateTable("attempts").set(counted).where("place", "=", place).execute();
  return 0;
}

/** What names an invite wherever its token must not be. */
const idOf = (tokenHash: string): string => tokenHash.slice(0, 12);

/** One thing has one name, whatever it is: the ledger calls both by it. */
async function isTaken(tables: Writing, name: string): Promise<boolean> {
  const account = await tables.selectFrom("operators").select("name").where("name", "=", name).executeTakeFirst();
  const token = await tables.selectFrom("tokens").select("name").where("name", "=", name).executeTakeFirst();
  return account !== undefined || token !== undefined;
}

async function ask(tables: Writing, note: Note): Promise<true> {
  await tables
    .insertInto("requests")
    .values({ note: JSON.stringify(note) })
    .execute();
  return true;
}

const accountOf = ({ name, role, password, made }: Selectable<Tables["operators"]>): Account => ({
  ...{ name, role: operatorRole.parse(role), password, made },
});

const tokenOf = ({ id, name, role, operator, made, expires, used }: Selectable<Tables["tokens"]>): Token => ({
  ...{ id, name, role: operatorRole.parse(role), operator, made, expires, used },
});
