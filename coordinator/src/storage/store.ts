/**
 * Everything that the coordinator must remember: the state of the round, the ledger, members, invites and the rounds' figures. One interface, two engines
 * (`open-store.ts`): a SQLite file in the home, which other processes may read, and make invites in, while the server runs; or a schema in PostgreSQL, which
 * many replicas share. When a call returns, what it wrote survives a power cut.
 *
 * Every method may throw TRB_COORDINATOR_DATABASE_UNREACHABLE once its patience is over, TRB_COORDINATOR_DATABASE_REFUSED and TRB_COORDINATOR_STORE_DAMAGED;
 * what writes, TRB_COORDINATOR_DATABASE_FULL as well, and then it has written nothing.
 */
import type { Note } from "@tributary/federation";
import type { Entry } from "@tributary/ledger";
import type { NodeId, Plan, RosterMember, Sha256 } from "@tributary/protocol";
import type { Standstill } from "../rounds/refusals.ts";
import type { Database } from "./database.ts";
import type { RoundTable } from "./round-table.ts";

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
  /** Requests whose notes are among the entries: whatever becomes of this process, each is written once. */
  readonly settled?: readonly number[];
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
  /** The same plan may be founded again, as by replicas that start together. @throws TRB_COORDINATOR_HOME_OTHER_PLAN */
  found(plan: Plan, hash: Sha256): Promise<void>;

  state(): Promise<string | undefined>;
  /** What the round's nodes made for each other, if it was ever kept apart from the state. */
  shares(): Promise<string | undefined>;
  /**
   * State, ledger entries, the figures of the rounds that those entries end, the requests that they answer, and shares: all in one transaction, or nothing.
   * @throws TRB_COORDINATOR_FENCED when `fence` is not the newest leadership; TRB_COORDINATOR_LEDGER_FORKED when the entries don't follow the ledger's last;
   *   TRB_COORDINATOR_ROSTER_MOVED when one is the genesis entry, and its roster isn't all who have joined
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
  /**
   * Consumes the invite and admits the member in one transaction. False when the invite has gone to another key meanwhile.
   * @throws TRB_COORDINATOR_NODE_TAKEN when another has its name or its key
   */
  admit(tokenHash: string, member: RosterMember): Promise<boolean>;
  addInvite(invite: Omit<StoredInvite, "key">): Promise<void>;
  invite(tokenHash: string): Promise<StoredInvite | undefined>;

  /** Who is connected with this replica, instead of what it said before. */
  setConnected(replica: string, nodes: readonly Pick<Presence, "node" | "version">[]): Promise<void>;
  /**
   * Of all replicas, in order of node and replica: a node that moved may stand with both for a while.
   * @param within only of those that have said so in the last so many milliseconds
   */
  connected(within?: number): Promise<Presence[]>;
  /** Whatever it said, as when it has died. */
  forgetReplica(replica: string): Promise<void>;
  /** Why no more rounds are offered; undefined: they are. @throws TRB_COORDINATOR_FENCED */
  setStandstill(why: Standstill | undefined, fence: number): Promise<void>;
  standstill(): Promise<Standstill | undefined>;

  /** Asks for an entry; the same note twice is asked for once. */
  request(note: Note): Promise<void>;
  /** What was asked for and is neither written nor refused, in order. */
  requests(): Promise<{ readonly id: number; readonly note: Note }[]>;
  /** It was refused, and is asked for no more. @throws TRB_COORDINATOR_FENCED */
  settleRequest(id: number, fence: number): Promise<void>;

  readonly rounds: RoundTable;
  /** For tables of other rooms. */
  readonly database: Database;
  close(): Promise<void>;
}
