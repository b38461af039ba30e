/**
 * What of the coordinator's database a backup holds: rows as JSON lines, the same from either engine, so that what one wrote the other can be filled with.
 * Left out is what is of a process (who is connected, leases, sessions), and what opens the round under way.
 */
import { betweenRounds, decodeCoordinatorState, encodeCoordinatorState } from "@tributary/federation";
import { sql } from "kysely";
import { z } from "zod";
import type { Reading, Writing } from "../storage/database.ts";

/** In an order in which what refers comes after what it refers to; each with the columns that order its rows. */
const saved = {
  settings: ["name"],
  state: ["id"],
  ledger: ["place"],
  members: ["node"],
  invites: ["token_hash"],
  requests: ["id"],
  rounds: ["round"],
  leadership: ["id"],
  operators: ["name"],
  tokens: ["id"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Why each of the others isn't in a backup; a test holds the two lists to the tables that there are. */
export const leftOut = {
  migrations: "the manifest says the version",
  replicas: "of processes",
  connected: "of processes",
  lease: "of processes",
  socket_io_attachments: "messages of half a minute",
  sessions: "operators sign in again",
  attempts: "wrong passwords of the last minutes",
} as const;

export type SavedTable = keyof typeof saved;
export const savedTables = Object.keys(saved) as SavedTable[];

const rowSchema = z.record(z.string().regex(/^[a-z_]+$/), z.union([z.string(), z.number(), z.null()]));
export type SavedRow = z.infer<typeof rowSchema>;
export type SavedRows = Readonly<Record<SavedTable, readonly SavedRow[]>>;

/** Settings that are of the round under way, or of the process. */
const passing = new Set(["roundShares", "standstill"]);

/** @param tables within one snapshot */
export async function readSaved(tables: Reading): Promise<{ readonly rows: SavedRows; readonly roundUnderWay: number | null }> {
  const rows = {} as Record<SavedTable, SavedRow[]>;
  for (const name of savedTables) {
    const order = sql.join(saved[name].map((column) => sql.ref(column)));
    const found = await sql`SELECT * FROM ${sql.table(name)} ORDER BY ${order}`.execute(tables);
    rows[name] = found.rows.map((row) => rowSchema.parse(row));
  }
  rows.settings = rows.settings.filter(({ name }) => !passing.has(String(name)));
  const [state] = rows.state;
  if (state === undefined) return { rows, roundUnderWay: null };
  const decoded = decodeCoordinatorState(String(state["json"]));
  rows.state = [{ ...state, json: encodeCoordinatorState(betweenRounds(decoded)) }];
  return { rows, roundUnderWay: decoded.round?.number ?? null };
}

/** Rows in one statement: engines bound the values in it. */
const together = 200;

/** Fills tables that are empty, but for the row that the leadership begins with. */
export async function writeSaved(tables: Writing, rows: SavedRows): Promise<void> {
  await sql`DELETE FROM leadership`.execute(tables);
  for (const name of savedTables) {
    // a number that the engine counts is its own to give
    const given = name === "requests" ? rows[name].map(({ id: _, ...row }) => row) : rows[name];
    for (let from = 0; from < given.length; from += together) {
      const some = given.slice(from, from + together);
      const columns = Object.keys(some[0] ?? {});
      const values = some.map((row) => sql`(${sql.join(columns.map((column) => row[column] ?? null))})`);
      const names = sql.join(columns.map((column) => sql.ref(column)));
      await sql`INSERT INTO ${sql.table(name)} (${names}) VALUES ${sql.join(values)}`.execute(tables);
    }
  }
}

export const rowsBytes = (rows: readonly SavedRow[]): Uint8Array =>
  new TextEncoder().encode(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

/** Undefined where a line is no row: the manifest's hash holds for whatever the manifest's writer meant it to. */
export function rowsFrom(bytes: Uint8Array): SavedRow[] | undefined {
  const lines = Buffer.from(bytes).toString("utf8").split("\n");
  const rows = lines.filter((line) => line !== "").map((line) => rowSchema.safeParse(jsonOf(line)).data);
  return rows.every((row) => row !== undefined) ? rows : undefined;
}

/** Undefined for what is no JSON. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // without the parser's words: they would quote the line
  }
}
