import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { catalogueFromLog } from "./catalogue-file.ts";
import { importLog } from "./import-log.ts";
import { leaveLastOut } from "./splitting.ts";

const repository = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const data = join(process.env["TRIBUTARY_SHARED"] ?? join(repository, "../shared"), "data");
const present = existsSync(join(data, "README.md"));

describe.skipIf(!present)("real logs (skipped when there is no shared data)", () => {
  it("RetailRocket: every event of its CSV is kept", async () => {
    const path = join(data, "retailrocket/events.csv");
    const columns = { customer: "user", item: "item", action: "action", time: "ts" };
    const catalogue = await catalogueFromLog(path, { columns });
    const { report } = await importLog({ path, catalogue, columns });
    expect([report.rows, report.kept, report.customers, report.items]).toEqual([97_381, 97_381, 2_174, 29_905]);
    expect(report.actions).toMatchObject({ view: 75_374, cart: 12_456, buy: 9_551 });
  });

  it("Beauty: the published counts, with attributes for every item", async () => {
    const path = join(data, "beauty/Beauty.txt");
    const catalogue = await catalogueFromLog(path, {
      preset: "sasrec-text",
      attributes: join(data, "beauty/Beauty_item2attributes.json"),
    });
    const { report, histories } = await importLog({ path, catalogue, preset: "sasrec-text" });
    expect([report.kept, report.customers, report.items]).toEqual([198_502, 22_363, 12_101]);
    expect(catalogue.items.every(({ attributes }) => attributes !== undefined)).toBe(true);
    expect(leaveLastOut(histories).targets.every((item) => item > 0)).toBe(true); // a 5-core: everybody has five
  });
});
