/**
 * `tributary node import`: behaviour logs → the node's encrypted store, by the plan's own catalogue. It replaces what was there;
 * the budget stays as it is, since the same customers have already paid for what was released.
 */
import { fail } from "@tributary/errors";
import { type ColumnNames, type Histories, type ImportOptions, type ImportReport, importLog } from "@tributary/events";
import { readHomeCatalogue } from "./home/catalogue.ts";
import { writeHistories } from "./home/histories.ts";
import { withHome } from "./home/open.ts";
import { mergeHistories } from "./merge-histories.ts";

export interface ImportEventsOptions {
  readonly home: string;
  readonly files: readonly string[];
  readonly columns?: ColumnNames;
  /** How the files are written; default: by their ending. */
  readonly format?: NonNullable<ImportOptions["format"]>;
  /** A form without named columns; goes before `format`. */
  readonly preset?: "sasrec-text";
  readonly delimiter?: string;
}

/** Counts for the merchant's own eyes, over all files. `rows = kept + Σ dropped`. */
export interface ImportSummary extends Omit<ImportReport, "file"> {
  readonly files: readonly string[];
}

/** A merchant has more customers than one; with fewer there is no crowd that the noise could hide somebody in. */
const leastCustomers = 2;

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE, and what `importLog` refuses */
export function importEvents(options: ImportEventsOptions): Promise<ImportSummary> {
  return withHome(options.home, async (home) => {
    const catalogue = readHomeCatalogue(home.layout);
    let histories: Histories | undefined;
    const reports: ImportReport[] = [];
    let repeated = 0;
    for (const path of options.files) {
      const imported = await importLog({
        path,
        catalogue,
        leastCustomers: options.files.length === 1 ? leastCustomers : 1,
        format: options.format,
        preset: options.preset,
        columns: options.columns,
        delimiter: options.delimiter,
      });
      reports.push(imported.report);
      if (histories === undefined) histories = imported.histories;
      else {
        const merged = mergeHistories(histories, imported.histories);
        histories = merged.histories;
        repeated += merged.duplicates;
      }
    }
    if (histories === undefined || histories.customers.length < leastCustomers) {
      throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers: histories?.customers.length ?? 0, least: leastCustomers });
    }
    await writeHistories(home.layout, histories);
    return summarise(reports, histories, repeated);
  });
}

function summarise(reports: readonly ImportReport[], histories: Histories, repeated: number): ImportSummary {
  const [first, ...others] = reports;
  if (first === undefined) throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers: 0, least: leastCustomers });
  const { file: _, ...only } = first;
  if (others.length === 0) return { files: [first.file], ...only };
  const add = <Name extends string>(a: Readonly<Record<Name, number>>, b: Readonly<Record<Name, number>>) =>
    Object.fromEntries(Object.entries<number>(a).map(([name, count]) => [name, count + b[name as Name]])) as Record<
      Name,
      number
    >;
  const dropped = others.reduce((sum, report) => add(sum, report.dropped), { ...first.dropped });
  const total = (count: (report: ImportReport) => number) => reports.reduce((sum, report) => sum + count(report), 0);
  return {
    files: reports.map(({ file }) => file),
    rows: total(({ rows }) => rows),
    kept: histories.items.length,
    dropped: { ...dropped, duplicate: dropped.duplicate + repeated },
    itemsCleared: total(({ itemsCleared }) => itemsCleared),
    withDwell: total(({ withDwell }) => withDwell),
    withPrice: total(({ withPrice }) => withPrice),
    customers: histories.customers.length,
    items: new Set(histories.items.filter((item) => item > 0)).size,
    actions: others.reduce((sum, report) => add(sum, report.actions), { ...first.actions }),
  };
}
