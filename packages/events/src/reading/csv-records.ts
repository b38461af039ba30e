/** What the records of a CSV log mean: the first one names the columns, the others are rows. */
import { type ColumnNames, type ColumnRole, findColumns } from "./columns.ts";
import type { RowSink } from "./rows.ts";

/** How csv-parse takes a log apart, whichever of its builds does. */
export const csvSettings = {
  bom: true,
  skip_empty_lines: true,
  relax_column_count: true, // a short row has missing fields, which are counted like any other
  relax_quotes: true,
} as const;

/**
 * @param source what an error calls the log
 * @returns takes each record, with its (last) line. @throws TRB_EVENTS_UNKNOWN_COLUMN, TRB_EVENTS_NO_HEADER
 */
export function csvRecords(
  source: string,
  columns: ColumnNames,
  sink: RowSink,
): (record: readonly string[], line: number) => void {
  let places: Readonly<Record<ColumnRole, number>> | undefined;
  return (record, line) => {
    if (places === undefined) {
      const names = record.map((name) => name.trim());
      const found = findColumns(source, names, columns);
      const place = (name: string | undefined) => (name === undefined ? -1 : names.indexOf(name));
      places = {
        customer: place(found.customer),
        item: place(found.item),
        action: place(found.action),
        time: place(found.time),
        dwell: place(found.dwell),
        price: place(found.price),
        keywords: place(found.keywords),
      };
      sink.start({ ...found, fieldOfTime: places.time + 1 });
      return;
    }
    const { customer, item, action, time, dwell, price, keywords } = places;
    const field = (place: number) => (place < 0 ? undefined : record[place]);
    const amounts = [field(dwell), field(price)] as const;
    sink.row(record[customer], record[item], field(action), record[time], ...amounts, field(keywords), line);
  };
}
