/** Rows that come as objects: ids and actions as strings or numbers, the time as a string or a number. */
import { z } from "zod";
import { type ColumnNames, type ColumnRole, type FoundColumns, findColumns, unknownColumn } from "./columns.ts";
import type { RowSink } from "./rows.ts";

/** So many rows are held back until the columns' names are known: not every row has every key. */
const rowsToLearnKeysFrom = 100;

const object = z.record(z.string(), z.unknown());
/** Anything else (an object, true, null) counts as a field that is missing. */
const scalar = z.union([z.string(), z.number()]).optional().catch(undefined);

export interface ObjectRows {
  /** One row, whatever it is. @throws TRB_EVENTS_UNKNOWN_COLUMN */
  take(value: unknown, line: number): void;
  /** After the last one. @throws TRB_EVENTS_UNKNOWN_COLUMN */
  end(): void;
}

/** @param source what an error calls the log */
export function objectRows(source: string, columns: ColumnNames, sink: RowSink): ObjectRows {
  const early: { value: unknown; line: number }[] = [];
  const keys = new Set<string>();
  let take: ((value: unknown, line: number) => void) | undefined;

  const begin = () => {
    // A key that the caller named may first come later than these rows: that is judged at the end.
    const named = Object.values(columns).filter((name) => name !== undefined);
    const found = findColumns(source, [...new Set([...keys, ...named])], columns);
    sink.start({ ...found, fieldOfTime: 0 });
    take = rowReader(found, keys, sink);
    for (const { value, line } of early.splice(0)) take(value, line);
  };

  return {
    take(value, line) {
      if (take !== undefined) return take(value, line);
      early.push({ value, line });
      const row = object.safeParse(value);
      if (row.success) for (const key of Object.keys(row.data)) keys.add(key);
      if (early.length < rowsToLearnKeysFrom) return;
      if (keys.size > 0) begin();
      else for (const { line } of early.splice(0)) sink.malformed(line);
    },
    end() {
      if (take === undefined && keys.size === 0) {
        for (const { line } of early) sink.malformed(line);
        return;
      }
      if (take === undefined) begin();
      for (const role of ["customer", "item", "action", "time", "dwell", "price", "keywords"] satisfies ColumnRole[]) {
        const name = columns[role];
        if (name !== undefined && !keys.has(name)) throw unknownColumn(source, role, name, [...keys]);
      }
    },
  };
}

/** Notes in `keys` which of the columns it has met. */
function rowReader(found: FoundColumns, keys: Set<string>, sink: RowSink) {
  const { customer, item, action, time, dwell, price, keywords } = found;
  const wanted = [customer, item, action, time, dwell, price, keywords].filter((name) => name !== undefined);
  const schema = z.object(Object.fromEntries(wanted.map((name) => [name, scalar])));
  return (value: unknown, line: number) => {
    const row = schema.safeParse(value);
    if (!row.success) return sink.malformed(line);
    const { data } = row;
    for (const name of wanted) if (data[name] !== undefined) keys.add(name);
    const field = (name: string | undefined) => (name === undefined ? undefined : data[name]);
    const words = [text(data[customer]), text(data[item]), text(field(action))] as const;
    sink.row(...words, data[time], field(dwell), field(price), text(field(keywords)), line);
  };
}

const text = (value: string | number | undefined) => (typeof value === "number" ? String(value) : value);

/** Undefined when it is no JSON, which no row is. */
export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
