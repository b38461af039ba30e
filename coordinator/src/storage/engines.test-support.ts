/** The engines as tests of the store use them: fresh places for a database, each of which several connections may open. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeId, type RosterMember, rosterMemberSchema, sha256Hex } from "@tributary/protocol";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { type Database, type Patience, postgresDatabase, sqliteDatabase } from "./database.ts";
import { migrate } from "./migrating.ts";
import type { Engine, Migration } from "./migrations.ts";
import type { LedgerLine, Store } from "./store.ts";
import { storeOn } from "./store-tables.ts";

/** One place where a database is or will be. */
export interface Place {
  /** Undefined for PostgreSQL. */
  readonly file: string | undefined;
  /** A connection of its own, as another process would have. */
  database(patience?: Patience): Database;
  /** Brought to this program's version, or to that of other steps. */
  migrated(steps?: readonly Migration[]): Promise<Database>;
  store(patience?: Patience): Promise<Store>;
}

export interface TestEngine {
  readonly engine: Engine;
  start(): Promise<void>;
  /** A new one each time. */
  place(): Place;
  /** Of PostgreSQL, while it runs. */
  server(): PostgresServer;
  stop(): Promise<void>;
}

const short: Patience = { reading: 2_000, writing: 15_000 };

function placeOf(file: string | undefined, open: (patience: Patience) => Database): Place {
  const database = (patience = short) => open(patience);
  const migrated = async (steps?: readonly Migration[], patience = short) => {
    const opened = database(patience);
    await migrate(opened, steps === undefined ? { create: true } : { create: true, steps });
    return opened;
  };
  return { file, database, migrated, store: async (patience) => storeOn(await migrated(undefined, patience)) };
}

export function sqliteEngine(): TestEngine {
  let folder = "";
  let places = 0;
  return {
    engine: "sqlite",
    async start() {
      folder = mkdtempSync(join(tmpdir(), "tributary-store-"));
    },
    place() {
      places += 1;
      const file = join(folder, `${places}.sqlite`);
      return placeOf(file, (patience) => sqliteDatabase(file, patience));
    },
    server() {
      throw new Error("SQLite has no server");
    },
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function postgresEngine(): TestEngine {
  let server: PostgresServer | undefined;
  let places = 0;
  const running = () => {
    if (server === undefined) throw new Error("PostgreSQL was not started");
    return server;
  };
  return {
    engine: "postgres",
    async start() {
      server = await startPostgres();
    },
    place() {
      places += 1;
      const schema = `store_${places}`;
      const url = `${running().url()}?schema=${schema}`;
      return placeOf(undefined, (patience) => postgresDatabase(url, patience));
    },
    server: running,
    stop: () => running().stop(),
  };
}

/** Of a kind that says nothing of rounds; `words` makes lines of one place differ. */
export function ledgerLine(index: number, words = ""): LedgerLine {
  const hash = sha256Hex.parse((index + 1).toString(16).padStart(64, "0"));
  return { line: JSON.stringify({ index, words }), hash, entry: { index, kind: "operator" } as LedgerLine["entry"] };
}

export function member(name: string, key = name): RosterMember {
  const hex = Buffer.from(key).toString("hex").padEnd(64, "0").slice(0, 64);
  return rosterMemberSchema.parse({ node: nodeId.parse(name), key: hex, kind: "merchant", signature: "0".repeat(128) });
}

export const tokenHash = (name: string) => Buffer.from(name).toString("hex").padEnd(64, "0");
