/**
 * `tributary node import`: behaviour logs → the node's encrypted store, by the plan's own catalogue. It replaces what was there;
 * the budget stays as it is, since the same customers have already paid for what was released.
 *
 * What is there is replaced once everything has been read: an import that is killed leaves it as it was, and run again keeps what it had written.
 */
import { fail } from "@tributary/errors";
import { type DataQuality, dataQuality } from "@tributary/events";
import type { IngestOptions, IngestReport, LogPreview, LogSource, PreviewOptions } from "@tributary/events/ingest";
import { readHomeCatalogue } from "./home/catalogue.ts";
import { readHistories } from "./home/histories.ts";
import { withHome } from "./home/open.ts";
import { replaceStore } from "./home/store/replace.ts";

export interface ImportEventsOptions
  extends Partial<Omit<IngestOptions, "sources" | "catalogue" | "leastCustomers" | "lineLimit">> {
  readonly home: string;
  readonly files: readonly string[];
  /** Read behind the files. */
  readonly query?: Exclude<LogSource, string> | undefined;
}

/** Counts for the merchant's own eyes, over all files. `rows = kept + Σ dropped`. */
export type ImportSummary = IngestReport;

/** A merchant has more customers than one; with fewer there is no crowd that the noise could hide somebody in. */
const leastCustomers = 2;

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE, and what `ingestLog` refuses */
export function importEvents({ home, files, query, ...options }: ImportEventsOptions): Promise<ImportSummary> {
  const sources: LogSource[] = query === undefined ? [...files] : [...files, query];
  return withHome(home, async ({ layout }) => {
    const catalogue = readHomeCatalogue(layout);
    if (sources.length === 0) throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers: 0, least: leastCustomers });
    const { ingestLog } = await import("@tributary/events/ingest"); // DuckDB, which no other command needs
    const ingest = { now: Date.now() / 1000, ...options, sources, catalogue, leastCustomers };
    return replaceStore(layout, (add) => ingestLog(ingest, add));
  });
}

export interface PreviewEventsOptions extends Omit<PreviewOptions, "catalogue" | "now"> {
  /** Its catalogue says which items are known; a log may be looked at without one. */
  readonly home?: string | undefined;
}

/**
 * What an import would make of a log; changes nothing.
 * @throws what `previewLog` refuses
 */
export async function previewEvents({ home, ...options }: PreviewEventsOptions): Promise<LogPreview> {
  const { previewLog } = await import("@tributary/events/ingest");
  const now = Date.now() / 1000;
  if (home === undefined) return previewLog({ ...options, now });
  return withHome(home, ({ layout }) => previewLog({ ...options, now, catalogue: readHomeCatalogue(layout) }));
}

/**
 * What the stored histories look like, for the merchant alone.
 * @throws TRB_NODE_NOT_JOINED, TRB_NODE_NO_HISTORIES, TRB_NODE_STORE_UNREADABLE
 */
export function storedQuality({ home }: { readonly home: string }): Promise<DataQuality> {
  return withHome(home, ({ layout }) => dataQuality(readHistories(layout)));
}
