/**
 * DuckDB, which does the heavy part of an import: reading, cleaning, sorting, dropping duplicates.
 *
 * It lives in memory. What doesn't fit goes to a folder that only this user may enter and that is removed at the end, encrypted by a key that DuckDB
 * never writes down. Its own generator draws that key, which DuckDB calls unsafe (`force_mbedtls_unsafe`), because the one that it trusts comes
 * with an extension: what a killed import leaves behind is out of a reader's way, not out of a cryptographer's.
 * No extension is allowed that would have to be fetched from somewhere.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance, type JS } from "@duckdb/node-api";
import { fail } from "@tributary/errors";
import { systemErrorCode } from "../reading/file-bytes.ts";

export interface Engine {
  /** Runs one statement for its effect. */
  readonly run: (sql: string) => Promise<void>;
  /** All rows of a result that is known to be small; whole numbers of 64 bits as bigint. */
  readonly rows: (sql: string) => Promise<JS[][]>;
  /** A result of any size, about 2,048 rows at a time. */
  readonly chunks: (sql: string) => AsyncGenerator<DuckDBDataChunk>;
  /** The same by a connection of its own, which sees no temporary tables, while another result is being read. */
  readonly beside: (sql: string) => AsyncGenerator<DuckDBDataChunk>;
  /** Fills a new temporary table with columns of text; null for none. */
  readonly fill: (table: string, columns: readonly string[], rows: Iterable<readonly (string | null)[]>) => Promise<void>;
}

/** What DuckDB may hold in memory before it writes to its folder: with Node and the rest of a node, 800 MB. */
const memoryLimit = "380MB";

export interface EngineOptions {
  /** Default: `memoryLimit`. */
  readonly memory?: string;
  /** The folder for what doesn't fit; made when it isn't there. Default: the system's for temporary files. */
  readonly spillIn?: string | undefined;
}

/**
 * Opens an engine for one piece of work, and closes it and removes what it wrote, whatever happens.
 * @throws TRB_EVENTS_NO_ROOM when there can't be a folder for what doesn't fit
 */
export async function withEngine<T>(work: (engine: Engine) => Promise<T>, options: EngineOptions = {}): Promise<T> {
  const { memory = memoryLimit, spillIn = tmpdir() } = options;
  const folder = makeFolder(spillIn);
  let connection: DuckDBConnection | undefined;
  let instance: DuckDBInstance | undefined;
  const running = new Set<Promise<unknown>>();
  try {
    instance = await DuckDBInstance.create(":memory:", {
      memory_limit: memory,
      temp_directory: folder,
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      allow_community_extensions: "false",
    });
    connection = await instance.connect();
    await connection.run("SET force_mbedtls_unsafe = true");
    await connection.run("SET temp_file_encryption = true");
    return await work(engineOf(instance, connection, running));
  } finally {
    connection?.interrupt();
    await Promise.allSettled(running); // closed under a running query, DuckDB takes the process down
    connection?.closeSync();
    instance?.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
}

const folderPrefix = "tributary-ingest-";

function makeFolder(parent: string): string {
  try {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    sweepFolders(parent);
    return mkdtempSync(join(parent, `${folderPrefix}${process.pid}-`)); // made with mode 700
  } catch (error) {
    throw fail("TRB_EVENTS_NO_ROOM", { reason: `its folder can't be made: ${systemErrorCode(error)}` }, error);
  }
}

/** Takes away what killed imports left: folders are called by the number of the process that made them. */
function sweepFolders(parent: string): void {
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(folderPrefix))) {
    const maker = Number(name.slice(folderPrefix.length).split("-")[0]);
    if (Number.isInteger(maker) && maker > 0 && !isRunning(maker)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH"); // another user's is none of ours
  }
}

function engineOf(instance: DuckDBInstance, connection: DuckDBConnection, running: Set<Promise<unknown>>): Engine {
  const noted = <T>(query: Promise<T>): Promise<T> => {
    running.add(query);
    query.then(
      () => running.delete(query),
      () => running.delete(query),
    );
    return query;
  };
  async function* streamed(asked: DuckDBConnection, sql: string) {
    const result = await noted(asked.stream(sql));
    const next = () => noted(result.fetchChunk());
    for (let chunk = await next(); chunk !== null && chunk.rowCount > 0; chunk = await next()) yield chunk;
  }
  return {
    run: async (sql) => {
      await noted(connection.run(sql));
    },
    rows: async (sql) => (await noted(connection.runAndReadAll(sql))).getRowsJS(),
    chunks: (sql) => streamed(connection, sql),
    beside: async function* (sql) {
      const other = await noted(instance.connect());
      try {
        yield* streamed(other, sql);
      } finally {
        other.closeSync();
      }
    },
    fill: async (table, columns, rows) => {
      await noted(
        connection.run(`CREATE TEMP TABLE ${table} (${columns.map((name) => `${identifier(name)} VARCHAR`).join()})`),
      );
      const appender = await connection.createAppender(table);
      for (const row of rows) {
        for (const field of row) {
          if (field === null) appender.appendNull();
          else appender.appendVarchar(field);
        }
        appender.endRow();
      }
      appender.closeSync();
    },
  };
}

/** A column's or table's name, whatever characters it has. */
export const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;
/** A text as a value. */
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
/** A file's path as a value, naming that file alone: DuckDB would take `*`, `?` and `[` for patterns. */
export const fileLiteral = (path: string) => literal(path.replace(/[*?[]/g, "[$&]"));
