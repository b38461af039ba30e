import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCatalogue } from "@tributary/events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readHistories } from "./home/histories.ts";
import { readItemNames } from "./home/item-names.ts";
import { layoutOf } from "./home/layout.ts";
import { importEvents, previewEvents } from "./import.ts";
import { ownNames, renumbered, underOwnNames } from "./item-names.ts";
import { joinedHome } from "./joined-home.test-support.ts";
import { historiesOf, ingredients, openShop, catalogue as shelves } from "./serving/shop.test-support.ts";
import { recommendAnswer } from "./serving/words.ts";

const catalogue = makeCatalogue([
  { id: "gtin:06291041500213", category: "tea" },
  { id: "other:1" },
  { id: "shop:A-1", category: "cake" },
]);
const naming = { pairs: new Map([["T", "gtin:06291041500213"]]), gtin: true, namespace: "shop" };

describe("a catalogue under a merchant's own names", () => {
  test("has every SKU that a rule knows, and every id, and gives histories the catalogue's numbers", () => {
    const named = underOwnNames(catalogue, naming, ["629-1041500213", "T", "A-1", "unheard of"]);
    const numbers = Object.fromEntries([...named.aliases.numbers].map(([sku, place]) => [sku, named.numbers[place]]));
    expect(numbers).toEqual({
      ...{ T: 1, "629-1041500213": 1, "A-1": 3 },
      ...{ "gtin:06291041500213": 1, "other:1": 2, "shop:A-1": 3 },
    });
    expect([...named.seen]).toEqual([
      ["629-1041500213", "gtin:06291041500213"],
      ["A-1", "shop:A-1"],
    ]);
    expect(named.aliases.items.map(({ category }) => category)).toEqual(["tea", "tea", "cake", "tea", undefined, "cake"]);
    const place = (sku: string) => named.aliases.numbers.get(sku) ?? -1;
    const histories = historiesOf({
      ann: ["A-1", "T"].map((sku, at) => ({ item: place(sku), action: "view", time: at })),
      bob: [{ item: 0, action: "login", time: 1 }],
    });
    expect([...renumbered(histories, named).items]).toEqual([3, 1, 0]);
  });

  test("says of an item what the merchant calls it, and whether it has it at all", () => {
    const names = ownNames(catalogue, { ...naming, seen: new Map() });
    expect([1, 2, 3].map(names.skuOf)).toEqual(["T", undefined, "A-1"]);
    expect(["T", "A-1", "6291041500213", "nothing"].map(names.numberOf)).toEqual([1, 3, 1, undefined]);
    expect([1, 2, 3].map((item) => names.sells?.(item))).toEqual([true, false, true]);
    expect(ownNames(catalogue, { gtin: true, seen: new Map() }).sells).toBeUndefined();
  });
});

describe("an import with SKUs", () => {
  const at = joinedHome();

  test("stores the federation's items, keeps the names sealed, and reports what nobody knows in a file of the merchant's alone", async () => {
    const log = join(at.folder, "log.csv");
    const rows = [
      "ann,S-1,1",
      "ann,S-2,2",
      "bob,item-03,3",
      "bob,Secret-Thing,4",
      "bob,Secret-Thing,5",
      "bob,S-1,6",
      "ann,item-05,7",
    ];
    writeFileSync(log, `customer,item,time\n${rows.join("\n")}\n`);
    const unknown = join(at.folder, "unknown.csv");
    const pairs = new Map([
      ["S-1", "item-00"],
      ["S-2", "item-00"],
    ]);
    const report = await importEvents({ home: at.home, files: [log], naming: { pairs }, unknownItems: unknown });
    expect(report).toMatchObject({ kept: 5, items: 3, dropped: { outsideCatalogue: 2 }, unknown: { items: 1, events: 2 } });
    expect(readFileSync(unknown, "utf8")).toBe("item,events\nSecret-Thing,2\n");
    expect(statSync(unknown).mode & 0o777).toBe(0o600);
    const layout = layoutOf(at.home);
    const looked = await previewEvents({ home: at.home, source: log });
    expect(looked).toMatchObject({ kept: 5, dropped: { outsideCatalogue: 2 } });
    expect(await previewEvents({ home: at.home, source: log, naming: "none" })).toMatchObject({ kept: 2 });
    const item = (number: number) => `item-${String(number - 1).padStart(2, "0")}`;
    expect([...readHistories(layout).items].map(item).sort()).toEqual([
      ...["item-00", "item-00", "item-00", "item-03", "item-05"],
    ]);
    expect([...(readItemNames(layout)?.pairs ?? [])]).toEqual([...pairs]);
    for (const file of readdirSync(at.home, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())) {
      const bytes = readFileSync(join(file.parentPath, file.name));
      for (const word of ["S-1", "S-2", "Secret-Thing"]) expect([file.name, bytes.includes(word)]).toEqual([file.name, false]);
    }
    // the next import knows them still; until it is told that there are none
    expect(await importEvents({ home: at.home, files: [log] })).toMatchObject({ kept: 5 });
    expect(await importEvents({ home: at.home, files: [log], naming: "none" })).toMatchObject({
      kept: 2,
      dropped: { outsideCatalogue: 5 },
    });
    expect(readItemNames(layout)).toBeUndefined();
  }, 60_000);
});

describe("the door of serving", () => {
  let shop: Awaited<ReturnType<typeof openShop>>;
  const sold = new Map<string, string>(
    Array.from({ length: 12 }, (_, place) => [`SKU-${place}`, shelves.items[place]?.id ?? ""]),
  );
  beforeAll(async () => {
    shop = await openShop(ingredients(), { names: ownNames(shelves, { pairs: sold, seen: new Map() }) });
  });
  afterAll(() => shop.close());

  test("takes SKUs and ids alike, gives both, and recommends nothing that the merchant doesn't have", async () => {
    const history = ["SKU-0", "item-02", "SKU-4"].map((item) => ({ item }));
    const answer = await shop.ask("/v1/recommend", { history, k: 24, exclude: ["SKU-6"] });
    const { items } = recommendAnswer.parse(answer.body);
    expect(items).toHaveLength(11);
    for (const { item, sku } of items) expect(sold.get(sku ?? "")).toBe(item);
    expect(items.map(({ sku }) => sku)).not.toContain("SKU-6");
    const explained = await shop.ask("/v1/explain", { history, item: "SKU-8" });
    expect(explained.body).toMatchObject({ item: "item-08", sku: "SKU-8" });
    const unknown = await shop.ask("/v1/recommend", { history: [{ item: "SKU-99" }] });
    expect([unknown.status, JSON.stringify(unknown.body).includes("SKU-99")]).toEqual([422, false]);
  });
});
