import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logFiles, refusal } from "../log-files.fixture.ts";
import { customersOfItems, itemsOfLog } from "./customers-of-items.ts";
import { sharedIdOf } from "./item-naming.ts";

const file = logFiles();
const header = "user,item,action,ts\n";
const common = { columns: { customer: "user", item: "item", action: "action", time: "ts" }, now: 2e9 };
const nameOf = (sku: string) => sku;

/** The same in a few lines of JavaScript. */
function counted(rows: readonly (readonly [string, string])[], maxItems: number): Map<string, number> {
  const events = new Map<string, Map<string, number>>();
  for (const [customer, item] of rows) {
    const own = events.get(customer) ?? new Map<string, number>();
    events.set(customer, own.set(item, (own.get(item) ?? 0) + 1));
  }
  const counts = new Map<string, number>();
  for (const own of events.values()) {
    const kept = [...own].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, maxItems);
    for (const [item] of kept) counts.set(item, (counts.get(item) ?? 0) + 1);
  }
  return counts;
}

const log = (rows: readonly (readonly [string, string])[]) =>
  `${header}${rows.map(([customer, item], at) => `${customer},${item},view,${at + 1}\n`).join("")}`;

describe("customersOfItems", () => {
  it("equals its twin, and one customer more or less moves at most maxItems counts, each by one", async () => {
    const row = fc.tuple(fc.constantFrom("ann", "bob", "cid", "dee"), fc.constantFrom("p", "q", "r", "s", "t", "u"));
    let serial = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        async (rows, maxItems) => {
          const all = [...rows, ["eve", "p"] as const];
          const counts = await customersOfItems({ ...common, sources: [file(`a-${serial}.csv`, log(all))], maxItems, nameOf });
          expect(counts).toEqual(counted(all, maxItems));
          const without = all.filter(([customer]) => customer !== all[0]?.[0]);
          const fewer = await customersOfItems({
            ...common,
            sources: [file(`b-${serial++}.csv`, log(without))],
            maxItems,
            nameOf,
          });
          const moved = [...counts].map(([item, customers]) => customers - (fewer.get(item) ?? 0)).filter((by) => by !== 0);
          expect(moved.every((by) => by === 1)).toBe(true);
          expect(moved.length).toBeLessThanOrEqual(maxItems);
          expect([...fewer.keys()].every((item) => counts.has(item))).toBe(true);
        },
      ),
      { numRuns: 12, seed: 39 },
    );
  });

  it("counts a customer of two spellings of one item once, over several files, and leaves out what has no name", async () => {
    const one = file("one.csv", `${header}ann,6291041500213,view,1\nann,A-9,view,2\nbob,search words,search,3\n`);
    const two = file("two.csv", `${header}ann,06291041500213,buy,4\nbob,6291041500213,view,never\ncid,629104-1500213,view,5\n`);
    const gtin = (sku: string) => sharedIdOf(sku, { gtin: true });
    const counts = await customersOfItems({ ...common, sources: [one, two], maxItems: 3, nameOf: gtin });
    expect([...counts]).toEqual([["gtin:06291041500213", 2]]);
  });

  it("lists what a log has, and refuses what can't be read", async () => {
    const path = file("items.csv", `${header}ann,p,view,1\nann,q,view,2\nbob,q,buy,3\n`);
    expect(await itemsOfLog({ ...common, sources: [path] })).toEqual([
      { sku: "q", events: 2 },
      { sku: "p", events: 1 },
    ]);
    expect((await refusal(() => itemsOfLog({ ...common, sources: ["/nowhere.csv"] }))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
    const searches = file("searches.csv", `${header}ann,,search,1\n`);
    expect(await itemsOfLog({ ...common, sources: [searches] })).toEqual([]);
    const none = () => customersOfItems({ ...common, sources: [searches], maxItems: 3, nameOf });
    expect((await refusal(none)).code).toBe("TRB_EVENTS_EMPTY");
    const remote = () => itemsOfLog({ ...common, sources: [{ sql: "SELECT 1", database: "postgres://127.0.0.1:1/log" }] });
    expect((await refusal(remote)).code).toBe("TRB_EVENTS_SOURCE_UNREACHABLE");
  });
});
