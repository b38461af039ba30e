/**
 * The one query that decides of each row what event it is, or why it is none. It is a plain projection of its relation, so that whatever
 * can run it, runs it where the rows are: DuckDB, or the warehouse that has the log, each in its dialect. `cleaning/row-cleaner.ts` says the
 * same row by row, and is held equal to it.
 */
import { type DropReason, dropReasons } from "../cleaning/drop-reasons.ts";
import { actions } from "../histories.ts";
import { type Dialect, type QuickRole, quickRoles } from "./dialect.ts";
import { duckdb } from "./duckdb-dialect.ts";
import { identifier } from "./engine.ts";
import type { IngestRole, Preset } from "./presets.ts";

/** Which column has which role; no `action`: every event is what the preset says, else a view. */
export type FoundRoles = Readonly<Partial<Record<IngestRole, string>>>;

export interface CleaningOptions {
  readonly roles: FoundRoles;
  readonly preset: Preset | undefined;
  /** True of a row that can't be taken apart. */
  readonly malformed: string | undefined;
  readonly timeFormats: readonly string[];
  /** Of times that don't say theirs; DuckDB has it in its session. Default: UTC. */
  readonly timeZone?: string | undefined;
  /** Events after this moment, Unix seconds, are mistakes. */
  readonly latest: number;
  /** Whether the dialect has a list of items; else every item is known, as number 1. */
  readonly catalogue: boolean;
  /** Keeps the fields' texts beside what they were read as. */
  readonly texts: boolean;
}

/** By number: `reason` in the query's result is its place in `dropReasons`, and NULL for an event. */
export const reasonNumber = (reason: DropReason) => dropReasons.indexOf(reason);

/** Bits of `cleared`: what an event that was kept has lost. */
export const clearedItem = 1;
export const clearedAmount = 2;

const itemless = ["search", "login", "category", "checkout"] as const satisfies readonly (typeof actions)[number][];
const itemlessNumbers = itemless.map((action) => actions.indexOf(action)).join();

/** The query's columns, in order. @param texts whether the fields' texts stand beside what they were read as */
export const cleaningColumns = ({ preset, texts }: Pick<CleaningOptions, "preset" | "texts">): readonly string[] => [
  ...["customer", "time", "item", "action", "dwell", "price", "keywords"],
  ...(preset?.cancelledOrders === undefined ? [] : ["quantity"]),
  ...(texts ? ["item_text", "action_text", "time_text"] : []),
  ...["cleared", "reason"],
];

/** Characters; the match looks at fewer (`topics/words.ts`). */
const longestKeywords = 800;

/** @param from what to select from; its columns are those that `roles` name */
export function cleaningQuery(from: string, options: CleaningOptions, dialect: Dialect = duckdb): string {
  const { roles, preset, malformed, timeFormats, timeZone = "UTC", latest, catalogue, texts } = options;
  const { small, whole, place } = dialect;
  const text = (role: IngestRole) => {
    const name = roles[role];
    return name === undefined ? "''" : dialect.trimmed(identifier(name));
  };
  const quick = quickRoles.flatMap((role) => {
    const name = roles[role];
    const read = name === undefined || texts ? undefined : dialect.quick?.(role, identifier(name), { timeFormats, catalogue });
    return read === undefined ? [] : [{ role, read }];
  });
  const unread = (role: QuickRole) => {
    const read = quick.find((one) => one.role === role)?.read;
    return read === undefined ? text(role) : `CASE WHEN ${read} IS NULL THEN ${text(role)} END`;
  };
  const customer = preset?.floatCustomers ? dialect.withoutFraction(text("customer")) : text("customer");
  const fixedAction = actions.indexOf(preset?.action ?? "view");
  const lost = (role: "dwell" | "price") => `(${role}_text <> '' AND ${role} IS NULL)`;
  const takesBack =
    preset?.cancelledOrders === undefined
      ? "false"
      : `(${dialect.beginsWith("order_text", preset.cancelledOrders)} OR coalesce(quantity < 0, false))`;
  const reason = (name: DropReason) => reasonNumber(name);
  // matched to the catalogue where events are put in order (`topics/match-topic.ts`); nobody else reads them
  const keywords =
    roles.keywords === undefined
      ? "CAST(NULL AS VARCHAR)"
      : `CASE WHEN keywords_text <> '' AND number IS NULL AND action IN (${itemlessNumbers}) THEN left(keywords_text, ${longestKeywords}) END`;
  const bit = (condition: string, value: number) => `CAST(${condition} AS INTEGER) * ${value}`;
  return `
WITH fields AS (
  SELECT ${place === undefined ? "" : `${place} AS place,`} ${malformed ?? "false"} AS malformed, ${customer} AS customer, ${unread("item")} AS item_text,
    ${unread("action")} AS action_text, ${unread("time")} AS time_text,${quick.map(({ role, read }) => ` ${read} AS quick_${role},`).join("")} ${text("dwell")} AS dwell_text, ${text("price")} AS price_text,
    ${text("order")} AS order_text, ${text("keywords")} AS keywords_text, ${roles.quantity === undefined ? "NULL" : dialect.double(text("quantity"))} AS quantity
  FROM ${from}
), readings AS (
  ${dialect.readings({ roles, fixedAction, timeFormats, timeZone, catalogue, quick: quick.map(({ role }) => role) })}
)
SELECT ${place === undefined ? "" : "place,"} customer, time,
  CAST(coalesce(number, 0) AS ${whole}) AS item, CAST(coalesce(action, 0) AS ${small}) AS action, dwell, price, ${keywords} AS keywords,
  ${preset?.cancelledOrders === undefined ? "" : "quantity,"} ${texts ? "item_text, action_text, time_text," : ""}
  CAST(${bit("(item_text <> '' AND number IS NULL)", clearedItem)} + ${bit(`(${lost("dwell")} OR ${lost("price")})`, clearedAmount)} AS ${small}) AS cleared,
  CAST(CASE
    WHEN malformed THEN ${reason("malformedRow")}
    WHEN customer = '' OR time_text = '' THEN ${reason("missingField")}
    WHEN time IS NULL THEN ${reason("unparsableTime")}
    WHEN time > ${latest} THEN ${reason("futureTime")}
    ${roles.action === undefined ? "" : `WHEN action_text = '' THEN ${reason("missingField")}`}
    WHEN action IS NULL THEN ${reason("unknownAction")}
    WHEN action NOT IN (${itemlessNumbers}) AND item_text = '' THEN ${reason("missingField")}
    WHEN ${takesBack} THEN ${reason("cancellation")}
    WHEN action NOT IN (${itemlessNumbers}) AND number IS NULL THEN ${reason("outsideCatalogue")}
  END AS ${small}) AS reason
FROM readings`;
}
