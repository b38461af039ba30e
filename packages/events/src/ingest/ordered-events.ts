/** What the cleaning left, streamed out in order: customers ascending, each one's events by time and arrival, each event once. */
import type { DuckDBDataChunk, DuckDBVector } from "@duckdb/node-api";
import type { Histories } from "../histories.ts";
import type { Engine } from "./engine.ts";

export interface OrderedEvents {
  readonly histories: Histories;
  /** Events that arrived after a later one of their customer. */
  readonly outOfOrder: number;
}

/**
 * A key by which texts in order of code points are in order of UTF-16 code units, which is the order of `Histories`. They differ where
 * U+E000 … U+FFFF meets what lies beyond U+FFFF: there the former get U+10FFFF in front.
 */
const codeUnitKey = "regexp_replace(customer, '([\\x{E000}-\\x{FFFF}]|\\x{10FFFF})', chr(1114111) || '\\1', 'g')";

/** Numbers customers whose rows were kept, in order. */
const customersStatement = `CREATE TEMP TABLE customers AS
  SELECT customer, (row_number() OVER (ORDER BY key) - 1)::UINTEGER AS number
  FROM (SELECT customer, ${codeUnitKey} AS key FROM (SELECT DISTINCT customer FROM cleaned WHERE reason IS NULL))`;

/**
 * Reads the table `cleaned`.
 * @param kept rows of it that are events, duplicates among them
 * @param amounts which of them the log has
 */
export async function orderedEvents(
  engine: Engine,
  kept: number,
  amounts: { readonly dwell: boolean; readonly price: boolean },
): Promise<OrderedEvents> {
  await engine.run(customersStatement);
  const customers: string[] = [];
  for await (const chunk of engine.chunks("SELECT customer FROM customers ORDER BY number")) {
    for (const id of chunk.getColumnValues(0)) customers.push(String(id));
  }
  const items = new Int32Array(kept);
  const actions = new Uint8Array(kept);
  const times = new Float64Array(kept);
  const dwells = amounts.dwell ? new Float32Array(kept) : undefined;
  const prices = amounts.price ? new Float32Array(kept) : undefined;
  const offsets = new Uint32Array(customers.length + 1);
  let [count, outOfOrder] = [0, 0];
  let [customerBefore, rowBefore] = [-1, -1];
  for await (const chunk of engine.chunks(orderedQuery(amounts))) {
    const [customer, item, action, time, row, dwell, price] = vectors(chunk);
    for (let at = 0; at < chunk.rowCount; at++) {
      const [now, place] = [number(customer, at), number(row, at)];
      if (now === customerBefore && place < rowBefore) outOfOrder++;
      customerBefore = now;
      rowBefore = place;
      items[count] = number(item, at);
      actions[count] = number(action, at);
      times[count] = number(time, at);
      if (dwells) dwells[count] = number(dwell, at);
      if (prices) prices[count] = number(price, at);
      count++;
      offsets[now + 1] = count;
    }
  }
  const histories: Histories = {
    customers,
    offsets,
    items: items.slice(0, count),
    actions: actions.slice(0, count),
    times: times.slice(0, count),
    ...(dwells ? { dwells: dwells.slice(0, count) } : {}),
    ...(prices ? { prices: prices.slice(0, count) } : {}),
  };
  return { histories, outOfOrder };
}

/** Of equal events the first stays, with its own dwell time and price. */
const orderedQuery = ({ dwell, price }: { readonly dwell: boolean; readonly price: boolean }) => `
  SELECT number, item, action, time, min(row)::DOUBLE AS first,
    ${dwell ? "arg_min_null(dwell, row)" : "NULL::FLOAT"} AS dwell, ${price ? "arg_min_null(price, row)" : "NULL::FLOAT"} AS price
  FROM (SELECT number, item, action, time, dwell, price, cleaned.rowid AS row FROM cleaned JOIN customers USING (customer) WHERE reason IS NULL)
  GROUP BY number, item, action, time
  ORDER BY number, time, first`;

const vectors = (chunk: DuckDBDataChunk): DuckDBVector[] => Array.from({ length: 7 }, (_, at) => chunk.getColumnVector(at));

/** NaN for NULL. */
function number(vector: DuckDBVector | undefined, at: number): number {
  const value = vector?.getItem(at);
  return typeof value === "number" ? value : Number.NaN;
}
