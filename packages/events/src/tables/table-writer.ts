/**
 * Tables that are written row by row and batch by batch, however long they become: Parquet by DuckDB, which keeps what doesn't fit in a folder of its own, encrypted; CSV
 * and JSON lines as they come. A file is wholly there or not there: it is written beside its place, mode 600, synced, and renamed.
 */
import { randomBytes } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fail } from "@tributary/errors";
import { withEngine } from "../ingest/engine.ts";
import { systemErrorCode } from "../reading/file-bytes.ts";
import { tableEnding } from "./table-endings.ts";

/** Lists stand in one column: as such in Parquet and JSON, as JSON's text in a CSV. */
type ColumnKind = "text" | "number" | "texts" | "numbers" | "flag";
export type Cell = string | number | boolean | readonly string[] | readonly number[] | null;

export interface TableColumn {
  readonly name: string;
  readonly kind: ColumnKind;
}

/** Takes one batch of rows, in the columns' order; resolves when there is room for the next. */
export type AddRows = (rows: readonly (readonly Cell[])[]) => Promise<void>;

/**
 * @param path its ending says which kind it is (`tableEnding`); what is there is replaced at the end
 * @throws TRB_EVENTS_FILE_UNWRITABLE, and what the work throws; then what was there before stays
 */
export async function writeTable<Result>(
  path: string,
  columns: readonly TableColumn[],
  work: (add: AddRows) => Promise<Result>,
): Promise<Result> {
  const temporary = `${path}.${process.pid}-${randomBytes(6).toString("hex")}.half-written`;
  const unwritable = (cause: unknown) =>
    fail("TRB_EVENTS_FILE_UNWRITABLE", { file: path, reason: systemErrorCode(cause) }, cause);
  await removeLeftovers(path).catch((cause: unknown) => {
    throw unwritable(cause);
  });
  const file = await open(temporary, "wx", 0o600).catch((cause: unknown) => {
    throw unwritable(cause);
  });
  try {
    const result =
      tableEnding(path) === ".parquet"
        ? await asParquet(temporary, columns, work, unwritable)
        : await asLines(tableEnding(path) === ".csv" ? csv(columns) : jsonLines(columns), work, (text) =>
            file.write(text).catch((cause: unknown) => {
              throw unwritable(cause);
            }),
          );
    try {
      await file.sync();
      await file.close();
      await rename(temporary, path);
    } catch (cause) {
      throw unwritable(cause);
    }
    return result;
  } catch (error) {
    await file.close().catch(() => {}); // closed already, perhaps: it is removed in any case
    await rm(temporary, { force: true });
    throw error;
  }
}

/** What a process that was killed left of the same table: it holds customers, and nobody would look for it. A process that still writes keeps its own. */
async function removeLeftovers(path: string): Promise<void> {
  const start = `${basename(path)}.`;
  for (const entry of await readdir(dirname(path))) {
    const writer = entry.startsWith(start) ? /^(?:(\d+)-)?[0-9a-f]{12}\.half-written$/.exec(entry.slice(start.length)) : null;
    if (writer === null) continue;
    if (writer[1] !== undefined && isAlive(Number(writer[1]))) continue;
    await rm(join(dirname(path), entry), { force: true });
  }
}

/** Processes of others count as well: they can't be signalled, and are there. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}

interface Lines {
  readonly head: string;
  line(row: readonly Cell[]): string;
}

async function asLines<Result>(
  { head, line }: Lines,
  work: (add: AddRows) => Promise<Result>,
  write: (text: string) => Promise<unknown>,
): Promise<Result> {
  if (head !== "") await write(head);
  return work(async (rows) => {
    await write(rows.map(line).join(""));
  });
}

const csv = (columns: readonly TableColumn[]): Lines => ({
  head: `${columns.map(({ name }) => csvField(name)).join()}\n`,
  line: (row) =>
    `${row.map((cell) => csvField(cell === null ? "" : typeof cell === "object" ? JSON.stringify(cell) : String(cell))).join()}\n`,
});

/** Quoted where RFC 4180 asks for it. */
const csvField = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const jsonLines = (columns: readonly TableColumn[]): Lines => ({
  head: "",
  line: (row) => `${JSON.stringify(Object.fromEntries(columns.map(({ name }, place) => [name, row[place] ?? null])))}\n`,
});

const parquetType = { text: "VARCHAR", number: "DOUBLE", texts: "VARCHAR[]", numbers: "DOUBLE[]", flag: "BOOLEAN" } as const;

/** Rows go through a table of texts, batch by batch, because that is what the engine fills. */
function asParquet<Result>(
  path: string,
  columns: readonly TableColumn[],
  work: (add: AddRows) => Promise<Result>,
  unwritable: (cause: unknown) => Error,
): Promise<Result> {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const names = columns.map(({ name }) => name);
  const typed = columns.map(({ name, kind }) => {
    const cell = quoted(name);
    const whole = kind === "texts" || kind === "numbers" ? `CAST(${cell} AS JSON)` : cell;
    return `CAST(${whole} AS ${parquetType[kind]}) AS ${cell}`;
  });
  return withEngine(async ({ run, fill }) => {
    await run(`CREATE TABLE written (${columns.map(({ name, kind }) => `${quoted(name)} ${parquetType[kind]}`).join()})`);
    const result = await work(async (rows) => {
      const texts = rows.map((row) =>
        row.map((cell) => (cell === null || typeof cell === "string" ? cell : JSON.stringify(cell))),
      );
      await fill("batch", names, texts);
      await run(`INSERT INTO written SELECT ${typed.join()} FROM batch`);
      await run("DROP TABLE batch");
    });
    const target = path.replaceAll("'", "''");
    try {
      await run(`COPY written TO '${target}' (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)`);
    } catch (cause) {
      throw unwritable(cause);
    }
    return result;
  });
}
