/** What PostgreSQL is asked of the rows once the cleaning query has put them into its session; the same as `ingest-log.ts` asks DuckDB. */
import { type DropReason, dropReasons } from "../../cleaning/drop-reasons.ts";
import { type CleaningOptions, cleaningColumns, clearedAmount, clearedItem, reasonNumber } from "../cleaning-query.ts";
import type { Session } from "./session.ts";

/** The catalogue: `id`, and `number` from 1. */
export const catalogueTable = "pg_temp.tributary_catalogue";
/** The cleaning query's result. */
export const cleanedTable = "pg_temp.tributary_cleaned";

const types: Readonly<Record<string, string>> = {
  ...{ time: "double precision", dwell: "double precision", price: "double precision", quantity: "double precision" },
  ...{ item: "integer", action: "smallint", cleared: "smallint", reason: "smallint" },
};

export const tableColumns = (options: Pick<CleaningOptions, "preset" | "texts">) =>
  ["place bigint", ...cleaningColumns(options).map((name) => `${name} ${types[name] ?? 'text COLLATE "C"'}`)].join();

/**
 * Of each line that takes back so many of an item, the last purchase before it of just as many was never made. Purchases and lines
 * that take back stand in one order; each purchase begins a run, and one whose run holds such a line is cancelled.
 */
export const cancelledStatement = `UPDATE ${cleanedTable} SET reason = ${reasonNumber("cancelled")} WHERE place IN (
  SELECT max(place) FILTER (WHERE bought) FROM (
    SELECT *, count(*) FILTER (WHERE bought) OVER (PARTITION BY customer, item, abs(quantity) ORDER BY time, bought DESC, place) AS run
    FROM (SELECT customer, item, quantity, time, place, reason IS NULL AS bought FROM ${cleanedTable}
      WHERE (reason IS NULL AND quantity >= 0) OR (reason = ${reasonNumber("cancellation")} AND item > 0 AND quantity <= 0)) AS lines
  ) AS runs WHERE run > 0 GROUP BY customer, item, abs(quantity), run HAVING bool_or(NOT bought))`;

/** Only who has so many events at all can have them in an hour: hours are counted for those alone. */
export const botStatement = (
  most: number,
) => `UPDATE ${cleanedTable} SET reason = ${reasonNumber("bot")} WHERE reason IS NULL AND customer IN (
  SELECT customer FROM ${cleanedTable} WHERE reason IS NULL AND customer IN (
    SELECT customer FROM ${cleanedTable} WHERE reason IS NULL GROUP BY customer HAVING count(*) > ${most})
  GROUP BY customer, floor(time / 3600) HAVING count(*) > ${most})`;

export async function countReasons(session: Session) {
  const counted =
    await session.rows(`SELECT reason, count(*), count(dwell), count(price), count(*) FILTER (WHERE cleared & ${clearedItem} > 0),
    count(*) FILTER (WHERE cleared & ${clearedAmount} > 0), count(time), count(DISTINCT customer), count(keywords) FROM ${cleanedTable} GROUP BY reason`);
  const dropped = Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>;
  let [rows, readable] = [0, 0];
  let [kept, withDwell, withPrice, itemsCleared, amountsCleared, customers, withKeywords] = [0, 0, 0, 0, 0, 0, 0];
  for (const [reason, ...numbers] of counted) {
    const [count = 0, dwells = 0, prices = 0, items = 0, amounts = 0, times = 0, people = 0, said = 0] = numbers.map(Number);
    rows += count;
    readable += times;
    const name = reason === null ? undefined : dropReasons[Number(reason)];
    if (name !== undefined) dropped[name] = count;
    else {
      [kept, withDwell, withPrice, itemsCleared, amountsCleared] = [count, dwells, prices, items, amounts];
      [customers, withKeywords] = [people, said];
    }
  }
  return { rows, readable, dropped, kept, withDwell, withPrice, itemsCleared, amountsCleared, customers, withKeywords };
}

/** See `ordered-events.ts`: by code units, not by code points. */
const codeUnitKey = `CASE WHEN octet_length(customer) = length(customer) THEN customer
  ELSE regexp_replace(customer, '([\\uE000-\\uFFFF\\U0010FFFF])', '\u{10ffff}\\1', 'g') END COLLATE "C"`;

/** Customers ascending, each one's events by time and arrival; of equal events the first, with what it says itself. */
export const orderedQuery = `SELECT customer, item, action, time, CAST(place AS double precision), dwell, price, keywords FROM (
    SELECT DISTINCT ON (customer, item, action, time, keywords) customer, item, action, time, place, dwell, price, keywords FROM ${cleanedTable}
    WHERE reason IS NULL ORDER BY customer, item, action, time, keywords, place) AS events
  ORDER BY ${codeUnitKey}, time, place`;

/** Every row that is no event, equal ones behind the first among them: `reason` (a place in `dropReasons`), its place, and its texts. */
export const rejectedQuery = `SELECT coalesce(reason, ${reasonNumber("duplicate")}), place, customer, item_text, action_text, time_text
  FROM (SELECT *, row_number() OVER (PARTITION BY customer, item, action, time, keywords, reason ORDER BY place) AS nth FROM ${cleanedTable}) AS numbered
  WHERE reason IS NOT NULL OR nth > 1 ORDER BY place`;
