import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-joining-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** 1,200 customers who walk on from item i to item i + 1, which a merchant of 60 customers can hardly see by itself. */
const items = 120;
mkdirSync(join(folder, "beauty"));
writeFileSync(
  join(folder, "beauty/Beauty.txt"),
  Array.from({ length: 1200 }, (_, c) => {
    const walk = Array.from({ length: 6 + (c % 3) }, (_item, e) => 1 + ((c * 7 + e) % items));
    return `${c + 1} ${walk.join(" ")}`;
  }).join("\n"),
);
const attributes = Object.fromEntries(Array.from({ length: items }, (_, i) => [i + 1, [String(Math.floor(i / 10))]]));
writeFileSync(join(folder, "beauty/Beauty_item2attributes.json"), JSON.stringify(attributes));

/** What the command prints. */
async function run(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  const small = ["--walks", "100", "--own-walks", "50", "--epochs", "1", "--own-epochs", "1"];
  const log = ["--data", folder, "--dataset", "beauty", "--row", "all-honest", "--merchants", "20"];
  await program().parseAsync(["bench", "utility", ...log, ...small, ...words], { from: "user" });
  vi.restoreAllMocks();
  return printed.join("");
}

test("with attention: joined beats alone where alone sees little, with intervals, and says the same twice", async () => {
  const json = ["--measured", "2", "--epsilon", "8", "--attention", "--json"];
  const [document, again] = [JSON.parse(await run(...json)), JSON.parse(await run(...json))];
  const [row] = document.rows;
  const { rankers, gain, against, attention, customers } = row.joining;
  expect(customers).toBe(120);
  expect(rankers.joined.ndcg10).toBeGreaterThan(rankers[against].ndcg10);
  const better = Math.max(rankers.local.ndcg10, rankers.localStatistics.ndcg10);
  expect(row.local.ndcg10).toBe(better);
  expect(row.joined).toEqual(rankers.joined);
  expect(gain.joined.difference).toBeCloseTo(rankers.joined.ndcg10 - better, 12);
  expect(gain.joined.interval[0]).toBeLessThanOrEqual(gain.joined.difference);
  expect(gain.joined.interval[1]).toBeGreaterThanOrEqual(gain.joined.difference);
  expect(attention.chosen).toHaveLength(2);
  expect(attention.chosen[0].local.weights.mixture.released).toBe(0);
  expect(attention.joined.difference).toBeCloseTo(rankers.joined.ndcg10 - rankers.joinedStatistics.ndcg10, 12);
  expect(attention.predict.p99Ms).toBeGreaterThanOrEqual(attention.predict.medianMs);
  const figures = [again.rows[0].joining.rankers, again.rows[0].joining.gain];
  expect(figures).toEqual([rankers, gain]);
});

test("without attention: the same merchants, statistics alone, nothing trained", async () => {
  const { rows } = JSON.parse(await run("--measured", "2", "--epsilon", "1,8", "--json"));
  for (const { joining, local, joined } of rows) {
    expect(Object.keys(joining.rankers)).toEqual(["localStatistics", "joinedStatistics"]);
    expect(joining.customers).toBe(120);
    expect(joining.attention).toBeUndefined();
    expect([local, joined]).toEqual([joining.rankers.localStatistics, joining.rankers.joinedStatistics]);
    expect(joining.gain.joinedStatistics.difference).toBeCloseTo(joined.ndcg10 - local.ndcg10, 12);
  }
  expect(rows[0].local).toEqual(rows[1].local); // a merchant alone has no ε
  expect(JSON.parse(await run("--epsilon", "8", "--json")).rows[0].joining.customers).toBe(1200);
});

test("a table for people; options that are none are refused by code", async () => {
  const text = await run("--measured", "1", "--epsilon", "4", "--attention");
  expect(text).toContain("joinedStatistics");
  expect(text).toContain("One customer's twenty best");
  await expect(run("--measured", "none")).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
});
