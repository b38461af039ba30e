/** A source, whatever its form, as something that a query can select from: named columns of text, in order of arrival. */
import { open, stat } from "node:fs/promises";
import { extname } from "node:path";
import { fail } from "@tributary/errors";
import { parse } from "csv-parse/sync";
import { defaultLineLimit, readFailure } from "../reading/file-bytes.ts";
import { secondsBetweenUntimedEvents } from "../reading/sasrec-text.ts";
import { type Engine, fileLiteral, identifier, literal } from "./engine.ts";
import { reading } from "./engine-failures.ts";
import { pagesRelation } from "./pages/pages-relation.ts";
import { presets } from "./presets.ts";
import { queryRelation } from "./query-relation.ts";
import { isPages, type LogFormat, type LogSource, type ReadingOptions } from "./source.ts";

export interface Relation {
  /** What an error calls it. */
  readonly name: string;
  readonly format: LogFormat | "query" | "pages" | "sequences";
  /** To select from. Rows come in order of arrival. */
  readonly from: string;
  /** The columns that there are; each may be of any type that can be cast to text. */
  readonly columns: readonly string[];
  /** True of a row that can't be taken apart; absent where the reader itself puts such rows into `rejects`. */
  readonly malformed?: string;
  /** The table of the lines that the reader could not take apart, filled once the relation has been read. */
  readonly rejects?: string;
  /** Lines before the first row. */
  readonly headerLines: number;
  /** CSV only. */
  readonly delimiter?: string;
}

/**
 * Opens a source. `place` tells the sources of one import apart; `mostRows` is for who only looks: a source elsewhere may leave the rest there.
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_FILE_DAMAGED, TRB_EVENTS_EMPTY, TRB_EVENTS_BAD_DELIMITER,
 *   TRB_EVENTS_MALFORMED_CSV, TRB_EVENTS_BAD_QUERY, TRB_EVENTS_SOURCE_UNAVAILABLE
 */
export async function openRelation(
  engine: Engine,
  source: LogSource,
  options: ReadingOptions,
  place: number,
  mostRows?: number,
): Promise<Relation> {
  if (isPages(source)) return pagesRelation(engine, source, options, place, mostRows);
  if (typeof source !== "string") return queryRelation(engine, source, options.timeZone ?? "UTC", place);
  await checkReadable(source);
  if (options.encoding === "utf-16") await checkUtf16(source);
  const preset = options.preset === undefined ? undefined : presets[options.preset];
  if (preset?.sequences) return sequenceRelation(source, options, place);
  const format = options.format ?? formatOf(source);
  if (format === "parquet") return parquetRelation(engine, source);
  if (format === "jsonl") return jsonRelation(engine, source, options, place);
  return csvRelation(engine, source, options, preset?.header, place);
}

/** `log.jsonl.gz` → `.jsonl` */
const endingOf = (path: string) => extname(path.toLowerCase().replace(/\.(gz|zst)$/, ""));

function formatOf(path: string): LogFormat {
  const ending = endingOf(path);
  if (ending === ".parquet") return "parquet";
  return ending === ".jsonl" || ending === ".ndjson" ? "jsonl" : "csv";
}

async function checkReadable(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) throw fail("TRB_EVENTS_FILE_UNREADABLE", { file: path, reason: "it is a folder" });
  } catch (error) {
    throw readFailure(path, error);
  }
}

const lookedAt = 64 * 1024;

/** Text of one byte a letter, read as UTF-16, becomes other letters, which an error would then list as names of columns. Compressed files are not looked into. */
async function checkUtf16(path: string): Promise<void> {
  if (/\.(?:gz|zst|parquet)$/i.test(path)) return;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(lookedAt), 0, lookedAt);
    if (bytesRead === 0 || buffer.subarray(0, bytesRead).includes(0)) return; // delimiters and line ends have a zero byte
    throw fail("TRB_EVENTS_FILE_UNREADABLE", { file: path, reason: "it is not UTF-16, as --encoding says" });
  } finally {
    await file.close();
  }
}

/** A character that no text holds: what is split at it stays whole. */
const neverOccurs = "\u0001";

/** A file's lines, in one column `line`; blank ones as they are. */
function linesOf(path: string, { encoding = "utf-8", lineLimit = defaultLineLimit }: ReadingOptions, rejects: string): string {
  return `read_csv(${fileLiteral(path)}, auto_detect=false, header=false, skip=0, delim=${literal(neverOccurs)}, quote='', escape='',
    strict_mode=false, columns={'line': 'VARCHAR'}, encoding=${literal(encoding)}, max_line_size=${lineLimit}, ${rejectsInto(rejects)})`;
}

const rejectsInto = (table: string) =>
  `store_rejects=true, rejects_table=${literal(table)}, rejects_scan=${literal(`${table}_scans`)}`;

async function csvRelation(
  engine: Engine,
  path: string,
  options: ReadingOptions,
  header: readonly string[] | undefined,
  place: number,
): Promise<Relation> {
  const { encoding = "utf-8", lineLimit = defaultLineLimit, quote = '"' } = options;
  const delimiter = options.delimiter ?? (endingOf(path) === ".tsv" ? "\t" : ",");
  if ([...delimiter].length !== 1 || /["\r\n]/.test(delimiter)) {
    throw fail("TRB_EVENTS_BAD_DELIMITER", { characters: [...delimiter].length });
  }
  const first = await firstLine(engine, path, options, place);
  const names = distinctNames(header ?? fieldsOf(path, first, delimiter, quote));
  const rejects = `rejects_${place}`;
  const columns = names.map((name) => `${literal(name)}: 'VARCHAR'`).join();
  return {
    name: path,
    format: "csv",
    from: `read_csv(${fileLiteral(path)}, auto_detect=false, header=${header === undefined}, skip=0, delim=${literal(delimiter)},
      quote=${literal(quote)}, escape=${literal(quote)}, columns={${columns}}, encoding=${literal(encoding)}, max_line_size=${lineLimit},
      ${rejectsInto(rejects)})`,
    columns: names,
    rejects,
    headerLines: header === undefined ? 1 : 0,
    delimiter,
  };
}

/** The first line that isn't blank. */
export async function firstLine(engine: Engine, path: string, options: ReadingOptions, place: number): Promise<string> {
  const table = `rejects_of_head_${place}`;
  const [row] = await reading(path, () =>
    engine.rows(`SELECT line FROM ${linesOf(path, options, table)} WHERE trim(line) <> '' LIMIT 1`),
  );
  if (typeof row?.[0] === "string") return row[0];
  await refuseBrokenLines(engine, path, table, options);
  throw fail("TRB_EVENTS_EMPTY", { file: path });
}

function fieldsOf(path: string, line: string, delimiter: string, quote: string): string[] {
  try {
    const [fields = []]: string[][] = parse(line, { delimiter, quote: quote === "" ? null : quote, relax_quotes: true });
    return fields.map((name) => name.trim());
  } catch {
    throw fail("TRB_EVENTS_MALFORMED_CSV", { file: path, line: 1, reason: "the names of the columns can't be taken apart" });
  }
}

/** Columns without a name, or of the name of an earlier one, get one of their own. */
function distinctNames(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.map((name, place) => {
    let own = name === "" ? `column${place + 1}` : name;
    while (seen.has(own.toLowerCase())) own += "_";
    seen.add(own.toLowerCase());
    return own;
  });
}

/** Rows from which a JSONL log's keys are learnt: not every row has every key. */
const rowsToLearnKeysFrom = 1000;

async function jsonRelation(engine: Engine, path: string, options: ReadingOptions, place: number): Promise<Relation> {
  const rejects = `rejects_${place}`;
  const from = `(SELECT CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' THEN line END AS json
    FROM ${linesOf(path, options, rejects)} WHERE trim(line, ${literal(" \t\r")}) <> '')`;
  const relation = await objectRelation(engine, { name: path, format: "jsonl", from }, options);
  const [some] = await engine.rows(`SELECT 1 FROM ${from} WHERE json IS NOT NULL LIMIT 1`);
  if (some === undefined) await refuseBrokenLines(engine, path, rejects, options);
  if (some === undefined && relation.columns.length === 0) {
    const [line] = await engine.rows(`SELECT 1 FROM ${from} LIMIT 1`);
    if (line !== undefined)
      throw fail("TRB_EVENTS_FILE_UNREADABLE", { file: path, reason: "none of its lines is a JSON object" });
  }
  return { ...relation, rejects };
}

/**
 * Rows that are JSON objects, with their keys as columns.
 * @param rows in a column `json`, NULL for what is no object
 */
export async function objectRelation(
  engine: Engine,
  { name, format, from: rows }: Pick<Relation, "name" | "format" | "from">,
  options: ReadingOptions,
): Promise<Relation> {
  const found = await reading(name, () =>
    engine.rows(
      `SELECT DISTINCT unnest(json_keys(json)) FROM (SELECT json FROM ${rows} WHERE json IS NOT NULL LIMIT ${rowsToLearnKeysFrom})`,
    ),
  );
  const named = Object.values(options.columns ?? {}).filter((column) => column !== undefined);
  const keys = [...new Set([...found.map(([key]) => String(key)).sort(), ...named])];
  const paths = keys.map((key) => literal(`$."${key.replaceAll('"', '\\"')}"`));
  const fields = keys.map((key, at) => `fields[${at + 1}] AS ${identifier(key)}`);
  return {
    name,
    format,
    from: `(SELECT json IS NULL AS ${identifier(brokenRow)}${fields.map((field) => `, ${field}`).join("")}
      FROM (SELECT json, json_extract_string(json, [${paths.join()}]::VARCHAR[]) AS fields FROM ${rows}))`,
    columns: keys,
    malformed: identifier(brokenRow),
    headerLines: 0,
  };
}

const brokenRow = " broken row";

async function parquetRelation(engine: Engine, path: string): Promise<Relation> {
  const from = `read_parquet(${fileLiteral(path)})`;
  const described = await reading(path, () => engine.rows(`DESCRIBE SELECT * FROM ${from}`));
  return { name: path, format: "parquet", from, columns: described.map(([name]) => String(name)), headerLines: 0 };
}

/** See `reading/sasrec-text.ts`: a line's items belong behind those that its customer has. */
function sequenceRelation(path: string, options: ReadingOptions, place: number): Relation {
  const rejects = `rejects_${place}`;
  const blanks = literal(" \t\r");
  return {
    name: path,
    format: "sequences",
    from: `(SELECT ${identifier("user")}, item, length = 1 AS ${identifier(brokenRow)},
        (row_number() OVER (PARTITION BY ${identifier("user")}, length = 1 ORDER BY line, place) - 1) * ${secondsBetweenUntimedEvents} AS time
      FROM (SELECT line, generate_subscripts(words, 1) AS place, unnest(words) AS item, words[1] AS ${identifier("user")}, len(words) AS length
        FROM (SELECT row_number() OVER () AS line, string_split_regex(trim(line, ${blanks}), '\\s+') AS words
          FROM ${linesOf(path, options, rejects)} WHERE trim(line, ${blanks}) <> ''))
      WHERE place > 1 OR length = 1 ORDER BY line, place)`,
    columns: ["user", "item", "time"],
    malformed: identifier(brokenRow),
    rejects,
    headerLines: 0,
  };
}

/**
 * A line that is too long, and a quotation mark that is never closed, swallow what comes after them: such a log is refused.
 * @throws TRB_EVENTS_LINE_TOO_LONG, TRB_EVENTS_MALFORMED_CSV
 */
export async function refuseBrokenLines(engine: Engine, path: string, rejects: string, options: ReadingOptions): Promise<void> {
  const [worst] = await engine.rows(
    `SELECT line, error_type FROM ${rejects} WHERE error_type IN ('UNQUOTED VALUE', 'LINE SIZE OVER MAXIMUM') ORDER BY line LIMIT 1`,
  );
  if (worst === undefined) return;
  const [line, kind] = [Number(worst[0]), String(worst[1])];
  const limit = options.lineLimit ?? defaultLineLimit;
  if (kind !== "UNQUOTED VALUE") throw fail("TRB_EVENTS_LINE_TOO_LONG", { file: path, line, limit });
  const reason = `a quotation mark is not closed, or stands inside a field, or a field is longer than ${limit} bytes`;
  throw fail("TRB_EVENTS_MALFORMED_CSV", { file: path, line, reason });
}

/** Lines that the reader could not take apart: their number, and how many. */
export const countRejects = (rejects: string) => `SELECT count(DISTINCT line) FROM ${rejects}`;
