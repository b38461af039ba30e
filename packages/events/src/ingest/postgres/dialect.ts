/**
 * The cleaning query as PostgreSQL runs it, over tables that only live in its session. PostgreSQL ends a query at the first
 * text that it can't cast, so every cast stands behind a pattern that only lets texts through that it can. `OFFSET 0` keeps it from writing
 * an expression out wherever its result is used.
 */
import { actionSpellings } from "../../action-names.ts";
import { actionMarks, blanks, type Dialect, type ReadingsOptions } from "../dialect.ts";
import { literal } from "../engine.ts";
import { catalogueTable } from "./statements.ts";
import { customTime, isoTime } from "./times.ts";

/** By code points, whatever the database's own order is; patterns then know ASCII alone, as they do in DuckDB. */
const plain = 'COLLATE "C"';

/**
 * Small letters for ASCII's capitals, and for the two signs beyond it whose small letters DuckDB takes to be ASCII's. `translate` is slow: it is for
 * texts that have characters of several bytes.
 */
const small = (text: string) => `CASE WHEN octet_length(${text}) = length(${text}) THEN lower(${text})
    ELSE translate(lower(${text}), ${literal("\u212a\u0130")}, 'ki') END`;

const digits = "[0-9](_?[0-9])*";
/** As DuckDB reads doubles, `1_000` among them. */
const number = literal(`^[+]?-?(${digits}[.]?(${digits})?|[.]${digits})([eE][+-]?${digits})?$`);

/** A text of at most so many characters and an exponent of two digits is within the range of doubles. */
const shortLength = 40;
/** The range of `numeric` is wider than any number that a log may mean. */
const longestLength = 1000;

const infinite = (sign: "" | "-") => `CAST('${sign}Infinity' AS double precision)`;

function double(text: string): string {
  const bare = `ltrim(replace(${text}, '_', ''), '+')`;
  const exact = `CAST(${bare} AS numeric)`;
  return `CASE WHEN ${text} ~ ${number} THEN CASE
      WHEN length(${text}) <= ${shortLength} AND ${text} !~ '[eE][+-]?[0-9_]{3}' THEN CAST(${bare} AS double precision)
      WHEN length(${text}) > ${longestLength} THEN NULL
      WHEN ${bare} ~ '[eE][+-]?0*[1-9][0-9]{4}' THEN CASE
        WHEN ${bare} ~ '[eE]-|^-?[0.]*[eE]' THEN 0 WHEN ${bare} ~ '^-' THEN ${infinite("-")} ELSE ${infinite("")} END
      WHEN abs(${exact}) >= 1.7976931348623158e308 THEN sign(${exact}) * ${infinite("")}
      WHEN abs(${exact}) < 1e-300 THEN 0
      ELSE CAST(${exact} AS double precision) END END`;
}

/** From here on a double is infinite as a float, and up to here it is 0 as one. */
const [firstInfinite, lastZero] = ["3.4028235677973366e38", "7.006492321624085e-46"];

function readings({ roles, fixedAction, timeFormats, timeZone, catalogue }: ReadingsOptions): string {
  const spelling = `(VALUES ${actionSpellings.map((one) => `(${literal(one.spelling)}, ${one.action})`).join()}) AS spelling(name, action)`;
  const [action, actionJoin] =
    roles.action === undefined
      ? [`${fixedAction}`, ""]
      : [
          "spelling.action",
          `LEFT JOIN ${spelling} ON spelling.name = translate(${small("fields.action_text")}, ${literal(actionMarks)}, '')`,
        ];
  const [item, itemJoin] = catalogue
    ? ["item.number", `LEFT JOIN ${catalogueTable} AS item ON item.id = fields.item_text`]
    : ["CASE WHEN item_text <> '' THEN 1 END", ""];
  const amount = (role: "dwell" | "price") =>
    roles[role] === undefined
      ? "CAST(NULL AS double precision)"
      : `CASE WHEN ${role}_double >= -${lastZero} AND ${role}_double < ${firstInfinite} THEN greatest(${role}_double, 0) + 0 END`;
  const doubles = (["dwell", "price"] as const)
    .filter((role) => roles[role] !== undefined)
    .map((role) => `, ${double(`${role}_text`)} AS ${role}_double`);
  const usual = isoTime("time_text", "time_double", timeZone);
  const custom = timeFormats.map((format) => customTime("time_text", format, timeZone));
  const parts = [...custom, usual].map(({ parts: part }, at) => `, ${part} AS parts${at}`).join("");
  const seconds = [...custom, usual].map(({ seconds: second }, at) => second(`parts${at}`));
  const time = `coalesce(${seconds
    .slice(0, -1)
    .map((one) => `${one}, `)
    .join("")}
    CASE WHEN time_text >= '0' AND time_text < ':' THEN coalesce(
      CASE WHEN time_double < 1e11 THEN time_double ELSE time_double / 1000 END, ${seconds.at(-1)}) END)`;
  return `SELECT fields.*, CASE WHEN seconds >= 0 AND seconds < 1e11 THEN seconds END AS time,
      ${action} AS action, ${item} AS number, ${amount("dwell")} AS dwell, ${amount("price")} AS price
    FROM (SELECT *, ${time} AS seconds FROM (
      SELECT *${doubles.join("")}${parts} FROM (SELECT *, ${double("time_text")} AS time_double FROM fields OFFSET 0) AS fields OFFSET 0
    ) AS fields OFFSET 0) AS fields ${actionJoin} ${itemJoin}`;
}

export const postgres: Dialect = {
  place: "row_number() OVER ()",
  small: "smallint",
  whole: "integer",
  trimmed: (column) => `coalesce(btrim(CAST(${column} AS text) ${plain}, ${literal(blanks)}), '') ${plain}`,
  double,
  beginsWith: (text, prefix) => `starts_with(${small(text)}, ${literal(prefix.toLowerCase())})`,
  withoutFraction: (text) => `regexp_replace(${text}, '^([0-9]+)[.]0$', '\\1')`,
  readings,
};
