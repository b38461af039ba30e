/** The cleaning query as DuckDB runs it, over files and over what it can attach. */
import { actionSpellings } from "../action-names.ts";
import { actionMarks, blanks, type Dialect, type ReadingsOptions } from "./dialect.ts";
import { literal } from "./engine.ts";
import { timeExpression } from "./time-expression.ts";

/** Nearly every field begins and ends with a printable ASCII character, which is quickly seen: taking away two dozen kinds of blank is slow. */
const trimmed = (
  text: string,
) => `CASE WHEN ${text} >= '!' AND ${text} < '\u007f' AND array_extract(${text}, -1) >= '!' AND array_extract(${text}, -1) < '\u007f'
    THEN ${text} ELSE coalesce(trim(${text}, ${literal(blanks)}), '') END`;

/** Most logs write an action as one word, and need no characters taken out of it. */
const spelt = (text: string) => `try_cast(${text} AS action_spelling)`;

/**
 * Spellings of actions as a type, the spelling's place being its number: a look-up for each row instead of seventy comparisons.
 * The items of the catalogue become such a type too, `catalogue_item`, in order of their numbers.
 */
export const actionTypeStatement = `CREATE TYPE action_spelling AS ENUM (${actionSpellings.map(({ spelling }) => literal(spelling)).join()})`;
const numbersOfSpellings = `[${actionSpellings.map(({ action }) => action).join()}]`;

function readings({ roles, fixedAction, timeFormats, catalogue }: ReadingsOptions): string {
  const action =
    roles.action === undefined
      ? `${fixedAction}`
      : `${numbersOfSpellings}[enum_code(coalesce(${spelt("lower(action_text)")}, ${spelt(`translate(lower(action_text), ${literal(actionMarks)}, '')`)})) + 1]`;
  const number = catalogue
    ? "enum_code(try_cast(item_text AS catalogue_item))::INTEGER + 1"
    : "CASE WHEN item_text <> '' THEN 1 END";
  const amount = (role: "dwell" | "price") => {
    if (roles[role] === undefined) return "NULL::FLOAT";
    const value = `try_cast(try_cast(${role}_text AS DOUBLE) AS FLOAT)`;
    return `CASE WHEN isfinite(${value}) AND ${value} >= 0 THEN ${value} + 0 END`;
  };
  return `SELECT *, ${timeExpression("time_text", timeFormats)} AS time, ${action} AS action, ${number} AS number,
    ${amount("dwell")} AS dwell, ${amount("price")} AS price
  FROM fields`;
}

export const duckdb: Dialect = {
  place: undefined,
  small: "UTINYINT",
  whole: "INTEGER",
  trimmed: (column) => trimmed(`CAST(${column} AS VARCHAR)`),
  double: (text) => `try_cast(${text} AS DOUBLE)`,
  beginsWith: (text, prefix) => `starts_with(upper(${text}), ${literal(prefix.toUpperCase())})`,
  withoutFraction: (text) => `regexp_replace(${text}, '^(\\d+)\\.0$', '\\1')`,
  readings,
};
