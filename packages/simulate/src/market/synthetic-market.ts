/**
 * A made-up market: a catalogue and the log of its customers, from a seed. Synthetic, and to be labelled so wherever it is used.
 *
 * How it works: `settings.ts` (every constant), `shop.ts` (items), `visits.ts` (customers). Its generator is xoshiro128** of `@tributary/events`: reproducible,
 * not cryptographic. It knows nothing about any model.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Catalogue, type Histories, writeCatalogue, writeCsv } from "@tributary/events";
import { withSearches } from "./searches.ts";
import { type MarketSettings, marketSettings } from "./settings.ts";
import { openShop } from "./shop.ts";
import { visitsOf } from "./visits.ts";

export interface Market {
  readonly catalogue: Catalogue;
  readonly histories: Histories;
  readonly settings: MarketSettings;
}

/**
 * Makes the market of these settings (default: `marketDefaults`; about 3,000 customers, 600 items, 17 events a customer).
 * @throws TRB_SIMULATE_MARKET_OPTION
 */
export function syntheticMarket(options: Partial<MarketSettings> = {}): Market {
  const settings = marketSettings(options);
  const shop = openShop(settings);
  const customers: string[] = [];
  const offsets = new Uint32Array(settings.customers + 1);
  const items: number[] = [];
  const actions: number[] = [];
  const times: number[] = [];
  for (let customer = 1; customer <= settings.customers; customer++) {
    customers.push(`c${String(customer).padStart(7, "0")}`);
    for (const visit of visitsOf(customer, shop, settings)) {
      items.push(visit.item);
      actions.push(visit.action);
      times.push(visit.time);
    }
    offsets[customer] = items.length;
  }
  const histories: Histories = {
    customers,
    offsets,
    items: Int32Array.from(items),
    actions: Uint8Array.from(actions),
    times: Float64Array.from(times),
  };
  const log = settings.searches === undefined ? histories : withSearches(histories, shop, settings);
  return { catalogue: shop.catalogue, histories: log, settings };
}

/**
 * Writes the market as a shop would export it: `events.csv` (customer, item, action, time) and `catalogue.jsonl` in `folder`, which is made if needed.
 * @throws TRB_EVENTS_FILE_UNWRITABLE
 */
export async function writeMarket(folder: string, market: Market): Promise<{ events: string; catalogue: string }> {
  await mkdir(folder, { recursive: true });
  const paths = { events: join(folder, "events.csv"), catalogue: join(folder, "catalogue.jsonl") };
  await writeCsv(paths.events, market.histories, market.catalogue);
  await writeCatalogue(paths.catalogue, market.catalogue);
  return paths;
}
