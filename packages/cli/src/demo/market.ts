/** Where the demo's log comes from: the synthetic market, or a file; and how it is given to the merchants. */
import { mkdirSync } from "node:fs";
import { fail } from "@tributary/errors";
import {
  type Catalogue,
  catalogueFromLog,
  describeImport,
  type Histories,
  importLog,
  readCatalogue,
  splitCustomers,
  withAttributes,
  writeCatalogue,
  writeCsv,
} from "@tributary/events";
import { type FederationReport, type MerchantPart, merchantParts, syntheticMarket } from "@tributary/simulate";
import type { Columns } from "../options.ts";

export interface LogOptions {
  readonly events?: string;
  readonly columns?: Columns;
  readonly preset?: "sasrec-text";
  readonly catalogue?: string;
  readonly attributes?: string;
  readonly seedMarket: number;
  /** Of the synthetic market: the chance that a customer searches before it turns to a category. */
  readonly marketSearches?: number;
}

/** A whole log, which only a demonstration or a researcher holds in one place. */
export interface Log {
  readonly catalogue: Catalogue;
  readonly histories: Histories;
  readonly source: FederationReport["source"];
  /** `log` when the catalogue itself was taken from the behaviour: every output says so. */
  readonly catalogueProvenance: "public" | "log";
  /** Unix seconds until which customers were watched, where that is known without looking at them. */
  readonly watchedUntil?: number;
}

/** @throws TRB_DEMO_LOG_INCOMPLETE and what `importLog` throws */
export async function readLog(options: LogOptions): Promise<Log> {
  if (options.events === undefined) {
    const searches = options.marketSearches === undefined ? {} : { searches: options.marketSearches };
    const { catalogue, histories, settings } = syntheticMarket({ seed: options.seedMarket, ...searches });
    return {
      catalogue,
      histories,
      source: {
        kind: "synthetic",
        seed: options.seedMarket,
        description: `A made-up market of ${histories.customers.length} customers and ${catalogue.items.length} items (seed ${options.seedMarket}); no real shop behaves exactly so.`,
      },
      catalogueProvenance: "public",
      watchedUntil: settings.opens + settings.days * 86_400,
    };
  }
  if (options.columns === undefined && options.preset === undefined) throw fail("TRB_DEMO_LOG_INCOMPLETE");
  const shape = {
    ...(options.columns === undefined ? {} : { columns: options.columns }),
    ...(options.preset === undefined ? {} : { preset: options.preset }),
  };
  const items =
    options.catalogue === undefined ? await catalogueFromLog(options.events, shape) : await readCatalogue(options.catalogue);
  const catalogue = options.attributes === undefined ? items : await withAttributes(items, options.attributes);
  const itemsFrom =
    options.catalogue === undefined
      ? "the catalogue is the log's own items, which a real federation would refuse"
      : `the catalogue lists ${catalogue.items.length} items`;
  const { histories, report } = await importLog({ path: options.events, catalogue, ...shape });
  return {
    catalogue,
    histories,
    source: {
      kind: "log",
      description: `The log ${options.events}: ${[...describeImport(report), itemsFrom].join("; ")}.`,
      ...{ rows: report.rows, kept: report.kept, dropped: report.dropped },
    },
    catalogueProvenance: options.catalogue === undefined ? "log" : "public",
  };
}

/** Splits the customers into disjoint parts, the same for the same seed. */
export function divide(log: Log, merchants: number): readonly MerchantPart[] {
  return merchantParts(splitCustomers(log.histories, merchants, log.source.seed ?? 1));
}

/** Writes each part as the CSV that its merchant's node imports, and the catalogue that everybody has. */
export async function writeParts(parts: readonly MerchantPart[], catalogue: Catalogue, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await writeCatalogue(`${folder}/catalogue.jsonl`, catalogue);
  for (const part of parts) await writeCsv(`${folder}/${part.node}.csv`, part.train, catalogue);
}
