/**
 * Everything that the coordinator must remember, in one SQLite file: the state of the round, the ledger, members, invites and
 * the rounds' figures. Write-ahead log with `synchronous = FULL`: when a call returns, what it wrote survives a power cut.
 * Other processes may read, and make invites, while the server runs.
 */
import { DatabaseSync } from "node:sqlite";
import { fail } from "@tributary/errors";
import type { Note } from "@tributary/federation";
import type { Entry } from "@tributary/ledger";
import {
  type NodeId,
  nodeId,
  type Plan,
  parsePlan,
  type RosterMember,
  rosterMemberSchema,
  type Sha256,
  sha256Hex,
} from "@tributary/protocol";
import { z } from "zod";
import { type HomeLayout, isHome } from "../home/layout.ts";
import type { Standstill } from "../rounds/refusals.ts";
import { type FederationFigures, type RoundFigures, type RoundTable, roundTable } from "./round-table.ts";

interface StoredInvite {
  readonly tokenHash: string;
  readonly node: string;
  readonly expires: string;
  /** The identity key that used it. */
  readonly key: string | null;
}

/** An entry with its line (canonical, without `\n`) and its hash. */
export interface LedgerLine {
  readonly line: string;
  readonly entry: Entry;
  readonly hash: Sha256;
}

/** What one transaction writes. */
export interface Persisted {
  readonly state: string;
  /** In the ledger's order; each one's place is free and follows the one before. */
  readonly entries?: readonly LedgerLine[];
  /** The round's shares when they are others than before: of a hundred nodes they are megabytes, while the state is written at every upload. */
  readonly shares?: string | undefined;
  /** The leadership under which this was worked out. */
  readonly fence: number;
}

/** A node that is connected with a replica. */
export interface Presence {
  readonly node: NodeId;
  readonly replica: string;
  /** Of the protocol that it speaks with this replica. */
  readonly version: string;
  /** When the replica last said so, in milliseconds since 1970 by the database's clock. */
  readonly seen: number;
}

/** Every method settles when what it wrote is durable. */
export interface Store {
  /** The plan that this federation was founded with. */
  plan(): Promise<{ readonly plan: Plan; readonly hash: Sha256 } | undefined>;
  found(plan: Plan, hash: Sha256): Promise<void>;

  state(): Promise<string | undefined>;
  /** What the round's nodes made for each other, if it was ever kept apart from the state. */
  shares(): Promise<string | undefined>;
  /**
   * State, ledger entries, the figures of the rounds that those entries end, and shares: all in one transaction, or nothing.
   * @throws TRB_COORDINATOR_FENCED when `fence` is not the newest leadership
   */
  persist(what: Persisted): Promise<void>;
  /** Begins a new leadership, which ends all earlier ones. @returns its fence: larger than all before */
  takeLeadership(replica: string): Promise<number>;
  leader(): Promise<{ readonly replica: string; readonly fence: number } | undefined>;
  ledgerSize(): Promise<number>;
  /** The lines from entry `from` on, up to and without entry `to`. */
  ledgerLines(from: number, to?: number): Promise<string[]>;
  ledgerHead(): Promise<{ readonly entries: number; readonly head: Sha256 }>;

  members(): Promise<RosterMember[]>;
  member(node: NodeId): Promise<RosterMember | undefined>;
  /** Consumes the invite and admits the member in one transaction. False when the invite has gone to another key meanwhile. */
  admit(tokenHash: string, member: RosterMember): Promise<boolean>;
  addInvite(invite: Omit<StoredInvite, "key">): Promise<void>;
  invite(tokenHash: string): Promise<StoredInvite | undefined>;

  /** Who is connected with this replica, instead of what it said before. */
  setConnected(replica: string, nodes: readonly Pick<Presence, "node" | "version">[]): Promise<void>;
  /** Of all replicas, in order of node and replica: a node that moved may stand with both for a while. */
  connected(): Promise<Presence[]>;
  /** Why no more rounds are offered; undefined: they are. */
  setStandstill(why: Standstill | undefined): Promise<void>;
  standstill(): Promise<Standstill | undefined>;

  /** Asks for an entry; the same note twice is asked for once. */
  request(note: Note): Promise<void>;
  /** What was asked for and is neither written nor refused, in order. */
  requests(): Promise<{ readonly id: number; readonly note: Note }[]>;
  settleRequest(id: number): Promise<void>;

  readonly rounds: RoundTable;
  close(): Promise<void>;
}

export type { FederationFigures, RoundFigures, RoundTable };

const standstillSchema = z.strictObject({
  code: z.literal("TRB_COORDINATOR_OFFERS_REFUSED"),
  reason: z.string(),
  offers: z.int(),
  nodes: z.array(nodeId),
});

const schemaVersion = 3;
const schema = `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;
  CREATE TABLE ledger (place INTEGER PRIMARY KEY, line TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE TABLE members (node TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, member TEXT NOT NULL) STRICT;
  CREATE TABLE invites (token_hash TEXT PRIMARY KEY, node TEXT NOT NULL, expires TEXT NOT NULL, key TEXT) STRICT;
  CREATE TABLE connected (node TEXT PRIMARY KEY) STRICT;
  CREATE TABLE rounds (
    round INTEGER PRIMARY KEY, started_at TEXT NOT NULL, seconds REAL, bytes_in INTEGER, bytes_out INTEGER, nodes INTEGER,
    released INTEGER, model_hash TEXT, epsilon TEXT, code TEXT
  ) STRICT;
`;

/** What was asked to be written into the ledger between two rounds, by an operator beside the server or by a node. */
const addRequests = `
  CREATE TABLE requests (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT NOT NULL) STRICT;
`;

const addLeadership = `
  CREATE TABLE leadership (id INTEGER PRIMARY KEY CHECK (id = 1), fence INTEGER NOT NULL, replica TEXT NOT NULL) STRICT;
  DROP TABLE connected;
  CREATE TABLE connected (
    node TEXT NOT NULL, replica TEXT NOT NULL, version TEXT NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (node, replica)
  ) STRICT;
`;

/** What leads from each version to the next. */
const migrations: readonly string[] = [schema, addRequests, addLeadership];

/** @throws TRB_COORDINATOR_HOME_EMPTY when there is nothing to open and `create` is not set, TRB_COORDINATOR_STORE_DAMAGED */
export async function openSqliteStore(layout: HomeLayout, { create }: { readonly create: boolean }): Promise<Store> {
  if (!create && !isHome(layout)) throw fail("TRB_COORDINATOR_HOME_EMPTY", { home: layout.home });
  const database = new DatabaseSync(layout.database, { timeout: 5_000 });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    migrate(database);
    return storeOn(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync): void {
  const version = () => Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version() === schemaVersion) return;
  transaction(database, () => {
    if (version() === schemaVersion) return; // another process was quicker
    const missing = migrations.slice(version());
    if (missing.length === 0) throw fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: `its schema version is ${version()}` });
    for (const migration of missing) database.exec(migration);
    database.exec(`PRAGMA user_version = ${schemaVersion}`);
  });
}

function storeOn(database: DatabaseSync): Store {
  const readSetting = database.prepare("SELECT value FROM settings WHERE name = ?");
  const writeSetting = database.prepare("INSERT INTO settings (name, value) VALUES (?, ?)");
  const replaceSetting = database.prepare(
    "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  );
  const dropSetting = database.prepare("DELETE FROM settings WHERE name = ?");
  const readState = database.prepare("SELECT json FROM state");
  const writeState = database.prepare(
    "INSERT INTO state (id, json) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET json = excluded.json",
  );
  const appendLine = database.prepare("INSERT INTO ledger (place, line, hash) VALUES (?, ?, ?)");
  const countLines = database.prepare("SELECT count(*) AS entries FROM ledger");
  const lastLine = database.prepare("SELECT place, hash FROM ledger ORDER BY place DESC LIMIT 1");
  const readLines = database.prepare("SELECT line FROM ledger WHERE place >= ? AND place < ? ORDER BY place");
  const readMembers = database.prepare("SELECT member FROM members ORDER BY node");
  const readMember = database.prepare("SELECT member FROM members WHERE node = ?");
  const addMember = database.prepare("INSERT INTO members (node, key, member) VALUES (?, ?, ?)");
  const addInvite = database.prepare("INSERT INTO invites (token_hash, node, expires, key) VALUES (?, ?, ?, NULL)");
  const readInvite = database.prepare("SELECT token_hash, node, expires, key FROM invites WHERE token_hash = ?");
  const consumeInvite = database.prepare("UPDATE invites SET key = ? WHERE token_hash = ? AND key IS NULL");
  const clearConnected = database.prepare("DELETE FROM connected WHERE replica = ?");
  const addConnected = database.prepare("INSERT INTO connected (node, replica, version, seen) VALUES (?, ?, ?, ?)");
  const readRequests = database.prepare("SELECT id, note FROM requests ORDER BY id");
  const addRequest = database.prepare(
    "INSERT INTO requests (note) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM requests WHERE note = ?)",
  );
  const dropRequest = database.prepare("DELETE FROM requests WHERE id = ?");
  const readConnected = database.prepare("SELECT node, replica, version, seen FROM connected ORDER BY node, replica");

  const readLeader = database.prepare("SELECT fence, replica FROM leadership");
  const takeLeadership = database.prepare(
    "INSERT INTO leadership (id, fence, replica) VALUES (1, 1, ?) ON CONFLICT (id) DO UPDATE SET fence = fence + 1, replica = excluded.replica RETURNING fence",
  );
  const rounds = roundTable(database);

  return {
    async plan() {
      const plan = readSetting.get("plan");
      const hash = readSetting.get("planHash");
      return plan && hash
        ? { plan: parsePlan(JSON.parse(text(plan["value"]))), hash: sha256Hex.parse(hash["value"]) }
        : undefined;
    },
    async found(plan, hash) {
      transaction(database, () => {
        writeSetting.run("plan", JSON.stringify(plan));
        writeSetting.run("planHash", hash);
      });
    },
    async state() {
      const row = readState.get();
      return row ? text(row["json"]) : undefined;
    },
    async shares() {
      const row = readSetting.get("roundShares");
      return row ? text(row["value"]) : undefined;
    },
    async persist({ state, entries = [], shares, fence }) {
      transaction(database, () => {
        if (Number(readLeader.get()?.["fence"] ?? 0) !== fence) throw fail("TRB_COORDINATOR_FENCED", { fence });
        if (shares !== undefined) replaceSetting.run("roundShares", shares);
        for (const { entry, line, hash } of entries) {
          appendLine.run(entry.index, line, hash); // the primary key refuses a second entry in one place
          rounds.settle(entry);
        }
        writeState.run(state);
      });
    },
    takeLeadership: async (replica) => Number(takeLeadership.get(replica)?.["fence"]),
    async leader() {
      const row = readLeader.get();
      return row && { replica: text(row["replica"]), fence: Number(row["fence"]) };
    },
    ledgerSize: async () => Number(countLines.get()?.["entries"]),
    ledgerLines: async (from, to = Number.MAX_SAFE_INTEGER) => readLines.all(from, to).map((row) => text(row["line"])),
    async ledgerHead() {
      const last = lastLine.get();
      return last
        ? { entries: Number(last["place"]) + 1, head: sha256Hex.parse(last["hash"]) }
        : { entries: 0, head: sha256Hex.parse("0".repeat(64)) };
    },
    members: async () => readMembers.all().map((row) => rosterMemberSchema.parse(JSON.parse(text(row["member"])))),
    async member(node) {
      const row = readMember.get(node);
      return row && rosterMemberSchema.parse(JSON.parse(text(row["member"])));
    },
    admit: async (tokenHash, member) =>
      transaction(database, () => {
        if (consumeInvite.run(member.key, tokenHash).changes !== 1) return false;
        addMember.run(member.node, member.key, JSON.stringify(member));
        return true;
      }),
    async addInvite({ tokenHash, node, expires }) {
      addInvite.run(tokenHash, node, expires);
    },
    async invite(tokenHash) {
      const row = readInvite.get(tokenHash);
      if (!row) return undefined;
      const key = row["key"];
      return { tokenHash, node: text(row["node"]), expires: text(row["expires"]), key: typeof key === "string" ? key : null };
    },
    async setConnected(replica, nodes) {
      transaction(database, () => {
        clearConnected.run(replica);
        for (const { node, version } of nodes) addConnected.run(node, replica, version, Date.now());
      });
    },
    connected: async () =>
      readConnected.all().map((row) => ({
        node: nodeId.parse(row["node"]),
        replica: text(row["replica"]),
        version: text(row["version"]),
        seen: Number(row["seen"]),
      })),
    async setStandstill(why) {
      if (why === undefined) dropSetting.run("standstill");
      else replaceSetting.run("standstill", JSON.stringify(why));
    },
    async standstill() {
      const row = readSetting.get("standstill");
      return row ? standstillSchema.parse(JSON.parse(text(row["value"]))) : undefined;
    },
    async request(note) {
      const said = JSON.stringify(note);
      addRequest.run(said, said);
    },
    requests: async () =>
      readRequests.all().map((row) => ({ id: Number(row["id"]), note: JSON.parse(text(row["note"])) as Note })),
    settleRequest: async (id) => void dropRequest.run(id),
    rounds,
    close: async () => database.close(),
  };
}

/** All or nothing; the write lock is taken at once, so that what is read inside is still true when it is written. */
function transaction<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function text(value: unknown): string {
  if (typeof value !== "string")
    throw fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: "a column that holds text holds something else" });
  return value;
}
