/** The figures of every round, for `/v1/rounds`, `/v1/status` and reports: how long it took, what went over the wire, what it cost. */
import type { Entry } from "@tributary/ledger";
import { type Selectable, sql } from "kysely";
import type { Database, Writing } from "./database.ts";
import { requireLeadership } from "./leadership-row.ts";
import type { Tables } from "./schema.ts";

export interface RoundFigures {
  readonly round: number;
  readonly startedAt: string;
  /** Null while the round runs. */
  readonly seconds: number | null;
  /** TCP payload of all connections while the round ran, from and to nodes. */
  readonly bytesIn: number | null;
  readonly bytesOut: number | null;
  /** Nodes that the round was offered to. */
  readonly nodes: number | null;
  readonly released: boolean | null;
  /** The model after the round. */
  readonly modelHash: string | null;
  /** Spent after the round, as the ledger claims it. */
  readonly epsilon: number | null;
  /** Why it was given up. */
  readonly code: string | null;
}

/** Means over the rounds that released something; null before the first. */
export interface FederationFigures {
  readonly bytesInPerRoundPerNode: number | null;
  readonly bytesOutPerRoundPerNode: number | null;
  readonly secondsPerRound: number | null;
}

interface RoundBegan {
  readonly at: string;
  /** That it is offered to. */
  readonly nodes: number;
}

interface RoundEnded {
  readonly at: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface RoundTable {
  /** A round that has begun already is left as it is. @throws TRB_COORDINATOR_FENCED */
  begin(round: number, began: RoundBegan, fence: number): Promise<void>;
  /** A round that has ended already is left as it is. @throws TRB_COORDINATOR_FENCED */
  end(round: number, ended: RoundEnded, fence: number): Promise<void>;
  one(round: number): Promise<RoundFigures | undefined>;
  all(): Promise<RoundFigures[]>;
  figures(): Promise<FederationFigures>;
}

export function roundTable(database: Database): RoundTable {
  return {
    async begin(round, { at, nodes }, fence) {
      const row = { round, started_at: at, nodes };
      await database.write(async (tables) => {
        await requireLeadership(database, tables, fence);
        await tables
          .insertInto("rounds")
          .values(row)
          .onConflict((known) => known.column("round").doNothing())
          .execute();
      }, "again");
    },
    async end(round, { at, bytesIn, bytesOut }, fence) {
      await database.write(async (tables) => {
        await requireLeadership(database, tables, fence);
        const row = await tables.selectFrom("rounds").select("started_at").where("round", "=", round).executeTakeFirst();
        if (row === undefined) return;
        const seconds = (Date.parse(at) - Date.parse(row.started_at)) / 1000;
        const ended = { seconds, bytes_in: bytesIn, bytes_out: bytesOut };
        await tables.updateTable("rounds").set(ended).where("round", "=", round).where("seconds", "is", null).execute();
      }, "again");
    },
    async one(round) {
      const row = await database.read((tables) =>
        tables.selectFrom("rounds").selectAll().where("round", "=", round).executeTakeFirst(),
      );
      return row && figuresOf(row);
    },
    async all() {
      const rows = await database.read((tables) => tables.selectFrom("rounds").selectAll().orderBy("round").execute());
      return rows.map(figuresOf);
    },
    async figures() {
      const row = await database.read((tables) =>
        tables
          .selectFrom("rounds")
          .select([
            sql<number | null>`avg(bytes_in * 1.0 / nodes)`.as("inward"),
            sql<number | null>`avg(bytes_out * 1.0 / nodes)`.as("outward"),
            sql<number | null>`avg(seconds)`.as("seconds"),
          ])
          .where("released", "=", 1)
          .where("seconds", "is not", null)
          .executeTakeFirst(),
      );
      return {
        bytesInPerRoundPerNode: row?.inward ?? null,
        bytesOutPerRoundPerNode: row?.outward ?? null,
        secondsPerRound: row?.seconds ?? null,
      };
    },
  };
}

/** What a round's ledger entry says of it. */
export async function settleRound(tables: Writing, entry: Entry): Promise<void> {
  if (entry.kind !== "round" && entry.kind !== "aborted") return;
  const settled =
    entry.kind === "round"
      ? { released: 1, model_hash: entry.nextModelHash, code: null }
      : { released: 0, model_hash: entry.modelHash, code: entry.code };
  const values = { ...settled, epsilon: entry.spent.epsilon };
  await tables.updateTable("rounds").set(values).where("round", "=", entry.round).execute();
}

const figuresOf = (row: Selectable<Tables["rounds"]>): RoundFigures => ({
  round: row.round,
  startedAt: row.started_at,
  seconds: row.seconds,
  bytesIn: row.bytes_in,
  bytesOut: row.bytes_out,
  nodes: row.nodes,
  released: row.released === null ? null : row.released === 1,
  modelHash: row.model_hash,
  epsilon: row.epsilon === null ? null : Number(row.epsilon),
  code: row.code,
});
