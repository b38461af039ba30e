/** The columns of `Histories`, whichever there are: for what moves events and doesn't ask what they say. */
import type { Histories } from "./histories.ts";

/** One number an event. */
export type Column = Float64Array | Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** All columns, by their names in `Histories`. */
export function columnsOf({ customers: _, offsets: __, ...columns }: Histories): [string, Column][] {
  return Object.entries(columns as Readonly<Record<string, Column | undefined>>).flatMap(([name, column]) =>
    column === undefined ? [] : [[name, column]],
  );
}

export const columnOf = (histories: Histories, name: string): Column | undefined =>
  (histories as unknown as Readonly<Record<string, Column | undefined>>)[name];

/** The same kind of numbers, all 0. */
export const emptyLike = (column: Column, events: number): Column =>
  new (column.constructor as new (length: number) => Column)(events);

/** @param columns at least items, actions and times, each with one element an event */
export function assembled(
  customers: readonly string[],
  offsets: Uint32Array,
  columns: readonly (readonly [string, Column])[],
): Histories {
  return { customers, offsets, ...Object.fromEntries(columns) } as unknown as Histories;
}
