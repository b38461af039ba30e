/**
 * What the cleaning left, handed on in order, a chunk at a time: customers ascending, each one's events by time and arrival, each event once.
 */
import { DuckDBDataChunk } from "@duckdb/node-api";
import { type Histories, actions as knownActions } from "../histories.ts";
import type { Engine } from "./engine.ts";
import { historiesBuilder } from "./histories-builder.ts";

/** Takes a chunk; nothing more is read before it is done with the chunk before. */
export type Deliver = (chunk: Histories) => Promise<void>;

export interface OrderedOptions {
  /** Of `cleaned`, whatever became of them. */
  readonly rows: number;
  /** Which amounts the log has. */
  readonly dwell: boolean;
  readonly price: boolean;
  /** What keywords are about, counted from 1, 0 for nothing that is known; undefined where no event has any. */
  readonly topicOf?: ((keywords: string) => number) | undefined;
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
  /** Events that are about something of the catalogue. */
  readonly withTopic: number;
}

/**
 * A key by which texts in order of code points are in order of UTF-16 code units, which is the order of `Histories`. They differ where
 * U+E000 … U+FFFF meets what lies beyond U+FFFF: there the former get U+10FFFF in front.
 */
const codeUnitKey = "regexp_replace(customer, '([\\x{E000}-\\x{FFFF}]|\\x{10FFFF})', chr(1114111) || '\\1', 'g')";

/** Numbers customers whose rows were kept, in order. It is no temporary table: those are seen by one connection alone. */
const customersStatement = `CREATE OR REPLACE TABLE memory.main.customers AS
  SELECT customer, events, (row_number() OVER (ORDER BY key) - 1)::UINTEGER AS number
  FROM (SELECT customer, events, ${codeUnitKey} AS key
    FROM (SELECT customer, count(*) AS events FROM temp.cleaned WHERE reason IS NULL GROUP BY customer))`;

/** Makes the table `customers` of the table `cleaned`, and says how many they are, and how many events the busiest has, duplicates among them. */
export async function numberCustomers(engine: Engine): Promise<{ readonly customers: number; readonly busiest: number }> {
  await engine.run(customersStatement);
  const [row] = await engine.rows("SELECT count(*), coalesce(max(events), 0) FROM memory.main.customers");
  return { customers: Number(row?.[0] ?? 0), busiest: Number(row?.[1] ?? 0) };
}

/**
 * Reads the tables `cleaned` and `customers`. While a chunk is being taken, the next one is read.
 * @param catalogueSize items that there are
 */
export async function deliverOrdered(
  engine: Engine,
  { rows, resumeAfter, chunkEvents, topicOf, dwell: hasDwell, price: hasPrice }: OrderedOptions,
  catalogueSize: number,
  deliver: Deliver,
): Promise<OrderedCounts> {
  const [items, actions] = [new Uint32Array(catalogueSize + 1), new Uint32Array(knownActions.length)];
  const amounts = { dwell: hasDwell, price: hasPrice, topic: topicOf !== undefined };
  const builder = historiesBuilder(amounts);
  const idChunks = engine.beside("SELECT customer FROM memory.main.customers ORDER BY number");
  let [ids, idsTaken] = [[] as string[], 0];
  const taker = oneAtATime(deliver);
  let delivering = resumeAfter === undefined;
  let [kept, outOfOrder, withTopic] = [0, 0, 0];
  let [customerBefore, rowBefore] = [-1, -1];
  try {
    for await (const chunk of engine.chunks(orderedQuery(amounts, rows))) {
      const [customer, time, row, event, dwell, price, keywords] = columnsOf(chunk, amounts);
      const { rowCount } = chunk; // a call into DuckDB
      for (let at = 0; at < rowCount; at++) {
        const number = customer.getItem(at);
        if (number !== customerBefore) {
          if (idsTaken === ids.length) [ids, idsTaken] = [await textsOf(idChunks), 0];
          const id = ids[idsTaken++] ?? "";
          if (!delivering) {
            builder.clear();
            delivering = id > (resumeAfter ?? "");
          } else if (builder.events() >= chunkEvents) await taker.take(builder.finish());
          builder.startCustomer(id);
          [customerBefore, rowBefore] = [number, -1];
        }
        const both = event.getItem(at);
        const [itemNumber, actionNumber] = [both >>> actionBits, both & (2 ** actionBits - 1)];
        const topic = topicOf === undefined ? 0 : topicOf(keywords.getItem(at));
        if (!builder.add(itemNumber, actionNumber, time.getItem(at), dwell.getItem(at), price.getItem(at), topic)) continue;
        const place = row.getItem(at);
        if (place < rowBefore) outOfOrder++;
        rowBefore = place;
        items[itemNumber] = (items[itemNumber] ?? 0) + 1;
        actions[actionNumber] = (actions[actionNumber] ?? 0) + 1;
        kept++;
        if (topic > 0) withTopic++;
      }
    }
    if (delivering && builder.events() > 0) await taker.take(builder.finish());
  } finally {
    await taker.end();
  }
  return { kept, outOfOrder, items, actions, withTopic };
}

/** What the log has beside items, actions and times. */
interface Given {
  readonly dwell: boolean;
  readonly price: boolean;
  readonly topic: boolean;
}

/** An item and an action in one number: with it a row of most logs is 24 bytes to sort, keys and all; in two it is 32, and more beside them. */
const [packed, actionBits] = ["(item::UINTEGER * 16 + action)::UINTEGER", 4] as const;

/**
 * Of equal events, which the builder finds, the first stays, with its own dwell time and price. What the rows are sorted by is all that most of them
 * have: no two have the same `row`, so that the event, behind it, decides nothing. Nothing is NULL: that is slow to ask for.
 */
const orderedQuery = ({ dwell, price, topic }: Given, rows: number) => `
  SELECT number, time, cleaned.rowid::${rows < 2 ** 32 ? "UINTEGER" : "DOUBLE"} AS row, ${packed} AS event
    ${dwell ? ", coalesce(dwell, 'NaN'::FLOAT) AS dwell" : ""} ${price ? ", coalesce(price, 'NaN'::FLOAT) AS price" : ""}
    ${topic ? ", coalesce(keywords, '') AS keywords" : ""}
  FROM temp.cleaned JOIN memory.main.customers USING (customer) WHERE reason IS NULL ORDER BY number, time, row, event`;

interface Column<Value = number> {
  getItem(at: number): Value;
}
const absent: Column = { getItem: () => Number.NaN };
const unsaid: Column<string> = { getItem: () => "" };

/** The columns of `orderedQuery`, in its order. */
function columnsOf(chunk: DuckDBDataChunk, given: Given) {
  const column = (place: number) => chunk.getColumnVector(place) as Column; // numbers all, and none of them NULL
  let next = 4;
  const dwell = given.dwell ? column(next++) : absent;
  const price = given.price ? column(next++) : absent;
  const keywords = given.topic ? (chunk.getColumnVector(next) as unknown as Column<string>) : unsaid;
  return [column(0), column(1), column(2), column(3), dwell, price, keywords] as const;
}

async function textsOf(chunks: AsyncGenerator<DuckDBDataChunk>): Promise<string[]> {
  const { value } = await chunks.next();
  return value instanceof DuckDBDataChunk ? value.getColumnValues(0).map(String) : [];
}

/** Hands chunks over without waiting for the last of them, and never two. */
function oneAtATime(deliver: Deliver) {
  let delivered = Promise.resolve();
  return {
    take: async (chunk: Histories) => {
      await delivered;
      delivered = deliver(chunk);
      delivered.catch(() => {}); // whoever waits for it next is told
    },
    end: () => delivered,
  };
}
