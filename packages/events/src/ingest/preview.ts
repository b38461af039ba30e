/**
 * What an import would make of a log, from its first rows: which column is which, how times are written, what its actions mean, and the first
 * rows as they were understood. Guesses are only shown here: an import takes what it is told, or the usual names.
 */
import { fail } from "@tributary/errors";
import type { Catalogue } from "../catalogue.ts";
import { type DropReason, dropReasons } from "../cleaning/drop-reasons.ts";
import { type Action, actions } from "../histories.ts";
import { type ColumnRole, isValue, usualColumn } from "../reading/columns.ts";
import { cleaningQuery, type FoundRoles } from "./cleaning-query.ts";
import { type Engine, identifier, withEngine } from "./engine.ts";
import { engineFailure } from "./engine-failures.ts";
import { guessPreset } from "./guess-preset.ts";
import { findRoles, prepare, secondsAhead } from "./ingest-log.ts";
import { type IngestPreset, type Preset, presets } from "./presets.ts";
import { countRejects, type Relation } from "./relation.ts";
import { type LogSource, nameOf, type ReadingOptions, sampledRows } from "./source.ts";
import { timeExpression } from "./time-expression.ts";

export interface PreviewOptions extends ReadingOptions {
  readonly source: LogSource;
  /** Without one every item is taken to be known. */
  readonly catalogue?: Catalogue | undefined;
  /** Unix seconds. */
  readonly now: number;
}

/** A row as it was understood. */
interface PreviewRow {
  readonly customer: string;
  readonly item: string;
  readonly action: Action | null;
  /** ISO 8601, UTC. */
  readonly time: string | null;
  readonly dwell: number | null;
  readonly price: number | null;
  /** Why it would be dropped. */
  readonly dropped: DropReason | null;
}

export interface LogPreview {
  readonly file: string;
  readonly format: Relation["format"];
  readonly delimiter: string | null;
  readonly preset: IngestPreset | null;
  /** Which column has which role, and which of those were guessed from what they hold. */
  readonly columns: FoundRoles;
  readonly guessed: readonly string[];
  /** Roles without which nothing can be imported, and for which no column was found. */
  readonly missing: readonly string[];
  /** All columns that there are. */
  readonly existing: readonly string[];
  readonly timeFormats: readonly string[];
  /** Formats that would read the same times as other days. */
  readonly ambiguousFormats: readonly string[];
  readonly actions: readonly { readonly text: string; readonly action: Action | null; readonly rows: number }[];
  readonly rows: readonly PreviewRow[];
  /** Of the rows that were looked at. */
  readonly sampled: number;
  readonly kept: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** The options that say to an import what was found here. */
  readonly flags: readonly string[];
}

const shownRows = 5;
const shownActions = 20;

/** Ways to write a time that are neither a number nor ISO 8601. A day before its month and the other way round are told apart by the days after the 12th. */
const candidateFormats = ["/", ".", "-"]
  .flatMap((mark) => [`%d${mark}%m${mark}%Y`, `%m${mark}%d${mark}%Y`, `%d${mark}%m${mark}%y`, `%m${mark}%d${mark}%y`])
  .concat(["%Y%m%d", "%d %B %Y", "%d %b %Y", "%b %d, %Y"])
  .flatMap((day) => [day, `${day} %H:%M`, `${day} %H:%M:%S`, `${day} %I:%M %p`]);

/** @throws what `ingestLog` throws of a source that can't be opened; TRB_EVENTS_NO_HEADER */
export function previewLog(options: PreviewOptions): Promise<LogPreview> {
  const file = nameOf(options.source);
  return withEngine(async (engine) => {
    try {
      return await preview(engine, options, file);
    } catch (error) {
      throw engineFailure(file, error);
    }
  });
}

async function preview(engine: Engine, given: PreviewOptions, file: string): Promise<LogPreview> {
  await prepare(engine, given, given.catalogue);
  const { options, relation, preset } = await guessPreset(engine, given);
  if (preset === undefined && relation.columns.some(isValue)) throw fail("TRB_EVENTS_NO_HEADER", { file });
  await engine.run(`CREATE TEMP TABLE temp.sample AS SELECT * FROM ${relation.from} LIMIT ${sampledRows}`);
  const known = preset === undefined ? undefined : presets[preset];
  const { roles, guessed } =
    known === undefined
      ? await guessRoles(engine, relation, options)
      : { roles: findRoles(relation, options, known), guessed: [] };
  const times = await guessTimes(engine, roles.time, options, known);
  const missing = (["customer", "item", "time"] as const).filter((role) => roles[role] === undefined);
  const query = cleaningQuery("temp.sample", {
    roles,
    preset: known,
    malformed: relation.malformed,
    timeFormats: times.formats,
    latest: given.now + secondsAhead,
    catalogue: given.catalogue !== undefined,
    texts: true,
  });
  await engine.run(`CREATE TEMP TABLE temp.understood AS ${query}`);
  const counts = await engine.rows("SELECT reason, count(*) FROM temp.understood GROUP BY reason ORDER BY reason");
  const dropped = counts.flatMap(([reason, rows]) =>
    reason === null ? [] : [[dropReasons[Number(reason)], Number(rows)] as const],
  );
  const read = counts.reduce((sum, [, rows]) => sum + Number(rows), 0);
  const broken = await brokenLines(engine, relation, read);
  if (broken > 0) {
    const before = dropped.findIndex(([reason]) => reason === "malformedRow");
    if (before >= 0) dropped.splice(before, 1, ["malformedRow", broken + (dropped[before]?.[1] ?? 0)]);
    else dropped.push(["malformedRow", broken]);
  }
  return {
    file,
    format: relation.format,
    delimiter: relation.delimiter ?? null,
    preset: preset ?? null,
    columns: roles,
    guessed,
    missing,
    existing: relation.columns,
    timeFormats: times.formats,
    ambiguousFormats: times.ambiguous,
    actions: await actionsOf(engine, roles),
    rows: await rowsOf(engine),
    sampled: read + broken,
    kept: Number(counts.find(([reason]) => reason === null)?.[1] ?? 0),
    dropped: Object.fromEntries(dropped),
    flags: flagsOf(given, options, { roles, missing }, known === undefined ? undefined : preset, times.formats),
  };
}

/** Lines that the reader could not take apart. It reads ahead: where the log goes on behind the sample, those behind it don't count. */
async function brokenLines(engine: Engine, { rejects, headerLines }: Relation, read: number): Promise<number> {
  if (rejects === undefined) return 0;
  const within = read < sampledRows ? "" : ` WHERE line <= ${sampledRows + headerLines}`;
  const [row] = await engine.rows(`${countRejects(rejects)}${within}`);
  return Number(row?.[0] ?? 0);
}

/** What is named, then what is called as usual, then what holds what the role needs. */
async function guessRoles(
  engine: Engine,
  relation: Relation,
  { columns = {} }: ReadingOptions,
): Promise<{ roles: FoundRoles; guessed: string[] }> {
  const roles: Partial<Record<ColumnRole, string>> = {};
  for (const role of ["customer", "item", "action", "time", "dwell", "price", "keywords"] as const) {
    const name = columns[role] ?? usualColumn(relation.columns, role);
    if (name !== undefined && relation.columns.includes(name)) roles[role] = name;
  }
  const guessed: string[] = [];
  const free = () => relation.columns.filter((name) => !Object.values(roles).includes(name));
  const take = (role: ColumnRole, name: string | undefined) => {
    if (roles[role] !== undefined || name === undefined) return;
    roles[role] = name;
    guessed.push(role);
  };
  const share = async (name: string, condition: (text: string) => string) => {
    const text = `CAST(${identifier(name)} AS VARCHAR)`;
    const [row] = await engine.rows(`SELECT avg((${condition(text)})::INTEGER) FROM temp.sample WHERE ${text} <> ''`);
    return Number(row?.[0] ?? 0);
  };
  const bestOf = async (condition: (text: string) => string, least: number) => {
    for (const name of free()) if ((await share(name, condition)) >= least) return name;
    return undefined;
  };
  // a number is a time only where it lies in this century
  const isTime = (text: string) =>
    `coalesce(${timeExpression(text, candidateFormats)} BETWEEN 946684800 AND 4102444800, false)`;
  if (roles.time === undefined) take("time", await bestOf(isTime, mostOf));
  if (roles.action === undefined)
    take(
      "action",
      await bestOf((text) => `try_cast(translate(lower(${text}), ' _-./', '') AS action_spelling) IS NOT NULL`, halfOf),
    );
  take(
    "customer",
    free().find((name) => /cust|user|visit|client|member|person|session|buyer|account|uid/i.test(name)),
  );
  take(
    "item",
    free().find((name) => /item|product|sku|article|asin|goods|stock|isbn|gtin|ean/i.test(name)),
  );
  return { roles, guessed };
}

/** Of a column's values: what is a time is a time nearly everywhere; shops have actions that nobody knows. */
const [mostOf, halfOf] = [0.9, 0.5];

/** The fewest formats that read nearly all times, the one that reads most first. */
async function guessTimes(engine: Engine, column: string | undefined, options: ReadingOptions, preset: Preset | undefined) {
  const formats = [...(options.timeFormats ?? preset?.timeFormats ?? [])];
  if (column === undefined || formats.length > 0) return { formats, ambiguous: [] };
  const text = `trim(CAST(${identifier(column)} AS VARCHAR))`;
  const unread = async (more: readonly string[]) => {
    const [row] = await engine.rows(
      `SELECT count(*) FROM temp.sample WHERE ${text} <> '' AND ${timeExpression(text, more)} IS NULL`,
    );
    return Number(row?.[0] ?? 0);
  };
  const [days] = await engine.rows(
    `SELECT avg(regexp_matches(${text}, '^(19|20)\\d{6}$')::INTEGER) FROM temp.sample WHERE ${text} <> ''`,
  );
  if (Number(days?.[0] ?? 0) > mostOf) return { formats: ["%Y%m%d"], ambiguous: [] }; // as seconds they would all lie in 1970
  const ambiguous: string[] = [];
  let left = await unread([]);
  while (left > 0 && formats.length < 4) {
    const results: { format: string; left: number }[] = [];
    for (const format of candidateFormats) results.push({ format, left: await unread([...formats, format]) });
    const best = results.reduce((least, one) => (one.left < least.left ? one : least));
    if (best.left === left) break;
    ambiguous.push(
      ...results.filter((one) => one.left === best.left && one.format !== best.format).map(({ format }) => format),
    );
    formats.push(best.format);
    left = best.left;
  }
  return { formats, ambiguous };
}

async function actionsOf(engine: Engine, { action }: FoundRoles): Promise<LogPreview["actions"]> {
  if (action === undefined) return [];
  const rows =
    await engine.rows(`SELECT action_text, any_value(action), bool_or(reason = ${dropReasons.indexOf("unknownAction")}), count(*) AS rows
    FROM temp.understood GROUP BY action_text ORDER BY rows DESC, action_text LIMIT ${shownActions}`);
  return rows.map(([text, number, unknown, count]) => ({
    text: String(text).slice(0, 80),
    action: unknown === true || text === "" ? null : (actions[Number(number)] ?? null),
    rows: Number(count),
  }));
}

async function rowsOf(engine: Engine): Promise<PreviewRow[]> {
  const rows = await engine.rows(
    `SELECT customer, item_text, action, time, dwell::DOUBLE, price::DOUBLE, reason FROM temp.understood ORDER BY rowid LIMIT ${shownRows}`,
  );
  return rows.map(([customer, item, action, time, dwell, price, reason]) => {
    const dropped = reason === null ? null : (dropReasons[Number(reason)] ?? null);
    return {
      customer: String(customer).slice(0, 80),
      item: String(item).slice(0, 80),
      action: dropped === "unknownAction" ? null : (actions[Number(action)] ?? null),
      time: typeof time === "number" ? new Date(time * 1000).toISOString() : null,
      dwell: typeof dwell === "number" ? dwell : null,
      price: typeof price === "number" ? price : null,
      dropped,
    };
  });
}

function flagsOf(
  given: PreviewOptions,
  found: ReadingOptions,
  { roles, missing }: { readonly roles: FoundRoles; readonly missing: readonly string[] },
  preset: IngestPreset | undefined,
  formats: readonly string[],
): string[] {
  const named = Object.entries(roles).map(([role, name]) => `${role}=${name}`);
  const columns = [...named, ...missing.map((role) => `${role}=NAME`)];
  return [
    ...(preset === undefined ? [`--columns ${quotedWord(columns.join())}`] : [`--preset ${preset}`]),
    ...(found.delimiter === undefined ? [] : [`--delimiter ${found.delimiter === "\t" ? "tab" : quotedWord(found.delimiter)}`]),
    ...(preset === undefined ? formats.map((format) => `--time-format ${quotedWord(format)}`) : []),
    ...(given.timeZone === undefined ? [] : [`--time-zone ${given.timeZone}`]),
  ];
}

/** As a shell takes it for one word. */
const quotedWord = (text: string) => (/^[\w=,.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
