/**
 * Each preset, from a log of its shape to a home's store: the real logs where there is shared data, and one made up for every preset. Whatever a row is, it is
 * kept or dropped for a reason, and the reasons add up to the rows read.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { importEvents, storedQuality } from "@tributary/client";
import { catalogueFromLog, makeCatalogue, seededRandom } from "@tributary/events";
import { describe, expect, test } from "vitest";
import { joinedHome } from "./joined-home.ts";
import { root, temporaryFolder, tributaryJson } from "./processes.ts";

const folder = temporaryFolder("import-presets");
const seed = 36;
const busy = { timeout: 120_000 };

interface Report {
  readonly rows: number;
  readonly kept: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly customers: number;
  readonly items: number;
}

/** Nothing is lost: neither between the rows and the report, nor between the report, the rejects and the store. */
async function addsUp(home: string, report: Report, rejects: string): Promise<void> {
  const dropped = Object.values(report.dropped).reduce((sum, one) => sum + one, 0);
  expect(report.kept + dropped).toBe(report.rows);
  const byReason: Record<string, number> = {};
  for (const line of readFileSync(rejects, "utf8").trim().split("\n").slice(1)) {
    const reason = line.slice(0, line.indexOf(","));
    byReason[reason] = (byReason[reason] ?? 0) + 1;
  }
  expect(byReason).toEqual(Object.fromEntries(Object.entries(report.dropped).filter(([, rows]) => rows > 0)));
  const stored = await storedQuality({ home });
  expect([stored.events, stored.customers]).toEqual([report.kept, report.customers]);
}

const items = Array.from({ length: 40 }, (_, item) => `${1000 + item}`);
const random = seededRandom(seed, "import presets");
const rowsOf = (row: (place: number) => string) => Array.from({ length: 600 }, (_, place) => row(place));
const one = (...texts: readonly string[]) => texts[random.below(texts.length)] ?? "";
const item = () => one(...items, "9999");
const second = (place: number) => 1_511_544_070 + 97 * place;

/** A log of every shape, and which of its rows must be dropped for a reason that only such logs have. */
const logs = {
  retailrocket: {
    file: "events.csv",
    lines: () => [
      "timestamp,visitorid,event,itemid,transactionid",
      ...rowsOf((place) => {
        const event = one("view", "view", "addtocart", "transaction", "hover");
        return `${second(place)}123,${random.below(50)},${event},${item()},${event === "transaction" ? place : ""}`;
      }),
    ],
    header: 1,
    reasons: ["unknownAction", "outsideCatalogue"],
  },
  taobao: {
    file: "UserBehavior.csv",
    lines: () =>
      rowsOf((place) => {
        const time = one(...Array.from({ length: 9 }, () => String(second(place))), "-2134949234", "4102444800");
        return `${random.below(50)},${item()},7,${one("pv", "cart", "fav", "buy")},${time}`;
      }),
    header: 0,
    reasons: ["unparsableTime", "futureTime", "outsideCatalogue"],
  },
  "uci-online-retail": {
    file: "Online Retail.csv",
    lines: () => [
      "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
      ...rowsOf((place) => {
        const back = place % 10 === 9;
        const customer = place % 4 === 3 ? "" : `${17_000 + (place % 7)}.0`;
        const quantity = 1 + (place % 3);
        const when = `12/${1 + Math.floor(place / 60)}/2010 ${Math.floor(place / 60) + 8}:${String(place % 60).padStart(2, "0")}`;
        return `${back ? "C" : ""}${536_365 + place},${items[place % 5]},"A THING, WHITE",${back ? -quantity : quantity},${when},2.55,${customer},France`;
      }),
    ],
    header: 1,
    reasons: ["missingField", "cancellation", "cancelled"],
  },
  "amazon-reviews": {
    file: "reviews.jsonl",
    lines: () =>
      rowsOf((place) => {
        if (place % 50 === 49) return "{broken";
        return JSON.stringify({
          user_id: `A${random.below(60)}`,
          parent_asin: item(),
          timestamp: second(place) * 1000,
          rating: 5,
        });
      }),
    header: 0,
    reasons: ["malformedRow", "outsideCatalogue"],
  },
  "sasrec-text": {
    file: "Beauty.txt",
    lines: () => Array.from({ length: 60 }, (_, place) => [place, ...Array.from({ length: place % 11 }, item)].join(" ")),
    header: 0,
    reasons: ["malformedRow", "outsideCatalogue"],
  },
} as const;

describe("node import --preset", () => {
  test.each(Object.keys(logs) as (keyof typeof logs)[])("%s: a made-up log", busy, async (preset) => {
    const { file, lines, header, reasons } = logs[preset];
    const written = lines();
    const path = folder.file(file);
    writeFileSync(path, `${written.join("\n")}\n`);
    const home = folder.file(`home-${preset}`);
    await joinedHome(home, makeCatalogue(items.map((id) => ({ id }))));
    const rejects = folder.file(`${preset}.rejects.csv`);
    const report = await importEvents({ home, files: [path], preset, rejects });
    if (preset !== "sasrec-text") expect(report.rows).toBe(written.length - header);
    for (const reason of reasons) expect([preset, reason, report.dropped[reason] > 0]).toEqual([preset, reason, true]);
    expect(report.kept).toBeGreaterThan(100);
    await addsUp(home, report, rejects);
  });

  const data = join(process.env["TRIBUTARY_SHARED"] ?? join(root, "../shared"), "data");
  test.skipIf(!existsSync(join(data, "README.md")))(
    "both real logs, by the command line (skipped when there is no shared data)",
    busy,
    async () => {
      for (const { preset, path, rows, customers, columns } of [
        {
          ...{ preset: "retailrocket", path: join(data, "retailrocket/events.csv"), rows: 97_381, customers: 2_174 },
          columns: { customer: "user", item: "item", action: "action", time: "ts" },
        },
        { preset: "sasrec-text", path: join(data, "beauty/Beauty.txt"), rows: 198_502, customers: 22_363, columns: undefined },
      ] as const) {
        const reading = columns === undefined ? ({ preset: "sasrec-text" } as const) : { columns };
        const home = folder.file(`home-of-${preset}`);
        await joinedHome(home, await catalogueFromLog(path, reading));
        const rejects = folder.file(`${preset}.real.csv`);
        const words = ["node", "import", path, "--home", home, "--preset", preset, "--rejects", rejects];
        const report = (await tributaryJson(words)) as unknown as Report;
        expect([report.rows, report.kept, report.customers]).toEqual([rows, rows, customers]);
        await addsUp(home, report, rejects);
      }
    },
  );
});
