/**
 * The SQLite file that a merchant's homes share, wherever `policy.budget.file` says: on a local disk of the machine that runs them (locks of network
 * disks are not to be trusted). It refuses to forget as node.sqlite does: no home, cost or charge is ever deleted or moved, and a charge goes only
 * forward, from reserved to open to final or refunded. Whoever decides holds the write lock from reading to writing, and every commit is synced.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fail, isTributaryError } from "@tributary/errors";
import type { Charge } from "@tributary/federation";
import { nodeId, releaseSchema, sha256Hex } from "@tributary/protocol";
import { z } from "zod";
import { reasonOf } from "../reason.ts";
import {
  mayBecome,
  ownCharges,
  type SharedCharge,
  type SharedContents,
  type SharedCost,
  type SharedHome,
  type SharedRound,
  type SharedStanding,
  sharedRefusal,
} from "./contents.ts";

const schemaVersion = 1;
/** "TrbB": another program's database is not taken for a budget. */
const applicationId = 0x54726242;

const standings: readonly SharedStanding[] = ["released", "reserved", "open", "refunded", "final"];
const allowed = standings.flatMap((before) =>
  standings.flatMap((after) => (mayBecome(before, after) ? [`('${before}', '${after}')`] : [])),
);

const schema = `
  CREATE TABLE homes (
    home TEXT PRIMARY KEY, federation TEXT NOT NULL, node TEXT NOT NULL, "plan" TEXT NOT NULL,
    maxEpsilon REAL, delta REAL, periodDays INTEGER
  ) STRICT;
  CREATE TABLE costs (
    "plan" TEXT NOT NULL, "release" INTEGER NOT NULL, kind TEXT NOT NULL, orders TEXT NOT NULL, rdp TEXT NOT NULL,
    delta REAL NOT NULL,
    PRIMARY KEY ("plan", "release")
  ) STRICT;
  CREATE TABLE charges (
    home TEXT NOT NULL, round INTEGER NOT NULL, "plan" TEXT NOT NULL, "release" INTEGER NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN (${standings.map((name) => `'${name}'`).join()})),
    chargedAt TEXT, settledAt TEXT,
    PRIMARY KEY (home, round)
  ) STRICT;

  CREATE TRIGGER homes_stay BEFORE DELETE ON homes BEGIN SELECT RAISE(ABORT, 'a home is never forgotten'); END;
  CREATE TRIGGER homes_hold BEFORE UPDATE ON homes WHEN NEW.home IS NOT OLD.home
    BEGIN SELECT RAISE(ABORT, 'a home keeps its key'); END;
  CREATE TRIGGER costs_stay BEFORE DELETE ON costs BEGIN SELECT RAISE(ABORT, 'a cost is never forgotten'); END;
  CREATE TRIGGER costs_hold BEFORE UPDATE ON costs BEGIN SELECT RAISE(ABORT, 'a cost never changes'); END;
  CREATE TRIGGER charges_stay BEFORE DELETE ON charges BEGIN SELECT RAISE(ABORT, 'a charge is never deleted'); END;
  CREATE TRIGGER charges_go_forward BEFORE UPDATE ON charges
    WHEN NEW.home IS NOT OLD.home OR NEW.round IS NOT OLD.round OR NEW."plan" IS NOT OLD."plan" OR NEW."release" IS NOT OLD."release"
      OR (OLD.chargedAt IS NOT NULL AND NEW.chargedAt IS NOT OLD.chargedAt)
      OR (OLD.settledAt IS NOT NULL AND NEW.settledAt IS NOT OLD.settledAt)
      OR (OLD.standing, NEW.standing) NOT IN (VALUES ${allowed.join()})
    BEGIN SELECT RAISE(ABORT, 'a charge only goes forward'); END;

  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/** Numbers as JavaScript writes them, which reads back as the same; an order may cost infinitely much. */
const numbers = z.string().transform((text) => text.split(" ").map(Number));
const instant = z.string().nullable();

const homeRow = z.object({
  ...{ home: sha256Hex, federation: z.string(), node: nodeId, plan: sha256Hex },
  ...{ maxEpsilon: z.number().nullable(), delta: z.number().nullable(), periodDays: z.int().nullable() },
});
const costRow = z.object({
  ...{ plan: sha256Hex, release: z.int(), kind: z.union([releaseSchema.shape.kind, z.literal("selection")]) },
  ...{ orders: numbers, rdp: numbers, delta: z.number() },
});
const chargeRow = z.object({
  ...{ home: sha256Hex, round: z.int(), plan: sha256Hex, release: z.int() },
  ...{ standing: z.enum(["released", "reserved", "open", "refunded", "final"]), chargedAt: instant, settledAt: instant },
});

export interface SharedBudget {
  readonly file: string;
  contents(): SharedContents;
  /** Enters a home with its limits, costs and charges as they are now; what is known stays, or goes forward. */
  enrol(home: SharedHome, costs: readonly SharedCost[], charges: readonly Charge[]): void;
  /** A home that shares no longer sets no limit; what it charged stays. */
  leave(home: SharedHome["home"]): void;
  /**
   * Takes what a round will cost before anything is said of it, if all homes' limits keep it. The same round again changes nothing.
   * @throws TRB_POLICY_SHARED_BUDGET_EXCEEDED
   */
  reserve(round: SharedRound, now: string): void;
  /** A reserved round that was not paid for costs nothing. */
  release(home: SharedHome["home"], round: number): void;
  close(): void;
}

/**
 * @param options.create make the file where there is none: only when the merchant says so, since a new file knows of no spending
 * @param options.patience how long another home may hold it, in milliseconds; default 5000
 * @throws TRB_NODE_BUDGET_UNREADABLE; TRB_NODE_HOME_UNWRITABLE from what writes charges
 */
export function openSharedBudget(
  file: string,
  options: { readonly create?: boolean; readonly patience?: number } = {},
): SharedBudget {
  const unreadable = (reason: string, cause?: unknown) => fail("TRB_NODE_BUDGET_UNREADABLE", { file, reason }, cause);
  if (!(options.create ?? false) && !existsSync(file)) throw unreadable("there is no such file");
  const database = open(file, options.patience ?? 5_000, unreadable);

  const contents = (): SharedContents => {
    try {
      const rows = (table: string) => database.prepare(`SELECT * FROM ${table}`).all();
      return {
        homes: rows("homes").map((row) => {
          const { maxEpsilon, delta, periodDays, ...home } = homeRow.parse(row);
          return { ...home, limits: maxEpsilon === null || delta === null ? null : { maxEpsilon, delta, periodDays } };
        }),
        costs: rows("costs").map((row) => costRow.parse(row)),
        charges: rows("charges").map((row) => {
          const { chargedAt, settledAt, ...charge } = chargeRow.parse(row);
          return { ...charge, ...(chargedAt === null ? {} : { chargedAt }), ...(settledAt === null ? {} : { settledAt }) };
        }),
      };
    } catch (cause) {
      throw unreadable(cause instanceof z.ZodError ? "its rows make no sense" : reasonOf(cause), cause);
    }
  };

  /** Reading, deciding and writing under one write lock. */
  const locked = <T>(work: () => T): T => {
    try {
      database.exec("BEGIN IMMEDIATE");
    } catch (cause) {
      throw unreadable(reasonOf(cause), cause);
    }
    try {
      const done = work();
      database.exec("COMMIT");
      return done;
    } catch (cause) {
      database.exec("ROLLBACK");
      if (isTributaryError(cause)) throw cause;
      throw fail("TRB_NODE_HOME_UNWRITABLE", { file, reason: reasonOf(cause) }, cause);
    }
  };

  const statements = {
    home: database.prepare(
      `INSERT INTO homes VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (home) DO UPDATE SET federation = excluded.federation,
       node = excluded.node, "plan" = excluded."plan", maxEpsilon = excluded.maxEpsilon, delta = excluded.delta, periodDays = excluded.periodDays`,
    ),
    leave: database.prepare("UPDATE homes SET maxEpsilon = NULL, delta = NULL, periodDays = NULL WHERE home = ?"),
    cost: database.prepare('INSERT INTO costs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT ("plan", "release") DO NOTHING'),
    standing: database.prepare("SELECT standing FROM charges WHERE home = ? AND round = ?"),
    charge: database.prepare("INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?)"),
    move: database.prepare(
      "UPDATE charges SET standing = ?, chargedAt = coalesce(chargedAt, ?), settledAt = coalesce(settledAt, ?) WHERE home = ? AND round = ?",
    ),
  };

  /** Enters a charge, or moves it forward; what is further already stays. Within a transaction. */
  const enter = ({ home, round, plan, release, standing, ...times }: SharedCharge): void => {
    const [chargedAt, settledAt] = [times.chargedAt ?? null, times.settledAt ?? null];
    const before = statements.standing.get(home, round)?.["standing"];
    if (before === undefined) statements.charge.run(home, round, plan, release, standing, chargedAt, settledAt);
    else if (mayBecome(before as SharedStanding, standing)) statements.move.run(standing, chargedAt, settledAt, home, round);
  };

  return {
    file,
    contents,
    enrol: (home, costs, charges) =>
      locked(() => {
        const { limits, federation, node, plan } = home;
        const { maxEpsilon = null, delta = null, periodDays = null } = limits ?? {};
        statements.home.run(home.home, federation, node, plan, maxEpsilon, delta, periodDays);
        for (const { plan: hash, release, kind, orders, rdp, delta: own } of costs) {
          statements.cost.run(hash, release, kind, orders.join(" "), rdp.join(" "), own);
        }
        for (const charge of ownCharges(home, costs, charges)) enter(charge);
      }),
    leave: (home) => locked(() => void statements.leave.run(home)),
    reserve: (round, now) =>
      locked(() => {
        const refusal = sharedRefusal({ ...contents(), file }, round, now);
        if (refusal !== undefined) throw refusal;
        enter({ ...round, standing: "reserved" });
      }),
    release: (home, round) =>
      locked(() => {
        if (statements.standing.get(home, round)?.["standing"] !== "reserved") return;
        statements.move.run("released", null, null, home, round);
      }),
    close: () => database.close(),
  };
}

function open(file: string, timeout: number, unreadable: (reason: string, cause?: unknown) => Error): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout });
    prepare(database);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    return database;
  } catch (cause) {
    database?.close(); // an open transaction ends with it
    throw unreadable(reasonOf(cause), cause);
  }
}

/** Under the write lock: of two homes that make the file at once, one does. */
function prepare(database: DatabaseSync): void {
  const pragma = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
  database.exec("BEGIN IMMEDIATE");
  const tables = Number(database.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.["count"]);
  if (tables === 0) database.exec(schema);
  else if (pragma("application_id") !== applicationId) throw new Error("it is another program's database");
  else if (pragma("user_version") !== schemaVersion) throw new Error("it was written by another version");
  database.exec("COMMIT");
}
