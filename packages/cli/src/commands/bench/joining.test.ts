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
  const small = [
    "--data",
    folder,
    "--merchants",
    "20",
    "--walks",
    "100",
    "--own-walks",
    "50",
    "--epochs",
    "1",
    "--own-epochs",
    "1",
  ];
  await program().parseAsync(["bench", "joining", ...small, ...words], { from: "user" });
  vi.restoreAllMocks();
  return printed.join("");
}

test("bench joining: joined beats alone where alone sees little, with intervals, and says the same twice", async () => {
  const json = ["--measured", "2", "--epsilon", "8", "--json"];
  const [document, again] = [JSON.parse(await run(...json)), JSON.parse(await run(...json))];
  const { rankers, gain, against, chosen, customers, predict } = document;
  expect(customers).toBe(120);
  expect(rankers.joined.ndcg10).toBeGreaterThan(rankers[against].ndcg10);
  const better = Math.max(rankers.local.ndcg10, rankers.localStatistics.ndcg10);
  expect(rankers[against].ndcg10).toBe(better);
  expect(gain.joined.difference).toBeCloseTo(rankers.joined.ndcg10 - better, 12);
  expect(gain.joined.interval[0]).toBeLessThanOrEqual(gain.joined.difference);
  expect(gain.joined.interval[1]).toBeGreaterThanOrEqual(gain.joined.difference);
  expect(chosen).toHaveLength(2);
  expect(chosen[0].local.mixture.released).toBe(0);
  expect(predict.p99Ms).toBeGreaterThanOrEqual(predict.medianMs);
  const { seconds: _took, predict: _times, ...figures } = again;
  expect(document).toMatchObject(figures);
});

test("bench joining: a table for people; options that are none are refused by code", async () => {
  const text = await run("--measured", "1", "--epsilon", "4");
  expect(text).toContain("joinedStatistics");
  expect(text).toContain("One customer's twenty best");
  await expect(run("--epsilon", "0")).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  await expect(run("--measured", "none")).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
});
