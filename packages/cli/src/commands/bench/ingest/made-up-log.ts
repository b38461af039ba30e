/**
 * A shop's log for `bench ingest`, from a seed: visits of customers who come back or don't, mixed as a shop writes them down, in order of time, with
 * the faults that logs have. It is written straight into bytes: five million rows take a few seconds.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { makeCatalogue, seededRandom } from "@tributary/events";

export interface MadeUpLog {
  readonly path: string;
  readonly rows: number;
}

const itemCount = 20_000;
const eventsPerCustomer = 20;
const begin = Date.UTC(2025, 0, 1);
const milliseconds = 180 * 86_400_000;
/** Of 100 events. */
const actions = [..."v".repeat(80), ..."c".repeat(12), ..."f".repeat(4), ..."b".repeat(4)].map(
  (letter) => ({ v: "view", c: "add_to_cart", f: "favourite", b: "purchase" })[letter] ?? "view",
);

/** Customers who have at least one event on average, and as many as the planner shall believe in. */
export const customerCount = (rows: number) => Math.max(200, Math.ceil(rows / eventsPerCustomer));

export const shopItems = () =>
  makeCatalogue(Array.from({ length: itemCount }, (_, item) => ({ id: itemId(item), category: `category ${item % 60}` })));

const itemId = (item: number) => `sku-${String(item).padStart(6, "0")}`;

/** Writes a CSV of `rows` rows: of a thousand 10 stand twice, 5 name no item of the catalogue, 2 no customer, and 10 come late. */
export function writeMadeUpLog(path: string, rows: number, seed: number): MadeUpLog {
  const random = seededRandom(seed, "bench ingest");
  const customers = customerCount(rows);
  const ids = Array.from({ length: itemCount }, (_, item) => itemId((item * 7919) % itemCount)); // popular ones stand anywhere
  const file = openSync(path, "w", 0o600);
  const buffer = Buffer.allocUnsafe(1 << 20);
  let length = buffer.write("customer,item,action,timestamp\n", "latin1");
  let line = "";
  try {
    for (let row = 0; row < rows; row++) {
      const fault = random.below(1000);
      if (row === 0 || fault >= 10) {
        const customer = Math.floor(customers * random.fraction() ** 1.7); // few come often, many once
        const item = Math.floor(itemCount * random.fraction() ** 3);
        const late = fault >= 980 && fault < 990 ? random.below(600_000) : 0;
        const time = begin + Math.floor((row / rows) * milliseconds) - late;
        const customerId = fault === 10 || fault === 11 ? "" : `c${1_000_000 + ((customer * 7919) % customers)}`;
        const itemText = fault >= 12 && fault < 17 ? "sku-unknown" : (ids[item] ?? "");
        line = `${customerId},${itemText},${actions[random.below(100)]},${time}\n`;
      }
      length += buffer.write(line, length, "latin1");
      if (length > buffer.length - 200) {
        writeSync(file, buffer, 0, length);
        length = 0;
      }
    }
    writeSync(file, buffer, 0, length);
  } finally {
    closeSync(file);
  }
  return { path, rows };
}
