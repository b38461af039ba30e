/**
 * `tributary node import`: behaviour logs → the node's encrypted store, by the plan's own catalogue. It replaces what was there, or is put beside it;
 * the budget stays as it is, since the same customers have already paid for what was released.
 *
 * What is there is replaced once everything has been read: an import that is killed leaves it as it was, and run again keeps what it had written.
 */
import { createHash } from "node:crypto";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fail } from "@tributary/errors";
import { actionNumber, actions, type DataQuality, dataQuality, type Histories, type ItemNaming } from "@tributary/events";
import type {
  IngestOptions,
  IngestReport,
  LogItem,
  LogPreview,
  LogSource,
  PagesSource,
  PreviewOptions,
  QuerySource,
} from "@tributary/events/ingest";
import { requireDevicePlan, requireOneCustomer } from "./device.ts";
import { readHomeCatalogue } from "./home/catalogue.ts";
import { readHistories } from "./home/histories.ts";
import { readItemNames, removeItemNames, writeItemNames } from "./home/item-names.ts";
import { withHome } from "./home/open.ts";
import { clearPages, pageSpool } from "./home/page-spool.ts";
import { replaceStore } from "./home/store/replace.ts";
import { renumbered, underOwnNames } from "./item-names.ts";
import { reasonOf } from "./reason.ts";

export interface ImportEventsOptions
  extends Partial<Omit<IngestOptions, "sources" | "catalogue" | "leastCustomers" | "lineLimit">> {
  readonly home: string;
  readonly files: readonly string[];
  /** Read behind the files. */
  readonly query?: QuerySource | undefined;
  /** Read behind both. Its pages are kept in the home, sealed, until they are in the store. */
  readonly pages?: Omit<PagesSource, "spool"> | undefined;
  /** How the log's SKUs become items; `none`: they are items' ids. Default: as the import before was told. */
  readonly naming?: ItemNaming | "none" | undefined;
  /** Beside what was imported before, not in place of it; what is there already counts once. */
  readonly add?: boolean | undefined;
  /** What the shop told live goes as well. */
  readonly dropLive?: boolean | undefined;
  /** Into a home that holds one customer, under a plan that protects whole nodes. */
  readonly device?: boolean | undefined;
  /** A file that the log's items outside the catalogue are written to, the commonest first, for the merchant alone. */
  readonly unknownItems?: string | undefined;
}

/** Counts for the merchant's own eyes, over all files. `rows = kept + Σ dropped`. */
export interface ImportSummary extends IngestReport {
  /** Of items outside the catalogue, where it was asked for. */
  readonly unknown?: { readonly items: number; readonly events: number; readonly file: string };
}

/** A merchant has more customers than one; with fewer there is no crowd that the noise could hide somebody in. */
const leastCustomers = 2;

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE, TRB_NODE_DEVICE_PLAN, TRB_NODE_DEVICE_CUSTOMERS, and what `ingestLog` refuses */
export function importEvents({
  home,
  files,
  query,
  pages,
  naming: given,
  unknownItems,
  add = false,
  dropLive = false,
  device = false,
  ...options
}: ImportEventsOptions): Promise<ImportSummary> {
  return withHome(home, async ({ layout, plan }) => {
    if (device) requireDevicePlan(plan);
    const sources: LogSource[] = [
      ...files,
      ...(query === undefined ? [] : [query]),
      ...(pages === undefined ? [] : [{ ...pages, spool: pageSpool(layout, () => Date.now() / 1000) }]),
    ];
    const catalogue = readHomeCatalogue(layout);
    if (sources.length === 0) throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers: 0, least: leastCustomers });
    const { ingestLog, itemsOfLog } = await import("@tributary/events/ingest"); // DuckDB, which no other command needs
    const reading = { now: Date.now() / 1000, ...options, sources, spillIn: layout.importing };
    const naming = given === "none" ? undefined : (given ?? readItemNames(layout));
    const items = naming?.gtin === true || unknownItems !== undefined ? await itemsOfLog(reading) : [];
    const named =
      naming &&
      underOwnNames(
        catalogue,
        naming,
        items.map(({ sku }) => sku),
      );
    const ingest = { ...reading, catalogue: named?.aliases ?? catalogue, leastCustomers: add || device ? 1 : leastCustomers };
    const met = new Set<number>(); // several SKUs may be one item
    const noted = (chunk: Histories) => {
      for (const item of chunk.items) if (item > 0) met.add(item);
      return chunk;
    };
    const left = countErased();
    const ingested = await replaceStore(
      layout,
      async (add) => {
        const report = await ingestLog(ingest, named === undefined ? add : (chunk) => add(noted(renumbered(chunk, named))));
        if (device) requireOneCustomer(report.customers);
        return report;
      },
      { fingerprint: fingerprintOf(sources, options), add, dropLive, erased: left.note },
    );
    if (pages !== undefined) clearPages(layout);
    const report = left.outOf(named === undefined ? ingested : { ...ingested, items: met.size });
    if (naming === undefined || named === undefined) removeItemNames(layout);
    else await writeItemNames(layout, { ...naming, seen: named.seen });
    if (unknownItems === undefined) return report;
    const strange = items.filter(({ sku }) => !ingest.catalogue.numbers.has(sku));
    writeUnknown(unknownItems, strange);
    const events = strange.reduce((sum, item) => sum + item.events, 0);
    return { ...report, unknown: { items: strange.length, events, file: unknownItems } };
  });
}

/** Only the owner may read it. @throws TRB_EVENTS_FILE_UNWRITABLE */
function writeUnknown(file: string, items: readonly LogItem[]): void {
  const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  try {
    writeFileSync(file, "", { mode: 0o600 });
    chmodSync(file, 0o600); // a file that was there keeps its mode
    writeFileSync(file, `item,events\n${items.map(({ sku, events }) => `${field(sku)},${events}\n`).join("")}`);
  } catch (cause) {
    throw fail("TRB_EVENTS_FILE_UNWRITABLE", { file, reason: reasonOf(cause) }, cause);
  }
}

/** Of what is read and how: an import that was killed goes on only as itself. What it had written is compared with what it would write nevertheless. */
function fingerprintOf(sources: readonly LogSource[], options: Partial<IngestOptions>): string {
  const facts = sources.map((source) => {
    if (typeof source !== "string") return { ...source, spool: undefined };
    const found = statSync(source, { throwIfNoEntry: false });
    return [resolve(source), found?.size, found?.mtimeMs];
  });
  const { rejects: _, now: __, ...reading } = options;
  return createHash("sha256")
    .update(JSON.stringify([facts, reading]))
    .digest("hex");
}

/** Those whom the store does not take back are no customers of the report either. */
function countErased() {
  let [customers, events] = [0, 0];
  const gone = new Uint32Array(actions.length);
  const amounts = { withDwell: 0, withPrice: 0 };
  return {
    note(chunk: Histories, places: readonly number[]): void {
      customers += places.length;
      for (const place of places) {
        for (let event = chunk.offsets[place] ?? 0; event < (chunk.offsets[place + 1] ?? 0); event++) {
          events += 1;
          const action = chunk.actions[event] ?? 0;
          gone[action] = (gone[action] ?? 0) + 1;
          if (!Number.isNaN(chunk.dwells?.[event] ?? Number.NaN)) amounts.withDwell += 1;
          if (!Number.isNaN(chunk.prices?.[event] ?? Number.NaN)) amounts.withPrice += 1;
        }
      }
    },
    outOf(report: IngestReport): IngestReport {
      if (customers === 0) return report;
      const counts = Object.entries(report.actions).map(([name, count]) => [name, count - (gone[actionNumber(name)] ?? 0)]);
      return {
        ...report,
        kept: report.kept - events,
        dropped: { ...report.dropped, erased: events },
        customers: report.customers - customers,
        withDwell: report.withDwell - amounts.withDwell,
        withPrice: report.withPrice - amounts.withPrice,
        actions: Object.fromEntries(counts) as IngestReport["actions"],
      };
    },
  };
}

export interface PreviewEventsOptions extends Omit<PreviewOptions, "catalogue" | "now"> {
  /** Its catalogue says which items are known; a log may be looked at without one. */
  readonly home?: string | undefined;
  /** As in an import. */
  readonly naming?: ItemNaming | "none" | undefined;
}

/**
 * What an import would make of a log; changes nothing.
 * @throws what `previewLog` refuses
 */
export async function previewEvents({ home, naming: given, ...options }: PreviewEventsOptions): Promise<LogPreview> {
  const { itemsOfLog, previewLog } = await import("@tributary/events/ingest");
  const now = Date.now() / 1000;
  if (home === undefined) return previewLog({ ...options, now });
  return withHome(home, async ({ layout }) => {
    const catalogue = readHomeCatalogue(layout);
    const naming = given === "none" ? undefined : (given ?? readItemNames(layout));
    if (naming === undefined) return previewLog({ ...options, now, catalogue });
    const items = naming.gtin === true ? await itemsOfLog({ ...options, now, sources: [options.source] }) : [];
    const skus = items.map(({ sku }) => sku);
    return previewLog({ ...options, now, catalogue: underOwnNames(catalogue, naming, skus).aliases });
  });
}

/**
 * What the stored histories look like, for the merchant alone.
 * @throws TRB_NODE_NOT_JOINED, TRB_NODE_NO_HISTORIES, TRB_NODE_STORE_UNREADABLE
 */
export function storedQuality({ home }: { readonly home: string }): Promise<DataQuality> {
  return withHome(home, ({ layout }) => dataQuality(readHistories(layout)));
}
