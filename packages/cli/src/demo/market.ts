/** Where the demo's log comes from: the synthetic market, or a file; and how it is given to the merchants. */
import { mkdirSync } from "node:fs";
import { fail } from "@tributary/errors";
import {
  type Catalogue,
  catalogueBytes,
  catalogueFromLog,
  type Histories,
  importLog,
  leaveLastOut,
  readCatalogue,
  sliceHistories,
  splitCustomers,
  writeCsv,
} from "@tributary/events";
import { type FederationReport, syntheticMarket } from "@tributary/simulate";
import { writeOutput } from "../files.ts";
import type { Columns } from "../options.ts";

export interface LogOptions {
  readonly events?: string;
  readonly columns?: Columns;
  readonly preset?: "sasrec-text";
  readonly catalogue?: string;
  readonly attributes?: string;
  readonly seedMarket: number;
}

/** A whole log, which only a demonstration or a researcher holds in one place. */
export interface Log {
  readonly catalogue: Catalogue;
  readonly histories: Histories;
  readonly source: FederationReport["source"];
  /** `log` when the catalogue itself was taken from the behaviour: every output says so. */
  readonly catalogueProvenance: "public" | "log";
}

/** @throws TRB_DEMO_LOG_INCOMPLETE and what `importLog` throws */
export async function readLog(options: LogOptions): Promise<Log> {
  if (options.events === undefined) {
    const { catalogue, histories } = syntheticMarket({ seed: options.seedMarket });
    return {
      catalogue,
      histories,
      source: {
        kind: "synthetic",
        seed: options.seedMarket,
        description: `A made-up market of ${histories.customers.length} customers and ${catalogue.items.length} items (seed ${options.seedMarket}); no real shop behaves exactly so.`,
      },
      catalogueProvenance: "public",
    };
  }
  if (options.columns === undefined && options.preset === undefined) throw fail("TRB_DEMO_LOG_INCOMPLETE");
  const shape = {
    ...(options.columns === undefined ? {} : { columns: options.columns }),
    ...(options.preset === undefined ? {} : { preset: options.preset }),
  };
  const catalogue =
    options.catalogue === undefined
      ? await catalogueFromLog([options.events], { ...shape, ...(options.attributes === undefined ? {} : { attributes: options.attributes }) })
      : (await readCatalogue(options.catalogue)).catalogue;
  const { histories, report } = await importLog({ files: [options.events], catalogue, ...shape });
  return {
    catalogue,
    histories,
    source: {
      kind: "log",
      description: `The log ${options.events}: ${report.kept} events of ${histories.customers.length} customers; ${catalogue.items.length} items${options.catalogue === undefined ? ", taken from the log itself, which a real federation would refuse" : ""}.`,
    },
    catalogueProvenance: options.catalogue === undefined ? "log" : "public",
  };
}

/** One merchant's part: what its node trains on, and what is held out to judge by. */
export interface MerchantPart {
  readonly node: string;
  readonly train: Histories;
  /** [customers]: the held-out last item of each, 0 where there is none. */
  readonly targets: Int32Array;
}

/** Splits the customers into disjoint parts and holds out everybody's last item event. */
export function divide(log: Log, merchants: number): readonly MerchantPart[] {
  const digits = String(merchants).length;
  return splitCustomers(log.histories, merchants, log.source.seed ?? 1).map((customers, place) => {
    const { train, targets } = leaveLastOut(sliceHistories(log.histories, customers));
    return { node: `merchant-${String(place + 1).padStart(digits, "0")}`, train, targets };
  });
}

/** Writes each part as the CSV that its merchant's node imports, and the catalogue that everybody has. */
export async function writeParts(parts: readonly MerchantPart[], catalogue: Catalogue, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeOutput(`${folder}/catalogue.jsonl`, catalogueBytes(catalogue));
  for (const part of parts) await writeCsv(`${folder}/${part.node}.csv`, part.train, catalogue);
}
