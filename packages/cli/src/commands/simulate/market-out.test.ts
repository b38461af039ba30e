/** The synthetic market as an ordinary log. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importLog, readCatalogue } from "@tributary/events";
import { afterAll, expect, test } from "vitest";
import { say } from "../../said.test-support.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-market-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("--market-out writes a log and a catalogue that are read like any others, the same for the same seed", {
  timeout: 60_000,
}, async () => {
  const written = async (name: string, seed: string) =>
    JSON.parse(await say("simulate", "--market-out", join(folder, name), "--seed-market", seed, "--json")) as Record<
      string,
      string
    >;
  const market = await written("a", "3");
  const catalogue = await readCatalogue(market["catalogue"] ?? "");
  const columns = { customer: "customer", item: "item", action: "action", time: "time" };
  const { histories, report } = await importLog({ path: market["log"] ?? "", catalogue, columns });
  expect({
    customers: histories.customers.length,
    events: histories.items.length,
    items: catalogue.items.length,
  }).toMatchObject({
    ...{ customers: market["customers"], events: market["events"], items: market["items"] },
  });
  expect(report.kept).toBe(report.rows);
  expect(readFileSync((await written("b", "3"))["log"] ?? "")).toEqual(readFileSync(market["log"] ?? ""));
  expect(readFileSync((await written("c", "4"))["log"] ?? "")).not.toEqual(readFileSync(market["log"] ?? ""));
});

test("beside a log of one's own, or where no folder can be, it is refused", async () => {
  writeFileSync(join(folder, "file"), "");
  const beside = say("simulate", "--market-out", folder, "--events", "x.csv");
  await expect(beside).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  await expect(say("simulate", "--market-out", join(folder, "file", "in"))).rejects.toMatchObject({
    code: "TRB_CLI_FILE_NOT_WRITABLE",
  });
});
