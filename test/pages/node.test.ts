/**
 * A node's page in a real browser, over a real federation's home: from a folder that has joined nothing to predictions by what was released. The node itself
 * runs beside the page, and does what the page's form says.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { holdOut, importEvents, joinFederation, nodeBudget, trustPeers } from "@tributary/client";
import { createInvite } from "@tributary/coordinator";
import { builtPage } from "@tributary/dashboard";
import { statisticsRecipe } from "@tributary/model";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killAll, type Service, service, temporaryFolder } from "../e2e/processes.ts";
import { type SmallFederation, smallFederation } from "../e2e/small-federation.ts";
import {
  axeFindings,
  browser,
  isTooWide,
  launchBrowser,
  looks,
  type OpenPage,
  openPage,
  screenshot,
  scriptSizes,
  titled,
} from "./browser.ts";

const folder = temporaryFolder("node-page");
const long = process.env["TRIBUTARY_LONG"] === "1";
const views = ["overview", "quality", "budget", "leaving", "policy", "value", "predictions"] as const;

describe.skipIf(browser === undefined)(titled("a node's page"), () => {
  let chromium: Browser;
  let federation: SmallFederation;
  let coordinator: Service;
  let serving: Service;
  let opened: OpenPage;
  let home: string;
  const url = () => String(serving.ready["link"]).split("/#")[0] ?? "";

  beforeAll(async () => {
    // popularity, and pairs once: two rounds
    const statistics = { recipe: { ...statisticsRecipe(8), rounds: 1 } };
    federation = await smallFederation(folder.path, { merchants: 3, rounds: 1, customers: 450, items: 40, statistics });
    const [first] = federation.parts;
    if (first === undefined) throw new Error("there is no merchant");
    home = federation.home(first.node);
    const { platform, planFile, catalogueFile } = federation;
    [chromium, coordinator, serving] = await Promise.all([
      launchBrowser(),
      service([
        ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
        ...["--port", "0", "--start-when", "3"],
      ]),
      service(["node", "page", "--home", home, "--port", "0"]),
    ]);
  }, 120_000);
  afterAll(async () => {
    await chromium?.close();
    killAll();
    folder.remove();
  });

  const goTo = async (view: (typeof views)[number]) => {
    await opened.page.goto(`${url()}/#/${view}`);
    await opened.page.locator("main h2").first().waitFor();
  };
  const main = () => opened.page.locator("main");

  test("the link opens it once, and the address loses its token; a folder that has joined nothing is told how to join", async () => {
    const link = String(serving.ready["link"]);
    opened = await openPage(chromium, link);
    await main().getByText("tributary node join INVITE --home SHOP").waitFor();
    expect(opened.page.url()).toBe(`${url()}/#/`);
    const [cookie] = await opened.context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    const paints = await opened.page.evaluate(
      "performance.getEntriesByType('paint').map(({ name, startTime }) => name + ' ' + Math.round(startTime) + ' ms')",
    );
    console.log(`node page, on a machine that does other things: ${(paints as string[]).join(", ")}`);
    const other = await openPage(chromium, link);
    await other.page
      .locator("main")
      .getByText("TRB_PAGE_LINK_USED")
      .or(other.page.locator("main").getByText("TRB_PAGE_SESSION_MISSING"))
      .waitFor();
    await other.context.close();
  });

  test("after joining it says what is missing, then what the data look like; policy is edited by keyboard, and the running node obeys", {
    timeout: 120_000,
  }, async () => {
    const { parts, platform } = federation;
    const fingerprints: string[] = [];
    for (const { node } of parts) {
      const { invite } = await createInvite({ home: platform }, { node, url: String(coordinator.ready["url"]), hours: 1 });
      fingerprints.push((await joinFederation({ invite, home: federation.home(node) })).fingerprint);
    }
    await main().getByText("No history is stored yet.").waitFor();
    for (const { node } of parts) {
      await trustPeers({ home: federation.home(node), fingerprints });
      const files = [`${folder.path}/logs/${node}.csv`];
      await importEvents({
        home: federation.home(node),
        files,
        columns: { customer: "customer", item: "item", action: "action", time: "time" },
      });
    }
    await holdOut({ home, share: 0.3 });
    await main().getByText("Histories are stored, encrypted.").waitFor();

    // by keyboard alone: the pause is ticked, what it means is read, and it is saved
    await goTo("policy");
    const { page } = opened;
    await page.locator("[data-test=offer-popularity] .chip.good").waitFor();
    const pause = page.getByLabel("Paused: answer no offers");
    for (let tabs = 0; tabs < 80 && !(await pause.evaluate((box) => box === box.ownerDocument.activeElement)); tabs++)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.locator("[data-test=preview]").getByText("TRB_POLICY_PAUSED").first().waitFor();
    expect(JSON.parse(readFileSync(`${home}/policy.json`, "utf8"))).toMatchObject({ paused: null });
    const save = page.getByRole("button", { name: "Save" });
    for (let tabs = 0; tabs < 80 && !(await save.evaluate((button) => button === button.ownerDocument.activeElement)); tabs++)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Saved. A running node obeys it").waitFor();
    expect(JSON.parse(readFileSync(`${home}/policy.json`, "utf8"))).toMatchObject({ paused: { reason: null, until: null } });

    const nodes = await Promise.all(
      parts.map(({ node: name }) => service(["node", "start", "--home", federation.home(name), "--until-done"])),
    );
    const declined = /"code":"TRB_POLICY_PAUSED".*"msg":"an offer was declined"/;
    await expect.poll(() => declined.test(nodes[0]?.log() ?? ""), { timeout: 60_000 }).toBe(true);
    await page.getByLabel("Paused: answer no offers").focus();
    await page.keyboard.press("Space");
    await page.locator("[data-test=offer-popularity] .chip.good").waitFor();
    await page.keyboard.press("Enter"); // in a form, as everywhere
    await page.getByText("Saved. A running node obeys it").waitFor();
    expect(await Promise.all(nodes.map(({ exit }) => exit))).toEqual([0, 0, 0]);
  });

  test("what has left is listed with its size and hash; the budget says what it cost; a wrong number is told at its field", async () => {
    await goTo("leaving");
    const messages = opened.page.locator("[data-test=messages]");
    await messages.getByText("vector", { exact: true }).first().waitFor();
    const noted = readFileSync(`${home}/outgoing.jsonl`, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; sha256: string });
    const vector = noted.findLast(({ kind }) => kind === "vector");
    await messages.evaluate((box) => box.querySelector(".virtual")?.scrollTo(0, 0));
    expect(await messages.textContent()).toContain(noted.at(-1)?.sha256 ?? "-");
    expect(vector?.sha256).toMatch(/^[0-9a-f]{64}$/);
    await goTo("budget");
    await opened.page.locator("[data-test=budget] .figure").first().waitFor();
    const shown = Number((await opened.page.locator("[data-test=budget] .figure").first().textContent())?.slice(2));
    const { spent } = await nodeBudget({ home });
    expect([shown >= spent, shown < spent + 0.0011, spent > 0]).toEqual([true, true, true]);
    await goTo("policy");
    const epsilon = opened.page.getByLabel("Most ε that rounds may cost");
    await epsilon.fill("-3");
    await opened.page.locator("#policy-maxEpsilon-fault").waitFor();
    expect(await epsilon.getAttribute("aria-invalid")).toBe("true");
    expect(await opened.page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
  });

  test("a value report is made by a button, and shows every block with its interval", { timeout: 120_000 }, async () => {
    await goTo("value");
    await opened.page.getByRole("button", { name: "Make the report" }).click();
    await opened.page.locator("[data-test=value]").waitFor({ timeout: 90_000 });
    const text = await opened.page.locator("[data-test=value]").textContent();
    for (const name of ["public content", "popularity", "alone, tuned", "federated", "federated + in-house"])
      expect(text).toContain(name);
    expect(text).toMatch(/0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]/);
  });

  test("a customer is found by the shop's own id: timeline, explanation, churn and adverts; hostile names are names", {
    timeout: 60_000,
  }, async () => {
    const { page } = opened;
    const [first] = federation.parts;
    const customer =
      first?.train.customers.find((_, at) => (first.train.offsets[at + 1] ?? 0) - (first.train.offsets[at] ?? 0) >= 8) ?? "";
    await goTo("predictions");
    await page.getByLabel("Pseudonym, its beginning, or the shop's own id").fill(customer);
    await page.keyboard.press("Enter");
    const shown = page.locator("[data-test=customer]");
    await shown.waitFor({ timeout: 30_000 });
    expect(await page.locator("[data-test=timeline] tbody tr").count()).toBeGreaterThanOrEqual(8);
    expect(await page.locator("[data-test=served-model]").textContent()).toContain("released in round");
    await shown.getByRole("button", { name: /^Why / }).first().click();
    await page.locator("[data-test=explanation] .strip i").first().waitFor();
    await page.locator("[data-test=adverts]").getByRole("button", { name: "Rank" }).click();
    await page.locator("[data-test=ranked-adverts] tbody tr").first().waitFor();
    expect(await page.locator("[data-test=ranked-adverts] tbody tr").count()).toBe(10);
    await page.locator("[data-test=churn]").waitFor();
    expect(serving.log()).not.toContain(customer);
    await screenshot(opened, "node-customer", { theme: "light", language: "en" });

    const hostile = `<img src=x onerror="document.title='owned'">\u202e${"long ".repeat(60)}`;
    await page.route("**/api/explorer/customer", async (route) => {
      const answer = await route.fetch();
      const told = (await answer.json()) as { next: { items: { title: string }[] } };
      for (const item of told.next.items) item.title = hostile;
      await route.fulfill({ response: answer, json: told });
    });
    await page.reload();
    await page.getByLabel("Pseudonym, its beginning, or the shop's own id").fill(customer);
    await page.keyboard.press("Enter");
    const items = page.locator("[data-test=next-items]");
    await items.getByText("<img src=x", { exact: false }).first().waitFor();
    expect(await items.locator("img").count()).toBe(0);
    expect(await items.textContent()).not.toContain("\u202e");
    expect(await page.title()).not.toBe("owned");
    expect(await isTooWide(opened)).toBe(false);
    await page.unroute("**/api/explorer/customer");
    await page.route("**/api/overview", async (route) => {
      const answer = await route.fetch();
      const told = (await answer.json()) as { member: { federation: string; node: string } };
      told.member = { ...told.member, federation: hostile, node: hostile };
      await route.fulfill({ response: answer, json: told });
    });
    await goTo("overview");
    await page.reload();
    await page.locator("[data-test=federation] bdi").first().waitFor();
    expect(await page.locator("main img, header img").count()).toBe(0);
    expect(await page.locator("h1").textContent()).not.toContain("\u202e");
    await page.setViewportSize({ width: 360, height: 860 });
    await expect.poll(() => isTooWide(opened), { timeout: 20_000 }).toBe(false);
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.unroute("**/api/overview");
  });

  test("every view in light and dark, in both languages, at 360 px; axe finds nothing serious; nothing is asked of anybody else", {
    timeout: 120_000,
  }, async () => {
    const storageState = await opened.context.storageState();
    for (const look of looks) {
      // axe sees colours and structure, which are the same in both languages; the other two looks are pictures, of one view every day
      const isWhole = long || (look.theme === "light") === (look.language === "en");
      const one = await openPage(chromium, `${url()}/?theme=${look.theme}&lang=${look.language}`, { look, storageState });
      for (const view of isWhole ? views : (["overview"] as const)) {
        await one.page.goto(`${url()}/?theme=${look.theme}&lang=${look.language}#/${view}`);
        await settled(one);
        await screenshot(one, `node-${view}`, look);
        if (!isWhole) continue;
        expect(await axeFindings(one), `${view} ${look.theme}`).toEqual([]);
        await one.page.setViewportSize({ width: 360, height: 860 });
        // charts are drawn anew for the width
        await expect.poll(() => isTooWide(one), { message: `${view} at 360 px`, timeout: 20_000 }).toBe(false);
        await one.page.setViewportSize({ width: 1280, height: 860 });
      }
      expect(one.faults).toEqual([]);
      await one.context.close();
    }
    const sizes = [...scriptSizes(await builtPage("node")).values()].reduce((sum, size) => sum + size, 0);
    console.log(`node page: ${sizes} bytes of scripts, gzip`);
    expect(sizes).toBeLessThan(120_000);
    expect(opened.faults).toEqual([]);
  });

  test("a page whose server is gone says so and comes back; a server started anew asks for its own link", {
    timeout: 60_000,
  }, async () => {
    await goTo("overview");
    const port = new URL(url()).port;
    expect(await serving.stop("SIGTERM")).toBe(0);
    await opened.page.locator("[data-test=gone]").waitFor({ timeout: 20_000 });
    await main().getByRole("heading", { name: "Where this node stands" }).waitFor(); // what was known stays
    // what `--open` starts is told a file, which only this user may read; the link is in there
    const [opener, told] = [folder.file("bin", "xdg-open"), folder.file("told")];
    mkdirSync(folder.file("bin"));
    writeFileSync(opener, `#!/bin/sh\nprintf %s "$1" > ${told}\n`, { mode: 0o755 });
    const env = { PATH: `${folder.file("bin")}${delimiter}${process.env["PATH"] ?? ""}` };
    serving = await service(["node", "page", "--home", home, "--port", port, "--open"], { env });
    if (process.platform === "linux") {
      await expect.poll(() => existsSync(told) && readFileSync(told, "utf8") !== "").toBe(true);
      const page = fileURLToPath(readFileSync(told, "utf8"));
      expect([statSync(page).mode & 0o777, readFileSync(page, "utf8").includes(String(serving.ready["link"]))]).toEqual([
        0o600,
        true,
      ]);
    }
    await main().getByText("TRB_PAGE_SESSION_MISSING").waitFor({ timeout: 30_000 });
    await opened.page.goto(String(serving.ready["link"]));
    await main().getByRole("heading", { name: "Where this node stands" }).waitFor();
  });
});

/** What the view asks for first is there. */
async function settled({ page }: OpenPage): Promise<void> {
  await page.locator("main h2").first().waitFor();
  await page.waitForFunction(() => !/Loading …|加载中…/.test(globalThis.document.querySelector("main")?.textContent ?? ""));
}
