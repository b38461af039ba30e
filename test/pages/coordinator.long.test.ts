/** Every view of the coordinator's page in each of its looks, and at the width of a telephone: axe, screenshots, nothing that sticks out. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killAll, temporaryFolder, until } from "../e2e/processes.ts";
import { axeFindings, isTooWide, launchBrowser, looks, browser as program, screenshot, titled } from "./browser.ts";
import { addAccounts, openView, type PageFederation, pageFederation, show, views } from "./coordinator-federation.ts";

const folder = temporaryFolder("coordinator-looks");
let chromium: Browser;
let running: PageFederation;

describe.skipIf(program === undefined)(titled("the coordinator's page in all its looks"), () => {
  beforeAll(async () => {
    [chromium, running] = await Promise.all([
      launchBrowser(),
      pageFederation(folder.path, { merchants: 4, rounds: 60, customers: 80, deadlines: { uploadOffset: 600 } }),
    ]);
    await addAccounts(running.federation.platform);
    await running.startNodes();
    const released = async () => ((await (await fetch(`${running.url}/v1/status`)).json()) as { completed: number }).completed;
    await until(released, (rounds) => rounds >= 3);
  }, 180_000);

  afterAll(async () => {
    await chromium?.close();
    killAll();
    folder.remove();
  });

  test.each(looks)("$theme, $language", { timeout: 180_000 }, async (look) => {
    const opened = await openView(chromium, running.url, { role: "operator", look });
    expect(await opened.page.locator("html").getAttribute("lang")).toBe(look.language === "zh" ? "zh-CN" : "en");
    for (const view of views) {
      await show(opened.page, view);
      expect([view, await axeFindings(opened)]).toEqual([view, []]);
      await screenshot(opened, `coordinator-${view}`, look);
    }
    await opened.page.setViewportSize({ width: 360, height: 740 });
    for (const view of views) {
      await show(opened.page, view);
      expect([view, await isTooWide(opened)]).toEqual([view, false]);
    }
    await screenshot(opened, "coordinator-narrow", look);
    expect(opened.faults).toEqual([]);
    await opened.context.close();
  });
});
