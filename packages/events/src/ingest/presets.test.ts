/** Fixtures have the shape of each data set, with its peculiarities; the two real logs are read where there is shared data. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { makeCatalogue } from "../catalogue.ts";
import { catalogueFromLog } from "../catalogue-file.ts";
import { importLog } from "../import-log.ts";
import { inWords, logFiles } from "../log-files.fixture.ts";
import { seededRandom } from "../seeded-random.ts";
import type { IngestOptions } from "./ingest-log.ts";
import { ingested } from "./ingested.fixture.ts";
import type { IngestPreset } from "./presets.ts";

const file = logFiles();
const now = 1.7e9;
const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);

/** Ingests, and holds the counts and the rejects file to the rows read. */
async function load(preset: IngestPreset, path: string, items: readonly string[], options: Partial<IngestOptions> = {}) {
  const rejects = file(`${preset}.rejects.csv`, "");
  const catalogue = makeCatalogue(items.map((id) => ({ id })));
  const result = await ingested({ sources: [path], catalogue, preset, now, leastCustomers: 1, rejects, ...options });
  const { report } = result;
  const rejected: Record<string, string>[] = parse(readFileSync(rejects), { columns: true });
  const byReason = Object.fromEntries(Object.keys(report.dropped).map((reason) => [reason, 0]));
  for (const row of rejected) byReason[String(row["reason"])] = (byReason[String(row["reason"])] ?? 0) + 1;
  expect(byReason).toEqual(report.dropped);
  expect(report.kept + sum(report.dropped)).toBe(report.rows);
  expect(statSync(rejects).mode & 0o077).toBe(0);
  return { ...result, rejected };
}

describe("presets", () => {
  it("retailrocket: Kaggle's file, times in milliseconds, transactions", async () => {
    const path = file(
      "events.csv",
      `timestamp,visitorid,event,itemid,transactionid
1433221332117,257597,view,355908,
1433224214164,992329,addtocart,248676,
1433221337106,992329,view,248676,
1433221337106,992329,view,248676,
1433222276276,599528,transaction,356475,4000
1433222276276,,view,356475,
1433222276276,1,unsubscribe,356475,
1433222276276,1,view,7,
`,
    );
    const { histories, report } = await load("retailrocket", path, ["248676", "355908", "356475"]);
    expect(inWords(histories)).toEqual([
      "257597: 2 view 1433221332.117",
      "599528: 3 buy 1433222276.276",
      "992329: 1 view 1433221337.106, 1 cart 1433224214.164",
    ]);
    expect([report.outOfOrder, report.dropped.duplicate, report.dropped.unknownAction]).toEqual([1, 1, 1]);
  });

  it("taobao: no line of names, pv, cart, fav and buy, times of another age", async () => {
    const path = file(
      "UserBehavior.csv",
      "1,22,9,pv,1511544070\n1,22,9,fav,1511561733\n1,33,9,cart,1511572885\n2,33,9,buy,1511593493\n2,33,9,pv,-2134949234\n2,33,9,pv,2122867355\n2,44,9,pv,1511593493\n",
    );
    const { histories, report } = await load("taobao", path, ["22", "33"]);
    expect(inWords(histories)).toEqual([
      "1: 1 view 1511544070, 1 favourite 1511561733, 2 cart 1511572885",
      "2: 2 buy 1511593493",
    ]);
    expect(report.dropped).toMatchObject({ unparsableTime: 1, futureTime: 1, outsideCatalogue: 1 });
  });

  it("uci-online-retail: a line that takes a purchase back drops both, customers are missing, numbers went through floats", async () => {
    const path = file(
      "Online Retail.csv",
      `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,"WHITE HANGING HEART, T-LIGHT",6,12/1/2010 8:26,2.55,17850.0,United Kingdom
536365,71053,WHITE METAL LANTERN,6,12/1/2010 8:26,3.39,17850.0,United Kingdom
536366,71053,WHITE METAL LANTERN,2,12/1/2010 9:00,3.39,17850.0,United Kingdom
536367,71053,WHITE METAL LANTERN,2,12/1/2010 9:30,3.39,13047.0,United Kingdom
C536379,71053,WHITE METAL LANTERN,-2,12/1/2010 9:41,3.39,17850.0,United Kingdom
C536380,71053,WHITE METAL LANTERN,-7,12/1/2010 9:42,3.39,13047.0,United Kingdom
536414,22139,,56,12/1/2010 11:52,0,,United Kingdom
A563185,B,Adjust bad debt,1,8/12/2011 14:50,-11062.06,,United Kingdom
536544,POST,POSTAGE,1,12/1/2010 12:00,18,13047.0,France
536545,85123A,"WHITE HANGING HEART, T-LIGHT",1,12/1/2010 12:00,-2.55,13047.0,France
`,
    );
    const { histories, report, rejected } = await load("uci-online-retail", path, ["71053", "85123A"]);
    expect(inWords(histories)).toEqual([
      "13047: 1 buy 1291195800, 2 buy 1291204800",
      "17850: 2 buy 1291191960, 1 buy 1291191960",
    ]);
    expect(report.dropped).toMatchObject({ cancellation: 2, cancelled: 1, missingField: 2, outsideCatalogue: 1 });
    expect([report.withPrice, report.amountsCleared]).toEqual([3, 1]);
    expect(rejected.filter(({ reason }) => reason === "cancelled")).toMatchObject([
      { row: "3", customer: "17850", item: "71053" },
    ]);
  });

  it("amazon-reviews: 2014's and 2023's names, a review being a purchase", async () => {
    const old = {
      reviewerID: "A1",
      asin: "B01",
      reviewerName: "N, N",
      helpful: [0, 0],
      overall: 5,
      unixReviewTime: 1369699200,
    };
    const recent = {
      rating: 5,
      title: "…",
      images: [],
      asin: "B03",
      parent_asin: "B02",
      user_id: "A2",
      timestamp: 1588687728923,
    };
    const first = file(
      "reviews.json",
      `${[old, old, { ...old, asin: "B09" }, { ...old, reviewerID: null }].map((row) => JSON.stringify(row)).join("\n")}\nbroken`,
    );
    const second = file("reviews.jsonl", JSON.stringify(recent));
    const of2014 = await load("amazon-reviews", first, ["B01", "B02"], { format: "jsonl" });
    expect(inWords(of2014.histories)).toEqual(["A1: 1 buy 1369699200"]);
    expect(of2014.report.dropped).toMatchObject({ duplicate: 1, outsideCatalogue: 1, missingField: 1, malformedRow: 1 });
    expect(inWords((await load("amazon-reviews", second, ["B01", "B02"])).histories)).toEqual(["A2: 2 buy 1588687728.923"]);
  });

  it("sasrec-text: both forms, equal to the row-by-row reader, on lines drawn at random", async () => {
    const items = Array.from({ length: 20 }, (_, i) => `i${i}`);
    const random = seededRandom(8, "sasrec");
    const line = () =>
      `${random.below(30)} ${Array.from({ length: random.below(5) }, () => items[random.below(20)]).join(" ")}`;
    const path = file("long.txt", Array.from({ length: 300 }, line).join("\n"));
    const { histories, report } = await load("sasrec-text", path, items.slice(0, 15));
    const twin = await importLog({
      path,
      preset: "sasrec-text",
      catalogue: makeCatalogue(items.slice(0, 15).map((id) => ({ id }))),
    });
    expect(histories).toEqual(twin.histories);
    expect([report.rows, report.dropped]).toEqual([twin.report.rows, twin.report.dropped]);
    expect(report.dropped.malformedRow).toBeGreaterThan(0);
  });
});

const repository = join(dirname(fileURLToPath(import.meta.url)), "../../../..");
const data = join(process.env["TRIBUTARY_SHARED"] ?? join(repository, "../shared"), "data");

describe.skipIf(!existsSync(join(data, "README.md")))("real logs (skipped when there is no shared data)", () => {
  it("RetailRocket and Beauty are read whole, and as their twin reads them", { timeout: 180_000 }, async () => {
    const rocket = join(data, "retailrocket/events.csv");
    const columns = { customer: "user", item: "item", action: "action", time: "ts" };
    const catalogue = await catalogueFromLog(rocket, { columns });
    const { histories, report } = await ingested({ sources: [rocket], catalogue, preset: "retailrocket", now });
    expect([report.rows, report.kept, report.customers, report.items]).toEqual([97_381, 97_381, 2_174, 29_905]);
    expect(histories).toEqual((await importLog({ path: rocket, catalogue, columns })).histories);

    const beauty = join(data, "beauty/Beauty.txt");
    const products = await catalogueFromLog(beauty, { preset: "sasrec-text" });
    const read = await ingested({ sources: [beauty], catalogue: products, preset: "sasrec-text", now });
    expect([read.report.kept, read.report.customers, read.report.items]).toEqual([198_502, 22_363, 12_101]);
    expect(read.histories).toEqual((await importLog({ path: beauty, catalogue: products, preset: "sasrec-text" })).histories);
  });
});
