/**
 * What stands in the coordinator's database, as Kysely's types: one federation's tables, the same on both engines. `migrations.ts` makes them.
 *
 * Numbers are integers below 2⁵³ unless it says otherwise; instants are RFC 3339 texts of the replica's clock, or milliseconds since 1970 of the
 * database's where replicas compare them.
 */
import type { Generated } from "kysely";
import type { AccessTables } from "../access/tables.ts";

export interface Tables extends AccessTables {
  /** On PostgreSQL; SQLite has a number of its own for it, `user_version`. */
  readonly migrations: MigrationsTable;
  readonly settings: SettingsTable;
  readonly state: StateTable;
  readonly ledger: LedgerTable;
  readonly members: MembersTable;
  readonly invites: InvitesTable;
  readonly requests: RequestsTable;
  readonly rounds: RoundsTable;
  readonly leadership: LeadershipTable;
  readonly replicas: ReplicasTable;
  readonly connected: ConnectedTable;
}

interface MigrationsTable {
  readonly version: number;
  readonly name: string;
}

/** `plan`, `planHash`, `roundShares` and `standstill`. */
interface SettingsTable {
  readonly name: string;
  readonly value: string;
}

/** One row. */
interface StateTable {
  readonly id: Generated<number>;
  /** The reducer's state, encoded, with its round's shares left out. */
  readonly json: string;
  /** How often it was written: tells whether a commit whose answer was lost took place. */
  readonly sequence: number;
}

interface LedgerTable {
  /** From 0, without a gap. */
  readonly place: number;
  /** Canonical, without `\n`. */
  readonly line: string;
  readonly hash: string;
}

interface MembersTable {
  readonly node: string;
  /** Its identity key. */
  readonly key: string;
  /** The roster's member, signed by itself, as JSON. */
  readonly member: string;
}

interface InvitesTable {
  readonly token_hash: string;
  readonly node: string;
  readonly expires: string;
  /** The identity key that used it. */
  readonly key: string | null;
}

/** What was asked to be written into the ledger between two rounds, by an operator beside the server or by a node. */
interface RequestsTable {
  readonly id: Generated<number>;
  readonly note: string;
}

interface RoundsTable {
  readonly round: number;
  readonly started_at: string;
  /** A fraction. */
  readonly seconds: number | null;
  readonly bytes_in: number | null;
  readonly bytes_out: number | null;
  readonly nodes: number | null;
  /** 0 or 1. */
  readonly released: number | null;
  readonly model_hash: string | null;
  /** A decimal of 12 significant digits. */
  readonly epsilon: string | null;
  readonly code: string | null;
}

/** One row, whose lock is what writers of the state and of the roster wait for. */
interface LeadershipTable {
  readonly id: Generated<number>;
  /** 0 before the first leadership. */
  readonly fence: number;
  readonly replica: string;
}

interface ReplicasTable {
  readonly replica: string;
  /** By the database's clock. */
  readonly seen: number;
}

interface ConnectedTable {
  readonly node: string;
  readonly replica: string;
  readonly version: string;
}
