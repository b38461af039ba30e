/**
 * Names that are scripts, everywhere where somebody from outside can put a name, and every view of both pages in a real browser: none runs, none becomes an
 * element, and the pages' policy would let none run that did.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killAll, temporaryFolder } from "../../e2e/processes.ts";
import { browser, launchBrowser, openPage, titled } from "../../pages/browser.ts";
import { finding } from "../finding.ts";
import { operatorCookie, operatorPassword, type Servers, startServers } from "./servers.ts";

/** Sets a mark on the window, if anything of it runs. */
const run = "window.owned=1";
const hostile = [
  `<img src=x onerror="${run}">`,
  `"><script>${run}</script>`,
  `'-${run}-'`,
  `</title></textarea><svg/onload=${run}>`,
  `javascript:${run}`,
  `{{constructor.constructor('${run}')()}}`,
  "\u202e<b>gone</b>",
];
const name = hostile.join(" ").slice(0, 250);
const folder = temporaryFolder("scripts");

describe.skipIf(browser === undefined)(titled("pages"), () => {
  let servers: Servers;
  let chromium: Browser;

  beforeAll(async () => {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    [servers, chromium] = await Promise.all([
      // the first customer's name is hostile as well
      startServers(folder.path, {
        title: name,
        disguise: (log) =>
          log
            .split("\n")
            .map((line, place) => (place > 0 && place < 12 ? line.replace(/^[^,]*/, quoted) : line))
            .join("\n"),
      }),
      launchBrowser(),
    ]);
  }, 180_000);

  afterAll(async () => {
    await chromium?.close();
    killAll();
    folder.remove();
  });

  /** What of it ran, and elements that no page of ours has. */
  const traces = async (page: Page): Promise<string> =>
    String(
      await page.evaluate(
        `String(window.owned ?? "") + [...document.querySelectorAll("img[src=x], svg[onload], b, script:not([src]), [onerror], [onload], a[href^='javascript:']")].filter((one) => !["application/json", "importmap"].includes(one.type)).map((one) => one.outerHTML.slice(0, 80)).join(" ")`,
      ),
    );

  /** Whether the page's own policy lets a script in that was put into its text. */
  const lets = async (page: Page): Promise<boolean> =>
    Boolean(
      await page.evaluate(
        `new Promise((resolve) => { const script = document.createElement("script"); script.textContent = "window.inline=1"; document.body.append(script); const box = document.createElement("div"); box.innerHTML = "<img src=x onerror='window.inline=1'>"; document.body.append(box); setTimeout(() => { box.remove(); script.remove(); resolve(window.inline === 1); }, 300); })`,
      ),
    );

  test("a page that took names for elements would be found out", async (context) => {
    const blank = await chromium.newPage();
    await blank.setContent(`<main>${name}</main>`);
    await blank.waitForTimeout(300);
    const [found, inline] = [await traces(blank), await lets(blank)];
    await blank.close();
    finding(context, {
      what: "the same names in a page without care or policy, for comparison",
      result: found.startsWith("1") ? "they run, and are found" : "they don't run",
      held: found.startsWith("1") && inline,
    });
  });

  test("what operators, nodes and catalogues are called, in every view of the coordinator's page", {
    timeout: 180_000,
  }, async (context) => {
    const headers = {
      "content-type": "application/json",
      "x-tributary-operator": "1",
      origin: servers.coordinator,
      cookie: await operatorCookie(servers.coordinator),
    };
    const post = (path: string, body: object) =>
      fetch(`${servers.coordinator}/v1/operators/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    // reasons are free words; names have a form
    const reasons = await Promise.all([
      post("tokens", { name: "scraper", role: "viewer", reason: name }),
      post("invites", { node: "merchant-3", url: servers.coordinator, reason: name }),
    ]);
    expect(reasons.map(({ status }) => status)).toEqual([201, 201]);
    const names = await Promise.all([
      post("tokens", { name, role: "viewer" }),
      post("invites", { node: name, url: servers.coordinator }),
      post("invites", { node: "merchant-2", url: `javascript:${run}` }),
      post("login", { name, password: operatorPassword }),
    ]);
    expect(names.every(({ status }) => status === 400 || status === 401)).toBe(true);
    const { page, faults, context: tab } = await openPage(chromium, `${servers.coordinator}/`);
    await page.locator("#name").fill("night-shift");
    await page.locator("#password").fill(operatorPassword);
    await page.locator("form button[type=submit]").click();
    await page.locator("nav").waitFor();
    const views = [
      "overview",
      "round",
      "privacy",
      "quality",
      "cohorts",
      "ledger",
      "plan",
      "members",
      "alerts",
      "audit",
      "account",
    ];
    const seen: string[] = [];
    for (const view of [...views, encodeURIComponent(name), `audit?${name}`]) {
      await page.goto(`${servers.coordinator}/#/${view}`);
      await page.locator("main").waitFor();
      await page.waitForTimeout(500);
      seen.push(await traces(page));
      if (view === "audit") await page.locator("main").getByText("<img src=x", { exact: false }).first().waitFor();
    }
    const inline = await lets(page);
    const strange = faults.filter((fault) => !/Content.Security.Policy|violates/i.test(fault));
    await tab.close();
    finding(context, {
      what: "XSS at the coordinator's page: reasons, names, addresses and fragments that are scripts",
      result: `${seen.length} views: ${seen.filter(Boolean).join(" ") || "nothing ran, nothing became an element"}; a script put into the page ${inline ? "runs" : "is stopped by its policy"}`,
      held: seen.every((one) => one === "") && !inline && strange.length === 0,
    });
  });

  test("what customers and items are called, in every view of a node's page", { timeout: 180_000 }, async (context) => {
    const { page, faults, context: tab } = await openPage(chromium, servers.link);
    await page.locator("main h2").first().waitFor();
    const seen: string[] = [];
    for (const view of [
      "overview",
      "quality",
      "budget",
      "leaving",
      "policy",
      "value",
      "predictions",
      encodeURIComponent(name),
    ]) {
      await page.goto(`${servers.page}/#/${view}`);
      await page.locator("main").waitFor();
      await page.waitForTimeout(500);
      if (view === "predictions") {
        await page.getByLabel("Pseudonym, its beginning, or the shop's own id").fill(name);
        await page.keyboard.press("Enter");
        const shown = page.locator("[data-test=customer]");
        await shown.waitFor({ timeout: 60_000 });
        await shown.getByText("<img src=x", { exact: false }).first().waitFor();
      }
      seen.push(await traces(page));
    }
    const inline = await lets(page);
    const strange = faults.filter((fault) => !/Content.Security.Policy|violates/i.test(fault));
    await tab.close();
    finding(context, {
      what: "XSS at a node's page: a customer and a catalogue whose names are scripts",
      result: `${seen.length} views: ${seen.filter(Boolean).join(" ") || "nothing ran, nothing became an element"}; a script put into the page ${inline ? "runs" : "is stopped by its policy"}`,
      held: seen.every((one) => one === "") && !inline && strange.length === 0,
    });
  });
});
