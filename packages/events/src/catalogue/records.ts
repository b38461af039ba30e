/**
 * Records of a public file, whatever its form: CSV with a header, JSONL, Parquet. Parquet is read by DuckDB, which knows its compressions and types; its rows
 * come as JSON, so that a list is a list in either form.
 */
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fail, isTributaryError } from "@tributary/errors";
import { CsvError, parse } from "csv-parse";
import { z } from "zod";
import { fileLiteral, identifier, literal, withEngine } from "../ingest/engine.ts";
import { engineFailure } from "../ingest/engine-failures.ts";
import { defaultLineLimit, fileChunks, forEachLine, guardLines, readFailure } from "../reading/file-bytes.ts";

export interface RecordsOptions {
  /** CSV only. Default: a comma, or a tab for `.tsv`. */
  readonly delimiter?: string | undefined;
}

export interface RecordSink {
  /** Once, before the first record: the names that there are, and, of JSONL, those of the first record. */
  start(names: readonly string[]): void;
  /** @param line the record's (last) line in the file, or its row in a Parquet, counted from 1 */
  record(fields: Readonly<Record<string, unknown>>, line: number): void;
}

/**
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_FILE_DAMAGED, TRB_EVENTS_LINE_TOO_LONG, TRB_EVENTS_MALFORMED_CSV,
 *   TRB_EVENTS_BAD_DELIMITER, TRB_EVENTS_EMPTY, TRB_EVENTS_CATALOGUE_INVALID for a line that is no JSON object
 */
export async function readRecords(path: string, options: RecordsOptions, sink: RecordSink): Promise<void> {
  const ending = extname(path).toLowerCase();
  if (ending === ".parquet") return parquetRecords(path, sink);
  return ending === ".jsonl" || ending === ".ndjson" ? jsonRecords(path, sink) : csvRecords(path, options, sink);
}

async function csvRecords(path: string, options: RecordsOptions, sink: RecordSink): Promise<void> {
  const delimiter = options.delimiter ?? (extname(path).toLowerCase() === ".tsv" ? "\t" : ",");
  if ([...delimiter].length !== 1 || /["\r\n]/.test(delimiter)) {
    throw fail("TRB_EVENTS_BAD_DELIMITER", { characters: [...delimiter].length });
  }
  let names: readonly string[] | undefined;
  const onRecord = (fields: readonly string[], line: number) => {
    if (names === undefined) {
      names = fields.map((name) => name.trim());
      return sink.start(names);
    }
    sink.record(Object.fromEntries(names.map((name, place) => [name, fields[place]])), line);
  };
  const parser = parse({
    ...{ delimiter, bom: true, skip_empty_lines: true, relax_column_count: true, relax_quotes: true },
    max_record_size: defaultLineLimit,
    on_record: (fields: readonly string[], context) => {
      onRecord(fields, context.lines);
      return null;
    },
  });
  const nothing = new Writable({ objectMode: true, write: (_row, _encoding, done) => done() });
  try {
    await pipeline(guardLines(path, fileChunks(path), defaultLineLimit), parser, nothing);
  } catch (error) {
    if (isTributaryError(error)) throw error;
    if (!(error instanceof CsvError))
      throw fail("TRB_EVENTS_FILE_UNREADABLE", { file: path, reason: "it can't be parsed" }, error);
    const line = parser.info.lines;
    if (error.code === "CSV_MAX_RECORD_SIZE")
      throw fail("TRB_EVENTS_LINE_TOO_LONG", { file: path, line, limit: defaultLineLimit });
    throw fail("TRB_EVENTS_MALFORMED_CSV", { file: path, line, reason: error.code });
  }
  if (names === undefined) throw fail("TRB_EVENTS_EMPTY", { file: path });
}

const object = z.record(z.string(), z.unknown());

async function jsonRecords(path: string, sink: RecordSink): Promise<void> {
  let started = false;
  await forEachLine(path, defaultLineLimit, (text, line) => {
    const fields = parseObject(text);
    if (fields === undefined) throw fail("TRB_EVENTS_CATALOGUE_INVALID", { file: path, line, reason: "it is no JSON object" });
    if (!started) sink.start(Object.keys(fields));
    started = true;
    sink.record(fields, line);
  });
  if (!started) throw fail("TRB_EVENTS_EMPTY", { file: path });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return object.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Whole numbers beyond 2⁵³, and everything that JSON has no word for, come as text. */
const inJson = /^(?:VARCHAR|DOUBLE|FLOAT|TINYINT|SMALLINT|INTEGER|UTINYINT|USMALLINT|UINTEGER|BOOLEAN)?(?:\[\d*\])*$/;

async function parquetRecords(path: string, sink: RecordSink): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) throw fail("TRB_EVENTS_FILE_UNREADABLE", { file: path, reason: "it is a folder" });
  } catch (error) {
    throw readFailure(path, error);
  }
  let own: { readonly error: unknown } | undefined;
  try {
    await withEngine(async (engine) => {
      const from = `read_parquet(${fileLiteral(path)})`;
      const described = await engine.rows(`DESCRIBE SELECT * FROM ${from}`);
      const columns = described.map(([name, type]) => ({ name: String(name), plain: inJson.test(String(type)) }));
      const fields = columns.map(({ name, plain }) => {
        const value = plain ? identifier(name) : `CAST(${identifier(name)} AS VARCHAR)`;
        return `${literal(name)}, ${value}`;
      });
      let row = 0;
      const call = (work: () => void) => {
        try {
          work();
        } catch (error) {
          own = { error };
          throw error;
        }
      };
      call(() => sink.start(columns.map(({ name }) => name)));
      for await (const chunk of engine.chunks(`SELECT CAST(json_object(${fields.join()}) AS VARCHAR) FROM ${from}`)) {
        for (const [json] of chunk.getRows()) {
          row += 1;
          const line = row;
          call(() => sink.record(object.parse(JSON.parse(String(json))), line));
        }
      }
      if (row === 0) throw fail("TRB_EVENTS_EMPTY", { file: path });
    });
  } catch (error) {
    throw own === undefined ? engineFailure(path, error) : own.error;
  }
}
