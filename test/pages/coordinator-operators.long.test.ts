/** What operators do on the coordinator's page, before a real federation: promote, roll back, revoke, each seen in the ledger and in the audit log. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killAll, temporaryFolder, until } from "../e2e/processes.ts";
import { ledgerEntries } from "../e2e/small-federation.ts";
import { launchBrowser, browser as program, titled } from "./browser.ts";
import { addAccounts, openView, type PageFederation, pageFederation, show } from "./coordinator-federation.ts";

const folder = temporaryFolder("coordinator-operators");
const patience = { timeout: 180_000 };
let chromium: Browser;
let running: PageFederation;

/** Presses a button, fills its dialog, and sends it. */
async function operate(page: Page, button: string, fields: Readonly<Record<string, string>>): Promise<void> {
  await page.locator("main").getByRole("button", { name: button, exact: true }).click();
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`dialog[open] [name=${name}]`);
    if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  await page.locator("dialog[open] button[type=submit]").click();
  await page.locator("dialog[open]").waitFor({ state: "hidden" });
}

/** The first entry of a kind, once it is written. */
async function entryOf(kind: string): Promise<Record<string, unknown>> {
  const entries = () =>
    Promise.resolve(
      ledgerEntries(running.federation.platform).filter((one) => one["kind"] === kind && one["operator"] === "a-operator"),
    );
  return (await until(entries, (found) => found.length > 0))[0] ?? {};
}

/** The audit log has the line, and the ledger's view opens its entry, which holds. */
async function seenInBoth(page: Page, entry: Record<string, unknown>, words: readonly string[]): Promise<void> {
  await show(page, "audit");
  const line = page
    .getByRole("grid", { name: "Audit log" })
    .getByRole("row")
    .filter({ hasText: words[0] ?? "" });
  for (const word of words) await line.filter({ hasText: word }).first().waitFor();
  await page.evaluate(`location.hash = "#/ledger/${entry["index"]}"`);
  await page.locator(".entry", { hasText: `"index": ${entry["index"]}` }).waitFor();
  expect(JSON.parse((await page.locator(".entry").textContent()) ?? "")).toEqual(entry);
}

describe.skipIf(program === undefined)(titled("what operators do on the coordinator's page"), () => {
  beforeAll(async () => {
    [chromium, running] = await Promise.all([
      launchBrowser(),
      pageFederation(folder.path, { merchants: 4, rounds: 300, customers: 80, deadlines: { uploadOffset: 600 } }),
    ]);
    await addAccounts(running.federation.platform);
    await running.startNodes();
    await until(
      async () => ((await (await fetch(`${running.url}/v1/status`)).json()) as { completed: number }).completed,
      (rounds) => rounds >= 2,
    );
  }, 180_000);

  afterAll(async () => {
    await chromium?.close();
    killAll();
    folder.remove();
  });

  test("viewers and auditors are offered none of it", patience, async () => {
    for (const role of ["viewer", "auditor"] as const) {
      const { page, context } = await openView(chromium, running.url, { role });
      await page.locator("[data-test=phase]").waitFor();
      expect([role, await page.locator("main button").count()]).toEqual([role, 0]);
      await show(page, "members");
      await page.getByRole("grid", { name: "Roster" }).getByText("merchant-").first().waitFor();
      expect([role, await page.locator("main button").count()]).toEqual([role, 0]);
      await context.close();
    }
  });

  test("a model is put forward", patience, async () => {
    const { page, context, faults } = await openView(chromium, running.url, { role: "operator" });
    // a round that ended meanwhile would have another model
    await operate(page, "Pause", { reason: "a model is chosen" });
    await page.locator("[data-test=phase]", { hasText: "paused" }).waitFor();
    await operate(page, "Promote model", {});
    await page.getByText("It is written as soon as no round is under way").waitFor();
    const entry = await entryOf("promotion");
    const promoted = String(entry["modelHash"]);
    await page.locator(`code[title="${promoted}"]`).first().waitFor();
    await seenInBoth(page, entry, ["promote", "a-operator", "by operator"]);
    await show(page, "overview");
    await operate(page, "Resume", {});
    await page.locator("main").getByRole("button", { name: "Pause", exact: true }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  test(
    "training goes back to the model of an earlier round, and a round that released nothing is refused",
    patience,
    async () => {
      const { page, context, faults } = await openView(chromium, running.url, { role: "operator" });
      const released = ledgerEntries(running.federation.platform).find(({ kind }) => kind === "round");
      await operate(page, "Roll back", { round: String(released?.["round"]), reason: "a bad <i>batch</i>" });
      const entry = await entryOf("rollback");
      expect([entry["modelHash"], entry["reason"]]).toEqual([released?.["nextModelHash"], "a bad <i>batch</i>"]);
      await seenInBoth(page, entry, ["rollback", "a-operator", "a bad <i>batch</i>"]);
      expect(await page.locator("main i").count()).toBe(0);
      await show(page, "overview");
      const status = page.locator("dialog[open] [role=alert] code");
      await page.locator("main").getByRole("button", { name: "Roll back", exact: true }).click();
      await page.locator("dialog[open] input[name=round]").evaluate((input) => input.removeAttribute("max"));
      await page.locator("dialog[open] input[name=round]").fill("9999");
      await page.locator("dialog[open] button[type=submit]").click();
      await status.filter({ hasText: "TRB_COORDINATOR_NOTE_POINTLESS" }).waitFor();
      expect(faults).toEqual([]);
      await context.close();
    },
  );

  test("a node is revoked with a reason, and is in no round any more", patience, async () => {
    const { page, context, faults } = await openView(chromium, running.url, { role: "operator", view: "members" });
    const [node = ""] = running.federation.parts.map((part) => part.node).slice(-1);
    await operate(page, "Revoke a node", { node, reason: "its contract ended" });
    const entry = await entryOf("roster");
    expect([entry["revoked"], entry["reason"]]).toEqual([[node], "its contract ended"]);
    const row = page.getByRole("grid", { name: "Roster" }).getByRole("row").filter({ hasText: node });
    await row.getByText("revoked").waitFor();
    await page.getByRole("button", { name: "Revoke a node", exact: true }).click();
    expect(await page.locator("dialog[open] select option").allTextContents()).not.toContain(node);
    await page.keyboard.press("Escape");
    await seenInBoth(page, entry, ["revoke", "a-operator", node, "its contract ended"]);
    const after = () =>
      Promise.resolve(
        ledgerEntries(running.federation.platform).filter(
          ({ kind, index }) => kind === "round" && Number(index) > Number(entry["index"]),
        ),
      );
    const rounds = await until(after, (found) => found.length > 0);
    for (const { cohort } of rounds) expect(cohort).not.toContain(node);
    expect(faults).toEqual([]);
    await context.close();
  });
});
