/**
 * Merchants who have no item in common: a synthetic market each, in one catalogue by namespaces. They share what is said of items, categories, brands and
 * lines and which category goes with which, or, as the control, not even that.
 */
import {
  type Catalogue,
  type CatalogueItem,
  type HeldOut,
  type Histories,
  leaveLastOut,
  makeCatalogue,
  sliceHistories,
} from "@tributary/events";
import type { MarketSettings } from "../../market/settings.ts";
import { type Market, syntheticMarket } from "../../market/synthetic-market.ts";

export const sharings = ["attributes", "nothing"] as const;
/** `attributes`: the same categories, brands and lines, and the same partners among categories. `nothing`: each merchant has words of its own. */
export type Sharing = (typeof sharings)[number];

export interface DisjointMarketOptions {
  readonly seed: number;
  readonly sharing: Sharing;
  readonly merchants: readonly {
    /** In its log. */
    readonly customers: number;
    /** More of its customers who are in no log, and by whom rankers are judged; 0 where the merchant is not measured. */
    readonly judged: number;
  }[];
  /** Customers of a log that is public, of a shop that has nothing in common with the others. */
  readonly publicCustomers: number;
  /** Of every market. */
  readonly settings?: Partial<Omit<MarketSettings, "seed" | "customers" | "partnersSeed">>;
}

export interface DisjointMerchant extends HeldOut {
  readonly name: string;
  /** What it sells, in its own order: its histories have items by their places in it, counted from 1. */
  readonly stock: readonly CatalogueItem[];
  /** How many items of the common catalogue come before them. */
  readonly before: number;
  /** The log that it trains on. */
  readonly log: Histories;
}

export interface DisjointMarket {
  readonly catalogue: Catalogue;
  readonly merchants: readonly DisjointMerchant[];
  /** Somebody else's log, that anybody has: what shopping looks like at all can be learnt from it for nothing. */
  readonly publicLog: Pick<Market, "catalogue" | "histories">;
}

/** `train` and `targets` of a merchant are of its judged customers, everything but their last item event and that item. */
export function disjointMarket({
  seed,
  sharing,
  merchants: sizes,
  publicCustomers,
  settings,
}: DisjointMarketOptions): DisjointMarket {
  let before = 0;
  const merchants = sizes.map(({ customers, judged }, merchant): DisjointMerchant => {
    const own = seed + 1000 * (merchant + 1);
    const partnersSeed = sharing === "attributes" ? seed : own;
    const market = syntheticMarket({ ...settings, seed: own, customers: customers + judged, partnersSeed });
    const name = `shop-${merchant + 1}`;
    const stock = market.catalogue.items.map((item) => inNamespace(item, name, sharing));
    const places = Uint32Array.from(market.histories.customers.keys());
    const log = sliceHistories(market.histories, places.slice(0, customers));
    const held = leaveLastOut(sliceHistories(market.histories, places.slice(customers)));
    const one = { ...held, name, stock, before, log };
    before += stock.length;
    return one;
  });
  const catalogue = makeCatalogue(
    merchants.flatMap(({ stock }) => stock),
    "disjoint synthetic markets",
  );
  const publicLog = syntheticMarket({ ...settings, seed: seed + 999_999, customers: publicCustomers });
  return { catalogue, merchants, publicLog };
}

/** A merchant's histories with items by their numbers in the common catalogue. */
export const inCatalogue = (histories: Histories, { before }: DisjointMerchant): Histories => ({
  ...histories,
  items: histories.items.map((item) => (item > 0 ? item + before : 0)),
});

function inNamespace({ id, category, brand, price, attributes }: CatalogueItem, name: string, sharing: Sharing): CatalogueItem {
  const word = (text: string) => (sharing === "attributes" ? text : `${name} ${text}`);
  return {
    id: `${name}:${id}`,
    ...(category === undefined ? {} : { category: word(category) }),
    ...(brand === undefined ? {} : { brand: word(brand) }),
    ...(price === undefined ? {} : { price }),
    ...(attributes === undefined ? {} : { attributes: attributes.map(word) }),
  };
}
