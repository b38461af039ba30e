/**
 * What the cleaning left, handed on in order, a chunk at a time: customers ascending, each one's events by time and arrival, each event once.
 */
import type { DuckDBDataChunk, DuckDBVector } from "@duckdb/node-api";
import { type Histories, actions as knownActions } from "../histories.ts";
import type { Engine } from "./engine.ts";
import { historiesBuilder } from "./histories-builder.ts";

/** Takes a chunk; nothing more is read before it is done with the chunk before. */
export type Deliver = (chunk: Histories) => Promise<void>;

export interface OrderedOptions {
  /** Which amounts the log has. */
  readonly dwell: boolean;
  readonly price: boolean;
  /** Customers up to this one are counted, but not delivered. */
  readonly resumeAfter?: string | undefined;
  /** Events in a chunk; the last customer's are there to the end, and make it longer. */
  readonly chunkEvents: number;
}

/** Counts over the whole log, whatever of it is delivered. */
export interface OrderedCounts {
  readonly kept: number;
  /** Events that arrived after a later one of their customer. */
  readonly outOfOrder: number;
  /** Events by item and by action; `items[0]` counts those without an item. */
  readonly items: Uint32Array;
  readonly actions: Uint32Array;
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

/** Makes the table `customers` of the table `cleaned`, and says how many they are. */
export async function numberCustomers(engine: Engine): Promise<number> {
  await engine.run(customersStatement);
  const [row] = await engine.rows("SELECT count(*) FROM customers");
  return Number(row?.[0] ?? 0);
}

/**
 * Reads the tables `cleaned` and `customers`.
 * @param catalogueSize items that there are
 */
export async function deliverOrdered(
  engine: Engine,
  { resumeAfter, chunkEvents, ...amounts }: OrderedOptions,
  catalogueSize: number,
  deliver: Deliver,
): Promise<OrderedCounts> {
  const ids: string[] = [];
  for await (const chunk of engine.chunks("SELECT customer FROM customers ORDER BY number")) {
    for (const id of chunk.getColumnValues(0)) ids.push(String(id));
  }
  const [items, actions] = [new Uint32Array(catalogueSize + 1), new Uint32Array(knownActions.length)];
  const builder = historiesBuilder(amounts);
  let [kept, outOfOrder] = [0, 0];
  let [customerBefore, rowBefore] = [-1, -1];
  for await (const chunk of engine.chunks(orderedQuery(amounts))) {
    const [customer, item, action, time, row, dwell, price] = vectors(chunk);
    for (let at = 0; at < chunk.rowCount; at++) {
      const [now, place] = [number(customer, at), number(row, at)];
      if (now !== customerBefore) {
        if (builder.events() >= chunkEvents) await deliver(builder.finish());
        const id = ids[now] ?? "";
        builder.startCustomer(resumeAfter === undefined || id > resumeAfter ? id : undefined);
        customerBefore = now;
      } else if (place < rowBefore) outOfOrder++;
      rowBefore = place;
      const [itemNumber, actionNumber] = [number(item, at), number(action, at)];
      items[itemNumber] = (items[itemNumber] ?? 0) + 1;
      actions[actionNumber] = (actions[actionNumber] ?? 0) + 1;
      kept++;
      builder.add(itemNumber, actionNumber, number(time, at), number(dwell, at), number(price, at));
    }
  }
  if (builder.events() > 0) await deliver(builder.finish());
  return { kept, outOfOrder, items, actions };
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
