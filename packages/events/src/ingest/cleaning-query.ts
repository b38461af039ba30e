/**
 * The one query that decides of each row what event it is, or why it is none. It is a plain projection of its relation, so that whatever
 * can run it, runs it where the rows are; `cleaning/row-cleaner.ts` says the same row by row, and is held equal to it.
 */
import { actionSpellings } from "../action-names.ts";
import { type DropReason, dropReasons } from "../cleaning/drop-reasons.ts";
import { actions } from "../histories.ts";
import { identifier, literal } from "./engine.ts";
import type { IngestRole, Preset } from "./presets.ts";
import { timeExpression } from "./time-expression.ts";

/** Which column has which role; no `action`: every event is what the preset says, else a view. */
export type FoundRoles = Readonly<Partial<Record<IngestRole, string>>>;

export interface CleaningOptions {
  readonly roles: FoundRoles;
  readonly preset: Preset | undefined;
  /** True of a row that can't be taken apart. */
  readonly malformed: string | undefined;
  readonly timeFormats: readonly string[];
  /** Events after this moment, Unix seconds, are mistakes. */
  readonly latest: number;
  /** Whether the type `catalogue_item` says which items there are; else every item is known, as number 1. */
  readonly catalogue: boolean;
  /** Keeps the fields' texts beside what they were read as. */
  readonly texts: boolean;
}

/** By number: `reason` in the query's result is its place in `dropReasons`, and NULL for an event. */
export const reasonNumber = (reason: DropReason) => dropReasons.indexOf(reason);

/** Bits of `cleared`: what an event that was kept has lost. */
export const clearedItem = 1;
export const clearedAmount = 2;

/** Every character that JavaScript's `trim` takes away. */
const blanks = literal(
  " \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
);

/** Nearly every field begins and ends with a printable ASCII character, which is quickly seen: taking away two dozen kinds of blank is slow. */
const trimmed = (
  text: string,
) => `CASE WHEN ${text} >= '!' AND ${text} < '\u007f' AND array_extract(${text}, -1) >= '!' AND array_extract(${text}, -1) < '\u007f'
    THEN ${text} ELSE coalesce(trim(${text}, ${blanks}), '') END`;

/** Most logs write an action as one word, and need no characters taken out of it. */
const spelt = (text: string) => `try_cast(${text} AS action_spelling)`;

/**
 * Spellings of actions as a type, the spelling's place being its number: a look-up for each row instead of seventy comparisons.
 * The items of the catalogue become such a type too, in order of their numbers.
 */
export const actionTypeStatement = `CREATE TYPE action_spelling AS ENUM (${actionSpellings.map(({ spelling }) => literal(spelling)).join()})`;
const numbersOfSpellings = `[${actionSpellings.map(({ action }) => action).join()}]`;

const itemless = ["search", "login", "category", "checkout"] as const satisfies readonly (typeof actions)[number][];
const itemlessNumbers = itemless.map((action) => actions.indexOf(action)).join();

/** @param from what to select from */
export function cleaningQuery(from: string, options: CleaningOptions): string {
  const { roles, preset, malformed, timeFormats, latest, catalogue, texts } = options;
  const text = (role: IngestRole) => {
    const name = roles[role];
    return name === undefined ? "''" : trimmed(`CAST(${identifier(name)} AS VARCHAR)`);
  };
  const customer = preset?.floatCustomers ? `regexp_replace(${text("customer")}, '^(\\d+)\\.0$', '\\1')` : text("customer");
  const fixedAction = actions.indexOf(preset?.action ?? "view");
  const action =
    roles.action === undefined
      ? `${fixedAction}`
      : `${numbersOfSpellings}[enum_code(coalesce(${spelt("lower(action_text)")}, ${spelt(`translate(lower(action_text), ${literal(" \t_-./")}, '')`)})) + 1]`;
  const number = catalogue
    ? "enum_code(try_cast(item_text AS catalogue_item))::INTEGER + 1"
    : "CASE WHEN item_text <> '' THEN 1 END";
  const amount = (role: "dwell" | "price") => {
    if (roles[role] === undefined) return "NULL::FLOAT";
    const value = `try_cast(try_cast(${role}_text AS DOUBLE) AS FLOAT)`;
    return `CASE WHEN isfinite(${value}) AND ${value} >= 0 THEN ${value} + 0 END`;
  };
  const lost = (role: "dwell" | "price") => `(${role}_text <> '' AND ${role} IS NULL)`;
  const takesBack =
    preset?.cancelledOrders === undefined
      ? "false"
      : `(starts_with(upper(order_text), ${literal(preset.cancelledOrders)}) OR coalesce(quantity < 0, false))`;
  const reason = (name: DropReason) => reasonNumber(name);
  return `
WITH fields AS (
  SELECT ${malformed ?? "false"} AS malformed, ${customer} AS customer, ${text("item")} AS item_text, ${text("action")} AS action_text,
    ${text("time")} AS time_text, ${text("dwell")} AS dwell_text, ${text("price")} AS price_text,
    ${text("order")} AS order_text, try_cast(${text("quantity")} AS DOUBLE) AS quantity
  FROM ${from}
), values AS (
  SELECT *, ${timeExpression("time_text", timeFormats)} AS time, ${action} AS action, ${number} AS number,
    ${amount("dwell")} AS dwell, ${amount("price")} AS price
  FROM fields
)
SELECT customer, time,
  coalesce(number, 0)::INTEGER AS item, coalesce(action, 0)::UTINYINT AS action, dwell, price,
  ${preset?.cancelledOrders === undefined ? "" : "quantity,"} ${texts ? "item_text, action_text, time_text," : ""}
  ((item_text <> '' AND number IS NULL)::UTINYINT * ${clearedItem} + (${lost("dwell")} OR ${lost("price")})::UTINYINT * ${clearedAmount})::UTINYINT AS cleared,
  (CASE
    WHEN malformed THEN ${reason("malformedRow")}
    WHEN customer = '' OR time_text = '' THEN ${reason("missingField")}
    WHEN time IS NULL THEN ${reason("unparsableTime")}
    WHEN time > ${latest} THEN ${reason("futureTime")}
    ${roles.action === undefined ? "" : `WHEN action_text = '' THEN ${reason("missingField")}`}
    WHEN action IS NULL THEN ${reason("unknownAction")}
    WHEN action NOT IN (${itemlessNumbers}) AND item_text = '' THEN ${reason("missingField")}
    WHEN ${takesBack} THEN ${reason("cancellation")}
    WHEN action NOT IN (${itemlessNumbers}) AND number IS NULL THEN ${reason("outsideCatalogue")}
  END)::UTINYINT AS reason
FROM values`;
}
