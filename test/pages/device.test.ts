/**
 * Three devices in browsers and two in processes finish secure rounds together. One of the browsers is loaded again in the middle of the first, once its
 * masked vector is kept: it says the same again and is in the sum.
 */
import { readFileSync } from "node:fs";
import { importEvents, joinFederation, logTo, trustPeers } from "@tributary/client";
import { createInvite, type RunningCoordinator, startCoordinator } from "@tributary/coordinator";
import { builtPage } from "@tributary/dashboard";
import { verifyLedger } from "@tributary/ledger";
import { explainPlan, fingerprintOf, identityKey, type Plan, parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { columns, historyOf, planned } from "../e2e/device-federation.ts";
import { begin, killAll, temporaryFolder } from "../e2e/processes.ts";
import { ledgerEntries } from "../e2e/small-federation.ts";
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

const folder = temporaryFolder("device-pages");
const patience = 150_000;
const rounds = 2;
/** Nobody waits for one of these but for the offset, in which the page is loaded again. */
const deadlines = {
  ...{ keys: 60_000, shares: 60_000, uploadOffset: 5_000, masked: 60_000 },
  ...{ consistency: 60_000, unmask: 60_000, grace: 20_000 },
};

describe.skipIf(browser === undefined)(titled("devices in browsers"), () => {
  let chromium: Browser;
  /** The page's folder: one build for all, whatever is written to its sources meanwhile. */
  let built = "";
  let coordinator: RunningCoordinator | undefined;
  beforeAll(async () => {
    built = await builtPage("device"); // where its sources have changed this takes longer than a browser waits
    chromium = await launchBrowser();
  }, 240_000);
  afterEach(async () => {
    await coordinator?.close();
    coordinator = undefined;
    killAll();
  });
  afterAll(() => chromium.close());

  const wait = async ({ page }: OpenPage, test: string, attribute: string, value: RegExp) => {
    await expect
      .poll(() => page.locator(`[data-test=${test}]`).getAttribute(attribute), { timeout: patience, interval: 50 })
      .toMatch(value);
  };
  const press = ({ page }: OpenPage, name: string) => page.getByRole("button", { name, exact: true }).click();

  test("three of them and two processes finish secure rounds; one is loaded again in the middle", {
    timeout: 300_000,
  }, async () => {
    const { plan, platform, catalogueBytes } = await planned(folder, { rounds, devices: 5, deadlines });
    const log = logTo(() => {});
    const pages = { device: () => Promise.resolve(built) };
    coordinator = await startCoordinator({
      ...{ home: platform, port: 0, plan, catalogue: catalogueBytes, startWhen: 5, pages, log },
    });
    const { url } = coordinator;
    const invited = (node: string) => createInvite(platform, { node, url, hours: 1 });

    const fingerprints: string[] = [];
    const homes = ["ann", "bob"].map((person) => folder.file(person));
    for (const [at, home] of homes.entries()) {
      const person = ["ann", "bob"][at] ?? "";
      const { invite } = await invited(person);
      fingerprints.push((await joinFederation({ invite, home, device: true })).fingerprint);
      await importEvents({ home, files: [historyOf(folder, person)], columns, device: true });
    }

    const people = ["cid", "dot", "eve"];
    const open = await Promise.all(
      people.map((_, at) => openPage(chromium, `${url}/device/`, { width: at === 2 ? 360 : 1280 })),
    );
    for (const [at, one] of open.entries()) {
      const { invite } = await invited(people[at] ?? "");
      await one.page.getByLabel("Paste the invite").fill(invite);
      await press(one, "Read the plan");
      const shown = one.page.locator("[data-test=fingerprint]");
      await shown.waitFor({ timeout: patience });
      fingerprints.push((await shown.textContent()) ?? "");
    }
    for (const [at, one] of open.entries()) {
      await one.page.getByLabel("Further fingerprints").fill(fingerprints.join("\n"));
      expect(await one.page.locator("main").textContent()).toContain("ε = 8 at δ");
      await press(one, "I agree to this plan");
      await one.page.getByLabel("History file").setInputFiles(historyOf(folder, people[at] ?? ""));
      await one.page.locator("[data-test=history]").waitFor();
    }
    // a second tab of the same browser says so, and touches nothing
    const [again] = open;
    if (again === undefined) throw new Error("no page");
    const second = await again.context.newPage();
    await second.goto(`${url}/device/`);
    await second.getByText("TRB_DEVICE_OTHER_TAB").waitFor({ timeout: patience });
    await second.close();

    for (const home of homes) await trustPeers({ home, fingerprints });
    const processes = homes.map((home) => begin(["node", "start", "--home", home, "--device", "--until-done"]));
    for (const one of open) await press(one, "Take part");

    // its masked vector is kept, and is sent at the offset, whoever loads the page
    await wait(again, "state", "data-phase", /^masked$/);
    await again.page.reload();

    for (const one of open) {
      await wait(one, "state", "data-running", /^ended$/);
      await wait(one, "charged", "data-charged", new RegExp(`^${rounds}$`));
    }
    for (const { outcome } of processes) expect((await outcome).exitCode).toBe(0);
    await coordinator.finished;

    const entries = ledgerEntries(platform).filter(({ kind }) => kind === "round");
    const all = ["ann", "bob", ...people];
    expect(entries.map(({ survivors }) => survivors)).toEqual(entries.map(() => all));
    expect(entries).toHaveLength(rounds);
    const crypto = nodeCrypto();
    const key = fingerprintOf(crypto, identityKey.parse((plan as Plan).coordinatorKey));
    const verdict = verifyLedger(readFileSync(`${platform}/ledger.jsonl`), { crypto, key });
    expect(verdict).toMatchObject({ verified: true, complete: true, trust: "pinned" });

    await again.page.locator("details summary").first().click();
    for (const look of looks) {
      await again.page.getByRole("combobox").nth(0).selectOption(look.language);
      // sentences that its own machine makes, in the page's language
      const sentences = again.page.locator("[data-test=explained] li");
      await expect.poll(() => sentences.allTextContents()).toEqual(explainPlan(parsePlan(plan), look.language));
      await again.page.getByRole("combobox").nth(1).selectOption(look.theme);
      await screenshot(again, "device", look);
      expect(await axeFindings(again)).toEqual([]);
    }
    for (const one of open) {
      expect([one.page.viewportSize()?.width, await isTooWide(one)]).toEqual([one.page.viewportSize()?.width, false]);
      expect(one.faults).toEqual([]);
    }

    // the unit tests look at what that leaves: nothing
    const last = open[2];
    if (last === undefined) throw new Error("no page");
    await press(last, "Leave and erase");
    await press(last, "Erase everything");
    await last.page.getByLabel("Paste the invite").waitFor();
    for (const { context } of open) await context.close();
  });

  test("the scripts are at most 600 kB, compressed", () => {
    const sizes = scriptSizes(built);
    expect(sizes.size).toBeGreaterThan(1);
    expect([...sizes.values()].reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(600_000);
  });
});
