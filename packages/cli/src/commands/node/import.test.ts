/** What `node import --dry-run` shows, what the page of `node report` holds, and what is wrong usage. The import itself is tested in `client`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataQuality, type Histories } from "@tributary/events";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { program } from "../../program.ts";
import { qualityLines, qualityPage } from "../../report/quality-page.ts";
import { summaryLines } from "./import.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-node-import-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

async function say(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  await program().parseAsync(["node", "import", ...words], { from: "user" });
  return printed.join("");
}

describe("node import --dry-run", () => {
  const path = join(folder, "shop.csv");
  writeFileSync(path, "user;artikel;was;ts\nann;7;Add to cart;31.12.2021 10:00\nbob;8;refund;01.01.2022 11:30\n");

  test("shows the mapping and the first rows in words, and the same under --json", async () => {
    const words = await say(path, "--dry-run", "--columns", "customer=user,item=artikel", "--time-zone", "Europe/Berlin");
    expect(words).toContain('action is "was" (a guess, by what it holds)');
    expect(words).toContain("times are read as %d.%m.%Y %H:%M");
    expect(words).toMatch(/ann +7 +cart +2021-12-31T09:00:00\.000Z/);
    expect(words).toContain("unknownAction");
    const flags = /to import it so: (.*)/.exec(words)?.[1];
    expect(flags).toBe(
      "--columns customer=user,item=artikel,time=ts,action=was --delimiter ';' --time-format '%d.%m.%Y %H:%M' --time-zone Europe/Berlin",
    );
    const json = JSON.parse(await say(path, "--dry-run", "--json", "--columns", "customer=user,item=artikel"));
    expect(json.previews).toHaveLength(1);
    expect(json.previews[0]).toMatchObject({
      sampled: 2,
      kept: 1,
      dropped: { unknownAction: 1 },
      rows: [{ customer: "ann", action: "cart" }, { dropped: "unknownAction" }],
    });
  });

  test("looks at a query too, and at several sources one after another", async () => {
    const sql = "SELECT 'ann' AS user, 7 AS item, 'buy' AS event, 1700000000 AS ts";
    const json = JSON.parse(await say(path, "--sql", sql, "--dry-run", "--json", "--time-format", "%d.%m.%Y %H:%M"));
    expect(json.previews.map(({ file }: { file: string }) => file)).toEqual([path, "the query"]);
    expect(json.previews[1].rows[0]).toMatchObject({ action: "buy", time: "2023-11-14T22:13:20.000Z" });
  });
});

test("columns may be named in part, names that a log doesn't have are asked for, and a log's own words give a terminal no orders", async () => {
  const path = join(folder, "unusual.csv");
  writeFileSync(path, "user,item,it's,wann\nann,7,1,2021-12-31\n");
  const json = JSON.parse(await say(path, "--dry-run", "--json", "--columns", "time=wann,dwell=it's"));
  expect(json.previews[0]).toMatchObject({ kept: 1, columns: { customer: "user", item: "item", time: "wann", dwell: "it's" } });
  expect(json.previews[0].flags).toEqual(["--columns 'customer=user,item=item,time=wann,dwell=it'\\''s'"]);
  writeFileSync(path, "\u001b[31mred\u001b[0m,b\nx,y\n");
  const words = await say(path, "--dry-run");
  expect(words).toContain("--columns customer=NAME,item=NAME,time=NAME");
  expect(words).toContain("\ufffd[31mred");
  expect(words).not.toContain("\u001b");
  for (const columns of ["", "item", "item=", "=x", "item=x,", "thing=x"]) {
    await expect(say(path, "--dry-run", "--columns", columns)).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  }
});

test("an import without a home, without a log, or with a quotation mark of two characters is wrong usage", async () => {
  for (const words of [["a.csv"], ["--home", folder], ["--dry-run"], ["a.csv", "--home", folder, "--quote", "''"]]) {
    await expect(say(...words)).rejects.toMatchObject({ exitCode: 2 });
  }
});

describe("the report", () => {
  const histories: Histories = {
    customers: ["secret-ann", "secret-bob"],
    offsets: Uint32Array.of(0, 2, 3),
    items: Int32Array.of(1, 2, 1),
    actions: Uint8Array.of(0, 3, 0),
    times: Float64Array.of(0, 60, 20 * 86_400),
  };

  test("says in words and on a page of its own what the data holds, and names nobody", () => {
    const quality = dataQuality(histories);
    const page = qualityPage(quality);
    for (const text of ["3 events of 2 customers with 2 items", "no event from 1970-01-02 to 1970-01-20 (19 days)"]) {
      expect(qualityLines(quality).join("\n")).toContain(text);
    }
    expect(page).toContain("No event for 19 days, 1970-01-02 to 1970-01-20.");
    expect(page.match(/<svg/g)).toHaveLength(4);
    expect(page + qualityLines(quality).join()).not.toContain("secret");
    expect(page).not.toMatch(/<script|https?:/);
  });

  test("lists only the reasons that occurred", () => {
    const none = {
      malformedRow: 0,
      missingField: 0,
      unparsableTime: 0,
      futureTime: 0,
      unknownAction: 0,
      cancellation: 0,
      outsideCatalogue: 0,
      cancelled: 0,
      bot: 2,
      duplicate: 1,
      erased: 0,
    };
    const actions = {
      view: 2,
      cart: 0,
      favourite: 0,
      buy: 1,
      search: 0,
      login: 0,
      category: 0,
      checkout: 0,
      impression: 0,
      advertClick: 0,
    };
    const counts = { itemsCleared: 0, amountsCleared: 0, outOfOrder: 0, withDwell: 0, withPrice: 0, withTopic: 0 };
    const summary = { files: ["<shop>.csv"], rows: 6, kept: 3, dropped: none, customers: 2, items: 2, actions, ...counts };
    expect(summaryLines(summary).filter((line) => line.startsWith("dropped"))).toEqual([
      "dropped: bot        2",
      "dropped: duplicate  1",
    ]);
    const page = qualityPage(dataQuality(histories), summary);
    expect(page).toContain("&lt;shop&gt;.csv: 6 rows read, 3 kept");
    expect(page.match(/<td>/g)).toHaveLength(2);
  });
});
