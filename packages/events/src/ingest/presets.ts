/** Logs of well-known shapes: what their columns are called, and what is peculiar to each. */
import type { Action } from "../histories.ts";
import type { ColumnRole } from "../reading/columns.ts";

/** The roles that only invoices have: how many were bought, and the number of the invoice. */
export type IngestRole = ColumnRole | "quantity" | "order";

export interface Preset {
  /** Names that a column of the role has in one release of the data or another; the first that exists is taken. */
  readonly columns: Readonly<Partial<Record<IngestRole, readonly string[]>>>;
  /** The columns of a file that has no line of names. */
  readonly header?: readonly string[];
  /** One line a customer, items in order: no columns at all. */
  readonly sequences?: boolean;
  /** What every row is, where no column says. */
  readonly action?: Action;
  /** How times are written that are neither a number nor ISO 8601 (strptime). */
  readonly timeFormats?: readonly string[];
  /** Customers' numbers that went through a table of floats: `17850.0` is `17850`. */
  readonly floatCustomers?: boolean;
  /** Orders whose number begins so are taken back, and so are those of a negative quantity. */
  readonly cancelledOrders?: string;
}

export const ingestPresets = ["retailrocket", "taobao", "uci-online-retail", "amazon-reviews", "sasrec-text"] as const;
export type IngestPreset = (typeof ingestPresets)[number];

export const presets: Readonly<Record<IngestPreset, Preset>> = {
  /** events.csv of Kaggle's "Retailrocket recommender system dataset" (`timestamp,visitorid,event,itemid,transactionid`), and SSLRec's subset. */
  retailrocket: {
    columns: {
      customer: ["visitorid", "user"],
      item: ["itemid", "item"],
      action: ["event", "action"],
      time: ["timestamp", "ts"],
    },
  },
  /** UserBehavior.csv of Alibaba's Tianchi (data set 649): no line of names, Unix seconds, `pv`, `cart`, `fav`, `buy`. */
  taobao: {
    columns: { customer: ["user"], item: ["item"], action: ["behaviour"], time: ["timestamp"] },
    header: ["user", "item", "category", "behaviour", "timestamp"],
  },
  /** UCI data sets 352 and 502: lines of invoices; `C536379` takes back an earlier one; a quarter of the lines have no customer. */
  "uci-online-retail": {
    columns: {
      customer: ["CustomerID", "Customer ID"],
      item: ["StockCode"],
      time: ["InvoiceDate"],
      price: ["UnitPrice", "Price"],
      quantity: ["Quantity"],
      order: ["InvoiceNo", "Invoice"],
    },
    action: "buy",
    timeFormats: ["%m/%d/%Y %H:%M", "%m/%d/%y %H:%M"],
    floatCustomers: true,
    cancelledOrders: "C",
  },
  /** Reviews of 2014 and 2018 (`reviewerID`, `unixReviewTime`) and of 2023 (`user_id`, `timestamp` in milliseconds): who reviews has bought. */
  "amazon-reviews": {
    columns: {
      customer: ["reviewerID", "user_id"],
      item: ["parent_asin", "asin"],
      time: ["unixReviewTime", "timestamp"],
    },
    action: "buy",
  },
  /** See `reading/sasrec-text.ts`. */
  "sasrec-text": { columns: {}, sequences: true },
};
