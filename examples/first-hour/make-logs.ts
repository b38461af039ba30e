/**
 * A made-up market for the tutorial (docs/tutorial/first-hour.md): one shop's log to look at, three shops' logs, and the public list of items. The columns
 * are called as a shop might call them.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { splitCustomers, writeCatalogue, writeCsv } from "@tributary/events";
import { syntheticMarket } from "@tributary/simulate";

const folder = process.argv[2] ?? "first-hour";
mkdirSync(folder, { recursive: true });
const { catalogue, histories } = syntheticMarket({ seed: 3, customers: 3000, items: 200 });
await writeCatalogue(join(folder, "catalogue.jsonl"), catalogue);
const shops = splitCustomers(histories, 3, 1).map((part, place) => ({ name: `shop-${place + 1}.csv`, part }));
for (const { name, part } of [{ name: "events.csv", part: histories }, ...shops]) {
  const path = join(folder, name);
  await writeCsv(path, part, catalogue);
  writeFileSync(path, readFileSync(path, "utf8").replace(/^.*\n/, "user,product,action,ts\n"));
}
console.log(`${folder}: catalogue.jsonl, events.csv, ${shops.map(({ name }) => name).join(", ")}`);
