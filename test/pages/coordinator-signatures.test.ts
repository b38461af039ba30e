/** Signatures in the coordinator's page, in a real browser: by its own Ed25519, and without it on threads in JavaScript. The verdict is the one that Node gives. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { verifyLedger } from "@tributary/ledger";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeMadeUpLedger } from "../../packages/cli/src/commands/bench/ledger/made-up-ledger.ts";
import { killAll, temporaryFolder } from "../e2e/processes.ts";
import { launchBrowser, browser as program, titled } from "./browser.ts";
import { addAccounts, openView, type PageFederation, pageFederation, withoutWebCrypto } from "./coordinator-federation.ts";

const folder = temporaryFolder("coordinator-signatures");
const patience = { timeout: 120_000 };
const ways = ["webCrypto", "threads"] as const;
type Way = (typeof ways)[number];
let chromium: Browser;
let running: PageFederation;
/** Valid, four merchants, eight signatures an entry. */
let valid: readonly string[];

/** The ledger's view, given this ledger, in a browser with Ed25519 or without. */
async function ledgerView(way: Way, lines: readonly string[]) {
  const opened = await openView(chromium, running.url, { role: "viewer" });
  const workers: string[] = [];
  opened.page.on("worker", (worker) => workers.push(worker.url()));
  if (way === "threads") await withoutWebCrypto(opened.context);
  await opened.context.route("**/v1/ledger?*", (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get("from"));
    const body = lines.slice(from).map((line) => `${line}\n`);
    return route.fulfill({ contentType: "text/plain", body: body.join("") });
  });
  await opened.page.evaluate("location.hash = '#/ledger'");
  return { ...opened, usedThreads: () => workers.some((url) => url.includes("signature-thread")) };
}

/** Another digit at the start of one of an entry's signatures. @param which of those in the line */
function tampered(line: string, which: number): string {
  const found = [...line.matchAll(/"signature":"/g)][which];
  const at = (found?.index ?? 0) + (found?.[0].length ?? 0);
  return `${line.slice(0, at)}${line[at] === "0" ? "1" : "0"}${line.slice(at + 1)}`;
}

describe.skipIf(program === undefined)(titled("signatures in the coordinator's page"), () => {
  beforeAll(async () => {
    [chromium, running] = await Promise.all([
      launchBrowser(),
      pageFederation(folder.path, { merchants: 3, rounds: 2, customers: 60 }),
    ]);
    await addAccounts(running.federation.platform);
    const path = join(folder.path, "ledger.jsonl");
    writeMadeUpLedger(path, 600);
    valid = readFileSync(path, "utf8").trimEnd().split("\n");
  }, 120_000);

  afterAll(async () => {
    await chromium?.close();
    killAll();
    folder.remove();
  });

  test.each(ways)("%s: what holds is green, entry by entry", patience, async (way) => {
    const { page, context, faults, usedThreads } = await ledgerView(way, valid.slice(0, 40));
    await page.locator("[data-test=verdict][data-verified=true]", { hasText: "40 entries" }).waitFor();
    await page.locator(".virtual-row", { hasText: "yes" }).first().waitFor();
    expect(await page.getByRole("gridcell", { name: "no", exact: true }).count()).toBe(0);
    expect(usedThreads()).toBe(way === "threads");
    expect(faults).toEqual([]);
    await context.close();
  });

  test.each(ways)("%s: of changed signatures the same is said as in Node", patience, async (way) => {
    // the last entry's all: the coordinator's, three votes, four heads
    const last = Array.from({ length: 8 }, (_, which) => which).reduce(tampered, valid[39] ?? "");
    const lines = [...valid.slice(0, 39), last];
    const text = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
    const { failures } = verifyLedger(text, { crypto: nodeCrypto() });
    const { page, context } = await ledgerView(way, lines);
    await page.locator("[data-test=verdict][data-verified=false]").waitFor();
    const said = await page
      .locator(".failures li")
      .evaluateAll((items) =>
        items.map((item) => `${item.querySelector("a")?.getAttribute("href")} ${item.querySelector("code")?.textContent}`),
      );
    expect(failures.length).toBe(8);
    expect(said.toSorted()).toEqual(failures.map(({ entry, code }) => `#/ledger/${entry} ${code}`).toSorted());
    await context.close();
  });

  test(
    "a long verification says how fast it is and what is left, and stops when asked to, with no verdict",
    patience,
    async () => {
      const { page, context } = await ledgerView("threads", valid);
      await page.locator("[data-test=pace]", { hasText: /entries a second, .* left/ }).waitFor();
      await page.locator("[data-test=stop]").click();
      await page.locator("[data-test=stopped]", { hasText: /of 600 entries were verified/ }).waitFor();
      expect(await page.locator("[data-test=verdict], [data-test=stop]").count()).toBe(0);
      await context.close();
    },
  );
});
