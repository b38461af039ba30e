/**
 * node.sqlite: what must outlive everything else. One row a charged round, one row a vote, a few settings.
 *
 * The budget is the number of charges, so the database itself refuses to forget one: no row of `charges` can be deleted, moved
 * to another round, or come back from `refunded`; only a charge that isn't final can be refunded. Every commit is synced.
 *
 * Version 2 knows when a charge was made and settled (ISO 8601). A home of version 1 is brought forward when it is opened, in one transaction;
 * its charges have no times, and so they count in every period (`budget-period.ts` of `@tributary/federation`).
 * Version 3 has the selections of a catalogue, each charged before anything of it leaves; they never age and are never forgotten either.
 * Version 4 records that customers were erased: when, how many, and what they may have been part of by then; not who.
 */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { fail } from "@tributary/errors";
import type { Charge } from "@tributary/federation";
import { decimal, type MessageOf, nodeId, type Sha256, sha256Hex } from "@tributary/protocol";
import { z } from "zod";
import { reasonOf } from "../reason.ts";
import type { Layout } from "./layout.ts";

const schemaVersion = 4;

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

/** From version 1: what was charged then has no times, and never gets any. A time is written with what it is the time of. */
const addTimes = `
  ALTER TABLE charges ADD COLUMN chargedAt TEXT;
  ALTER TABLE charges ADD COLUMN settledAt TEXT;
  CREATE TRIGGER charges_keep_times BEFORE UPDATE ON charges
    WHEN NEW.chargedAt IS NOT OLD.chargedAt
      OR (NEW.settledAt IS NOT OLD.settledAt AND (OLD.status <> 'charged' OR NEW.status = 'charged'))
    BEGIN SELECT RAISE(ABORT, 'the times of a charge stay'); END;
`;

const addSelections = `
  CREATE TABLE selections (
    id INTEGER PRIMARY KEY,
    epsilon TEXT NOT NULL,
    delta TEXT NOT NULL,
    maxItems INTEGER NOT NULL,
    chargedAt TEXT NOT NULL,
    part TEXT
  ) STRICT;
  CREATE TRIGGER selections_stay BEFORE DELETE ON selections BEGIN SELECT RAISE(ABORT, 'a charge is never deleted'); END;
  CREATE TRIGGER selections_hold BEFORE UPDATE ON selections
    WHEN OLD.part IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.epsilon IS NOT OLD.epsilon OR NEW.delta IS NOT OLD.delta
      OR NEW.maxItems IS NOT OLD.maxItems OR NEW.chargedAt IS NOT OLD.chargedAt
    BEGIN SELECT RAISE(ABORT, 'a selection is charged once'); END;
`;

const addErasures = `
  CREATE TABLE erasures (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    customers INTEGER NOT NULL,
    suppressed INTEGER NOT NULL CHECK (suppressed IN (0, 1)),
    planHash TEXT NOT NULL,
    rounds TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER erasures_stay BEFORE DELETE ON erasures BEGIN SELECT RAISE(ABORT, 'an erasure stays recorded'); END;
`;

/** What leads from each version to the next. */
const migrations: readonly string[] = [schema, addTimes, addSelections, addErasures];

/** `charged` until the ledger says what became of the round. */
const statusOf = { open: "charged", final: "final", refunded: "refunded" } as const;
const standingOf = { charged: "open", final: "final", refunded: "refunded" } as const;

const chargeRow = z.object({
  round: z.int().min(1),
  release: z.int().min(0),
  status: z.enum(["charged", "final", "refunded"]),
  h1: sha256Hex,
  cohort: z.string().transform((text) => z.array(nodeId).parse(JSON.parse(text))),
  chargedAt: z.string().nullable(),
  settledAt: z.string().nullable(),
});

const selectionRow = z.object({
  id: z.int().min(1),
  epsilon: decimal,
  delta: decimal,
  maxItems: z.int().min(1),
  chargedAt: z.string(),
  part: sha256Hex.nullable(),
});

const erasureRow = z.object({
  at: z.string(),
  customers: z.int().min(0),
  suppressed: z.int().transform((flag) => flag === 1),
  planHash: sha256Hex,
  rounds: z.string().transform((text) => z.array(z.int().min(1)).parse(JSON.parse(text))),
});

/** That customers were erased. Nothing here says who. */
type Erasure = z.output<typeof erasureRow>;

/** A part of a catalogue that was selected from behaviour, or was going to be when the process ended. */
type SelectionCharge = z.output<typeof selectionRow>;

export interface NodeDatabase {
  setting(name: string): string | undefined;
  set(name: string, value: string): void;
  /** All charges, ascending by round, as the reducer holds them. */
  charges(): Charge[];
  /** Records a charge; the same one again changes nothing. */
  charge(charge: Charge): void;
  /** @param at ISO 8601; without it the charge counts in every period */
  settle(round: number, as: "final" | "refunded", at?: string): void;
  /** All selections that were charged, in their order. */
  selections(): SelectionCharge[];
  /** Charges a selection; on disk when it returns. @returns its number */
  chargeSelection(selection: Omit<SelectionCharge, "id" | "part">): number;
  /** Notes which part (SHA-256) came of it. */
  nameSelection(id: number, part: Sha256): void;
  /** All erasures, in their order. */
  erasures(): Erasure[];
  recordErasure(erasure: Erasure): void;
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
    charges: database.prepare("SELECT * FROM charges ORDER BY round"),
    charge: database.prepare("INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (round) DO NOTHING"),
    settle: database.prepare(
      "UPDATE charges SET status = ?, settledAt = iif(status = 'charged', ?, settledAt) WHERE round = ?",
    ),
    selections: database.prepare("SELECT * FROM selections ORDER BY id"),
    chargeSelection: database.prepare("INSERT INTO selections (epsilon, delta, maxItems, chargedAt) VALUES (?, ?, ?, ?)"),
    nameSelection: database.prepare("UPDATE selections SET part = ? WHERE id = ?"),
    erasures: database.prepare("SELECT at, customers, suppressed, planHash, rounds FROM erasures ORDER BY id"),
    recordErasure: database.prepare(
      "INSERT INTO erasures (at, customers, suppressed, planHash, rounds) VALUES (?, ?, ?, ?, ?)",
    ),
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
        const { status, chargedAt, settledAt, ...charge } = chargeRow.parse(row);
        return {
          ...{ ...charge, standing: standingOf[status] },
          ...(chargedAt === null ? {} : { chargedAt }),
          ...(settledAt === null ? {} : { settledAt }),
        };
      }),
    charge: ({ round, release, standing, h1, cohort, chargedAt = null, settledAt = null }) =>
      guarded(() => {
        const settled = standing === "open" ? null : settledAt;
        statements.charge.run(round, release, statusOf[standing], h1, JSON.stringify(cohort), chargedAt, settled);
      }),
    settle: (round, as, at) => guarded(() => void statements.settle.run(as, at ?? null, round)),
    selections: () => statements.selections.all().map((row) => selectionRow.parse(row)),
    chargeSelection: ({ epsilon, delta, maxItems, chargedAt }) =>
      guarded(() => Number(statements.chargeSelection.run(epsilon, delta, maxItems, chargedAt).lastInsertRowid)),
    nameSelection: (id, part) => guarded(() => void statements.nameSelection.run(part, id)),
    erasures: () => statements.erasures.all().map((row) => erasureRow.parse(row)),
    recordErasure: ({ at, customers, suppressed, planHash, rounds }) =>
      guarded(() => void statements.recordErasure.run(at, customers, suppressed ? 1 : 0, planHash, JSON.stringify(rounds))),
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
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(layout.database, { timeout: 5_000 });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    bringForward(database);
    return database;
  } catch (cause) {
    database?.close();
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.database, reason: reasonOf(cause) }, cause);
  }
}

/** Under the write lock, so that two processes that open a home at once don't both do it. */
function bringForward(database: DatabaseSync): void {
  const versionOf = () => Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (versionOf() === schemaVersion) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf();
    if (version > schemaVersion) throw new Error("it was written by another version");
    for (const step of migrations.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${schemaVersion}; COMMIT`);
  } catch (cause) {
    database.exec("ROLLBACK");
    throw cause;
  }
}

function text(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
