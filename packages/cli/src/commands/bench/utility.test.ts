import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-utility-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const items = 120;
mkdirSync(join(folder, "beauty"));
mkdirSync(join(folder, "retailrocket"));
/** 3,000 customers who walk on from item i to item i + 1; content is the tens of an item's number. */
writeFileSync(
  join(folder, "beauty/Beauty.txt"),
  Array.from({ length: 3000 }, (_, c) => {
    const walk = Array.from({ length: 6 + (c % 3) }, (_item, e) => 1 + ((c * 7 + e) % items));
    return `${c + 1} ${walk.join(" ")}`;
  }).join("\n"),
);
const attributes = Object.fromEntries(Array.from({ length: items }, (_, i) => [i + 1, [String(Math.floor(i / 10))]]));
writeFileSync(join(folder, "beauty/Beauty_item2attributes.json"), JSON.stringify(attributes));
/** Customers who go to and fro between two items, and once to the next. */
writeFileSync(
  join(folder, "retailrocket/events.csv"),
  `user,item,action,ts\n${Array.from({ length: 300 }, (_, c) => {
    const at = c % 30;
    return [at, at, at + 1, at, at + 2].map((item, e) => `${c},i${item},view,${1_400_000_000 + e}`).join("\n");
  }).join("\n")}\n`,
);

/** What the command prints. */
async function run(...words: readonly string[]) {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  await program().parseAsync(["bench", "utility", "--data", folder, "--json", ...words], { from: "user" });
  vi.restoreAllMocks();
  return JSON.parse(printed.join(""));
}

describe("bench utility", () => {
  test("measures a cell beside its floor, with what it cost and how it was chosen", async () => {
    const document = await run("--dataset", "beauty", "--epsilon", "8", "--row", "all-honest", "--seed", "3");
    expect(document.rows).toHaveLength(1);
    const [row] = document.rows;
    expect(row).toMatchObject({ dataset: "beauty", target: 8, seed: 3, tuning: "private-validation, not charged" });
    expect(row.epsilon).toBeLessThanOrEqual(8);
    expect(row.epsilon).toBeGreaterThan(7.99);
    for (const block of ["floor", "popularity", "contentPopularity", "federated"]) {
      for (const key of ["hr10", "ndcg10", "mrr"]) expect(row[block][key]).toBeGreaterThanOrEqual(0);
      expect(row[block].newItems.customers).toBe(3000);
    }
    expect(row.federated.ndcg10).toBeGreaterThan(row.floor.ndcg10 * 1.2);
    expect(row.federated.ndcg10).toBeGreaterThan(row.popularity.ndcg10 * 2);
  });

  test("gives the same figures for the same seed, and worse ones for less ε and fewer who are trusted", async () => {
    const ask = ["--dataset", "beauty", "--epsilon", "1,8", "--row", "all-honest,third-corrupt"];
    const [first, second] = [await run(...ask), await run(...ask)];
    const figures = (document: typeof first) => document.rows.map((row: typeof document) => row.federated);
    expect(figures(first)).toEqual(figures(second));
    const at = (epsilon: number, name: string) =>
      first.rows.find((row: { target: number; row: string }) => row.target === epsilon && row.row === name);
    expect(at(1, "all-honest").federated.ndcg10).toBeLessThan(at(8, "all-honest").federated.ndcg10);
    expect(at(8, "third-corrupt").cohort).toEqual({ nodes: 20, minCohort: 16, maxCorrupt: 6 });
    expect(at(8, "third-corrupt").epsilon).toBeLessThanOrEqual(8);
  });

  test("keeps own history apart where items come again", async () => {
    const { rows } = await run("--dataset", "retailrocket", "--epsilon", "8", "--row", "other-market");
    expect(rows[0].tuning).toContain("certified");
    expect(rows[0].joined.newItems.customers).toBe(300);
    expect(rows[0].floor.ndcg10).toBe(0); // the last step is new to everybody, and own history knows nothing else
    expect(rows[0].joined.newItems.ndcg10).toBeGreaterThan(rows[0].floor.newItems.ndcg10);
  });

  test("deals customers out to merchants, who are better off together", async () => {
    const ask = ["--dataset", "beauty", "--epsilon", "8", "--row", "all-honest", "--merchants", "100"];
    const { rows } = await run(...ask);
    expect(rows[0].joined.ndcg10).toBeGreaterThan(rows[0].local.ndcg10 * 1.2);
  });

  test.each([
    ["--dataset", "books"],
    ["--epsilon", "0"],
    ["--epsilon", "1,,2"],
    ["--row", "none"],
  ])("refuses %s %s", async (option, value) => {
    await expect(run(option, value)).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION", exitCode: 2 });
  });

  test.each([
    ["--dataset", "beauty,market-1m"],
    ["--dataset", "market-1m,retailrocket"],
    ["--epsilon", "--dataset", "market-1m", "--epsilon", "4"],
    ["--held-out", "--dataset", "market-1m", "--held-out", "1"],
    ["--train", "--dataset", "beauty", "--train", "everything"],
  ])("refuses %s where a market of a million is mixed with something else", async (option, ...words) => {
    const asked = option === "--dataset" ? [option, ...words] : words;
    const running = program().parseAsync(["bench", "utility", ...asked], { from: "user" });
    await expect(running).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION", exitCode: 2, details: { option } });
  });
});
