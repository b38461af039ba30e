/**
 * node.sqlite: what must outlive everything else. One row a charged round, one row a vote, a few settings.
 *
 * The budget is the number of charges, so the database itself refuses to forget one: no row of `charges` can be deleted, moved
 * to another round, or come back from `refunded`; only a charge that isn't final can be refunded. Every commit is synced.
 */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { fail } from "@tributary/errors";
import type { Charge } from "@tributary/federation";
import { type MessageOf, nodeId, sha256Hex } from "@tributary/protocol";
import { z } from "zod";
import { type Layout, reasonOf } from "./layout.ts";

const schemaVersion = 1;

const schema = `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE charges (
    round INTEGER PRIMARY KEY,
    release INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('charged', 'final', 'refunded')),
    h1 TEXT NOT NULL,
    cohort TEXT NOT NULL
  ) STRICT;
  CREATE TABLE votes (round INTEGER PRIMARY KEY, choice TEXT NOT NULL, signature TEXT NOT NULL) STRICT;

  CREATE TRIGGER charges_stay BEFORE DELETE ON charges BEGIN SELECT RAISE(ABORT, 'a charge is never deleted'); END;
  CREATE TRIGGER charges_settle_once BEFORE UPDATE ON charges
    WHEN NEW.round IS NOT OLD.round OR NEW.release IS NOT OLD.release
      OR (OLD.status <> 'charged' AND NEW.status <> OLD.status)
    BEGIN SELECT RAISE(ABORT, 'a charge is settled once'); END;
  CREATE TRIGGER votes_stay BEFORE DELETE ON votes BEGIN SELECT RAISE(ABORT, 'a vote is never forgotten'); END;
  CREATE TRIGGER votes_hold BEFORE UPDATE ON votes BEGIN SELECT RAISE(ABORT, 'a vote is cast once'); END;
`;

/** `charged` until the ledger says what became of the round. */
const statusOf = { open: "charged", final: "final", refunded: "refunded" } as const;
const standingOf = { charged: "open", final: "final", refunded: "refunded" } as const;

const chargeRow = z.object({
  round: z.int().min(1),
  release: z.int().min(0),
  status: z.enum(["charged", "final", "refunded"]),
  h1: sha256Hex,
  cohort: z.string().transform((text) => z.array(nodeId).parse(JSON.parse(text))),
});

export interface NodeDatabase {
  setting(name: string): string | undefined;
  set(name: string, value: string): void;
  /** All charges, ascending by round, as the reducer holds them. */
  charges(): Charge[];
  /** Records a charge; the same one again changes nothing. */
  charge(charge: Charge): void;
  settle(round: number, as: "final" | "refunded"): void;
  /** Records this node's one vote in a round; the same one again changes nothing. */
  vote(vote: MessageOf<"vote">): void;
  remembersVote(round: number, signature: string): boolean;
  /** Enters a vote that a lost store cast, as the ledger has it; a vote that is known stays. */
  recallVote(vote: { readonly round: number; readonly choice: "survivors" | "abort"; readonly signature: string }): void;
  /** The largest round number that this node ever took part in; 0 when there is none. */
  lastRound(): number;
  /** Remembers a round number as used, for a home whose `rounds/` is lost. */
  reachRound(round: number): void;
  close(): void;
}

/** @throws TRB_NODE_HOME_UNREADABLE, and from every writing call TRB_NODE_HOME_UNWRITABLE */
export function openDatabase(layout: Layout): NodeDatabase {
  const database = open(layout);
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw fail("TRB_NODE_HOME_UNWRITABLE", { file: layout.database, reason: reasonOf(cause) }, cause);
    }
  };
  const statements = {
    setting: database.prepare("SELECT value FROM settings WHERE name = ?"),
    set: database.prepare("INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
    charges: database.prepare("SELECT round, release, status, h1, cohort FROM charges ORDER BY round"),
    charge: database.prepare("INSERT INTO charges VALUES (?, ?, ?, ?, ?) ON CONFLICT (round) DO NOTHING"),
    settle: database.prepare("UPDATE charges SET status = ? WHERE round = ?"),
    vote: database.prepare("INSERT INTO votes VALUES (?, ?, ?)"),
    voteOf: database.prepare("SELECT signature FROM votes WHERE round = ?"),
  };
  const voteIn = (round: number) => text(statements.voteOf.get(round)?.["signature"]);
  const lastRound = () =>
    z.coerce
      .number()
      .int()
      .parse(text(statements.setting.get("lastRound")?.["value"]) ?? 0);

  return {
    setting: (name) => text(statements.setting.get(name)?.["value"]),
    set: (name, value) => guarded(() => void statements.set.run(name, value)),
    charges: () =>
      statements.charges.all().map((row) => {
        const { status, ...charge } = chargeRow.parse(row);
        return { ...charge, standing: standingOf[status] };
      }),
    charge: ({ round, release, standing, h1, cohort }) =>
      guarded(() => void statements.charge.run(round, release, statusOf[standing], h1, JSON.stringify(cohort))),
    settle: (round, as) => guarded(() => void statements.settle.run(as, round)),
    vote: ({ round, body, signature }) =>
      guarded(() => {
        if (voteIn(round) === signature) return;
        statements.vote.run(round, body.choice.for, signature); // a second, different one hits the primary key
      }),
    remembersVote: (round, signature) => voteIn(round) === signature,
    recallVote: ({ round, choice, signature }) =>
      guarded(() => {
        if (voteIn(round) === undefined) statements.vote.run(round, choice, signature);
      }),
    lastRound,
    reachRound: (round) =>
      guarded(() => {
        if (round > lastRound()) statements.set.run("lastRound", String(round));
      }),
    close: () => database.close(),
  };
}

function open(layout: Layout): DatabaseSync {
  try {
    const database = new DatabaseSync(layout.database, { timeout: 5_000 });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
    if (version === 0) database.exec(`BEGIN IMMEDIATE; ${schema} PRAGMA user_version = ${schemaVersion}; COMMIT;`);
    else if (version !== schemaVersion) throw new Error("it was written by another version");
    return database;
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.database, reason: reasonOf(cause) }, cause);
  }
}

function text(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
