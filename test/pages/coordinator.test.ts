/** The coordinator's page in a real browser, before a real federation: three nodes in processes of their own, rounds one after another. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { builtPage } from "@tributary/dashboard";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killAll, temporaryFolder } from "../e2e/processes.ts";
import { ledgerEntries } from "../e2e/small-federation.ts";
import {
  axeFindings,
  isTooWide,
  launchBrowser,
  type OpenPage,
  openPage,
  browser as program,
  screenshot,
  scriptSizes,
  titled,
} from "./browser.ts";
import { addAccounts, logIn, openView, type PageFederation, pageFederation, password, show } from "./coordinator-federation.ts";

const folder = temporaryFolder("coordinator-page");
const patience = { timeout: 120_000 };
let chromium: Browser;
let running: PageFederation;
let elsewhere: Server;

/** The ledger as the page gets it, changed on its way. */
async function withLedger(context: BrowserContext, change: (text: string) => string): Promise<void> {
  await context.route("**/v1/ledger?*", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: change(await answer.text()) });
  });
}

/** What is on its way through a route is nobody's any more. */
async function leave({ context }: OpenPage): Promise<void> {
  await context.unrouteAll({ behavior: "ignoreErrors" });
  await context.close();
}

describe.skipIf(program === undefined)(titled("the coordinator's page"), () => {
  beforeAll(async () => {
    [chromium, running] = await Promise.all([
      launchBrowser(),
      pageFederation(folder.path, { merchants: 3, rounds: 80, customers: 60, deadlines: { uploadOffset: 1200 } }),
    ]);
  }, 120_000);

  afterAll(async () => {
    elsewhere?.close();
    await chromium?.close();
    killAll();
    folder.remove();
  });

  test(
    "says how to make the first account, and refuses strangers by code; nothing is there yet, and that is said",
    patience,
    async () => {
      const opened = await openPage(chromium, running.url);
      const { page } = opened;
      await page.locator("[data-test=first-account]").waitFor();
      expect(await page.locator("[data-test=first-account] code").textContent()).toContain(
        "tributary coordinator operator add",
      );
      await addAccounts(running.federation.platform);
      await page.reload();
      await page.locator("#name").fill("a-viewer");
      await page.locator("#password").fill("not the password");
      await page.locator("form button[type=submit]").click();
      await page.locator("[role=alert] code", { hasText: "TRB_ACCESS_LOGIN_REFUSED" }).waitFor();
      expect(await page.locator("[data-test=first-account]").count()).toBe(0);
      await logIn(opened, "viewer");
      await show(page, "round");
      await page.locator("[data-test=no-round]").waitFor();
      await show(page, "quality");
      await page.locator("[data-test=no-metrics]").waitFor();
      expect(opened.faults).toEqual([]);
      await opened.context.close();
    },
  );

  test(
    "a viewer is offered nothing that changes anything, and refused if asked all the same; an operator pauses nothing by another's page",
    patience,
    async () => {
      const viewer = await openView(chromium, running.url, { role: "viewer" });
      for (const view of ["overview", "members"] as const) {
        await show(viewer.page, view);
        await viewer.page.locator("main h2").waitFor();
        expect(await viewer.page.locator("main button").count()).toBe(0);
      }
      expect(await viewer.page.locator('nav a[href="#/audit"]').count()).toBe(0);
      const pause = `fetch("/v1/operators/pause", { method: "POST", body: "{}",
      headers: { "content-type": "application/json", "x-tributary-operator": "1" } }).then((answer) => answer.json()).then(({ code }) => code)`;
      expect(await viewer.page.evaluate(pause)).toBe("TRB_ACCESS_ROLE");
      await viewer.context.close();

      const operator = await openView(chromium, running.url, { role: "operator" });
      await operator.page.getByRole("button", { name: "Pause" }).waitFor();
      // a page of another origin on this very machine, with the operator's cookies at hand
      const attack = `<form method="post" action="${running.url}/v1/operators/pause" enctype="text/plain"><input name='{"reason":"' value='"}'></form>
      <script>
        const send = (headers) => fetch("${running.url}/v1/operators/pause", { method: "POST", credentials: "include", body: "{}", headers }).then(() => "read", () => "refused");
        Promise.all([send({}), send({ "content-type": "application/json", "x-tributary-operator": "1" })]).then((sent) => { document.title = sent.join(); });
      </script>`;
      elsewhere = createServer((_request, response) => response.writeHead(200, { "content-type": "text/html" }).end(attack));
      await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
      const evil = await operator.context.newPage();
      await evil.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
      await evil.waitForFunction("document.title.includes('refused')");
      expect(await evil.title()).toBe("refused,refused");
      const [answer] = await Promise.all([
        evil.waitForResponse((response) => response.url().endsWith("/pause")),
        evil.evaluate("document.forms[0].submit()"),
      ]);
      expect(answer.status()).toBeGreaterThanOrEqual(400);
      expect(
        await operator.page.evaluate(
          `fetch("/v1/operators/status", { headers: { "x-tributary-operator": "1" } }).then((a) => a.json()).then((s) => s.waiting + " " + s.phase)`,
        ),
      ).toMatch(/^\d+ joining$/);
      await operator.context.close();
    },
  );

  test("an invite is made, shown once, and revoked", patience, async () => {
    const { page, context, faults } = await openView(chromium, running.url, { role: "operator", view: "members" });
    await page.getByRole("button", { name: "Invite a node" }).click();
    await page.locator("dialog[open] input[name=node]").fill("bookshop");
    expect(await page.locator("dialog[open] input[name=url]").inputValue()).toBe(running.url);
    await page.keyboard.press("Enter");
    const invite = await page.locator("[data-test=invite] code").textContent();
    expect(invite).toMatch(/^\S{60,}$/);
    const row = page.locator("table tr", { hasText: "bookshop" });
    await row.getByText("open").waitFor();
    await row.getByRole("button", { name: "Revoke" }).click();
    await row.getByText("expired").waitFor();
    await page.reload();
    await page.locator("table tr", { hasText: "bookshop" }).waitFor();
    expect(await page.content()).not.toContain(invite ?? "");
    expect(faults).toEqual([]);
    await context.close();
  });

  test(
    "a live round is seen step by step, with who is at it, what has come and how long it is waited for",
    patience,
    async () => {
      const opened = await openView(chromium, running.url, { role: "auditor", view: "round" });
      const { page } = opened;
      await running.startNodes();
      await page.locator("[data-test=round]").waitFor();
      await page.locator("[data-step][aria-current=step]").waitFor();
      expect(
        await page.locator("[data-step]").evaluateAll((steps) => steps.map((step) => step.getAttribute("data-step"))),
      ).toEqual([...["offer", "keys", "shares", "masked", "consistency", "unmask", "apply"]]);
      // phases are seen to pass, and rounds after them
      await page.locator("[data-step=masked][aria-current=step]", { hasText: "merchant-" }).waitFor();
      await page.getByRole("grid", { name: "Rounds so far" }).getByText("released").first().waitFor();
      expect(await page.locator("dd", { hasText: /B of .*kB/ }).count()).toBe(1);
      await screenshot(opened, "coordinator-round", { theme: "light", language: "en" });
      expect(opened.faults).toEqual([]);
      await opened.context.close();
    },
  );

  test(
    "the ledger is verified in the browser: green with what that doesn't show, and pinned by a fingerprint from elsewhere",
    patience,
    async () => {
      const { page, context, faults } = await openView(chromium, running.url, { role: "viewer", view: "ledger" });
      const verdict = page.locator("[data-test=verdict]");
      await verdict.waitFor();
      expect(await verdict.getAttribute("data-verified")).toBe("true");
      expect(await verdict.textContent()).toContain("Consistent in itself");
      expect(await page.locator("[data-test=unchecked] li").count()).toBe(7);
      await page.locator("input[name=key]").fill(String(running.coordinator().ready["fingerprint"]));
      await page.getByRole("button", { name: "Verify" }).click();
      await page.locator("[data-test=verdict]", { hasText: "by the coordinator whose fingerprint you gave" }).waitFor();
      await page.locator("input[name=key]").fill("ab".repeat(32));
      await page.getByRole("button", { name: "Verify" }).click();
      await page.locator("[data-test=verdict][data-verified=false] code", { hasText: "TRB_LEDGER_KEY_MISMATCH" }).waitFor();
      // by keys alone: to the table, to an entry, and it is read
      await page.getByRole("grid", { name: "Ledger" }).focus();
      await page.keyboard.press("Home");
      await page.locator(".entry", { hasText: '"kind": "genesis"' }).waitFor();
      expect(page.url()).toContain("#/ledger/0");
      await show(page, "privacy");
      expect(await page.locator("[data-test=epsilon]", { hasText: "at the plan's end" }).textContent()).toMatch(/ 8$/);
      expect(faults).toEqual([]);
      await context.close();
    },
  );

  test("what metrics released is a line with the band that the noise leaves; another metric is chosen", patience, async () => {
    const opened = await openView(chromium, running.url, { role: "viewer" });
    const known = (estimate: number) => ({ estimate, interval: [estimate / 2, estimate * 1.5] });
    const drowned = { estimate: null, interval: null };
    const metrics = [1, 2, 3].map((round) => ({
      ...{ round, release: 1, modelHash: "ab".repeat(32), deviation: 1, confidence: 0.95, method: "fieller", sums: {} },
      ...{ customers: known(100), hr10: known(0.1 * round), ndcg10: known(0.05), mrr: drowned, loss: known(4) },
      newItems: { customers: known(10), hr10: drowned, ndcg10: drowned },
    }));
    await opened.context.route("**/v1/operators/status", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...((await answer.json()) as object), metrics } });
    });
    const { page } = opened;
    await show(page, "quality");
    await page.locator("[data-test=interval]", { hasText: "95 %: 15 % to 45 %" }).waitFor();
    await page.locator(".u-legend").waitFor();
    await page.locator("main select").selectOption("mrr");
    await page.getByText("In 3 rounds the noise drowns this metric").waitFor();
    expect(opened.faults).toEqual([]);
    await leave(opened);
  });

  test("an operator pauses with a reason, which the ledger says, and resumes", patience, async () => {
    const { page, context, faults } = await openView(chromium, running.url, { role: "operator" });
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator("dialog[open] input[name=reason]").fill("a <b>backup</b>");
    await page.keyboard.press("Enter");
    await page.getByText("It is written as soon as no round is under way").waitFor();
    await page.locator("[data-test=phase]", { hasText: "paused" }).waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.locator("dialog[open] button[type=submit]").click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await show(page, "audit");
    await page.getByRole("grid", { name: "Audit log" }).getByText("a <b>backup</b>").waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  test("a tampered ledger is red, with the entry and the rule that fails", patience, async () => {
    const place = ledgerEntries(running.federation.platform).findIndex(({ kind }) => kind === "round");
    const opened = await openView(chromium, running.url, { role: "viewer" });
    await withLedger(opened.context, (text) => {
      const lines = text.split("\n");
      return lines
        .map((line, at) => (at === place ? line.replace(/"epsilon":"[\d.]+"/, '"epsilon":"0.0001"') : line))
        .join("\n");
    });
    await opened.page.evaluate('location.hash = "#/ledger"');
    const verdict = opened.page.locator("[data-test=verdict]");
    await verdict.waitFor();
    expect(await verdict.getAttribute("data-verified")).toBe("false");
    const first = verdict.locator("li").first();
    expect(await first.locator("a").getAttribute("href")).toBe(`#/ledger/${place}`);
    expect(await first.locator("code").textContent()).toMatch(/^TRB_LEDGER_/);
    expect(await verdict.textContent()).toContain("TRB_LEDGER_EPSILON_UNDERSTATED");
    expect(await opened.page.locator(".virtual-row.bad").count()).toBeGreaterThan(0);
    await leave(opened);
  });

  test("ten thousand entries are a table of which only what is in view is drawn", patience, async () => {
    const opened = await openView(chromium, running.url, { role: "viewer" });
    const [genesis = ""] = (await (await fetch(`${running.url}/v1/ledger`)).text()).split("\n", 1);
    const entry = (index: number) =>
      `{"action":"pause","at":"2026-11-30T10:00:00.000Z","index":${index},"kind":"operator","operator":"night-shift","reason":"entry ${index}"}`;
    const lines = [genesis, ...Array.from({ length: 9_999 }, (_, at) => entry(at + 1))];
    await opened.context.route("**/v1/ledger?*", (route) => {
      const from = Number(new URL(route.request().url()).searchParams.get("from"));
      const body = lines.slice(from).map((line) => `${line}\n`);
      return route.fulfill({ contentType: "text/plain", body: body.join("") });
    });
    const { page } = opened;
    await page.evaluate('location.hash = "#/ledger"');
    await page.locator("[data-test=entries]", { hasText: "10,000 entries" }).waitFor();
    const grid = page.getByRole("grid", { name: "Ledger" });
    expect(await grid.getAttribute("aria-rowcount")).toBe("10001");
    await grid.focus();
    await page.keyboard.press("End");
    await grid.getByText("entry 9999").waitFor();
    expect(await grid.getByRole("row").count()).toBeLessThan(60);
    await leave(opened);
  });

  test("hostile names are harmless and stay in their places", patience, async () => {
    const hostile = [
      "<img src=x onerror=\"document.title='owned'\">",
      "\u202Egnp.exe\u202C",
      "n".repeat(200),
      "<script>document.title='owned'</script>",
    ];
    const opened = await openView(chromium, running.url, { role: "operator", width: 360 });
    await opened.context.route("**/v1/operators/{roster,status}", async (route) => {
      const answer = await route.fetch();
      const document = (await answer.json()) as { members?: { member: { node: string } }[]; federation?: string };
      document.members?.forEach((member, place) => {
        member.member.node = hostile[place] ?? "";
      });
      if (document.federation !== undefined) document.federation = hostile[3] ?? "";
      await route.fulfill({ response: answer, json: document });
    });
    const { page } = opened;
    await show(page, "members");
    await page.getByRole("grid", { name: "Roster" }).getByText("<img src=x").waitFor();
    expect(await page.locator("img, main script").count()).toBe(0);
    expect(await page.locator("main").textContent()).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
    await page.locator("header h1", { hasText: "<script>" }).waitFor();
    expect(await isTooWide(opened)).toBe(false);
    expect(opened.faults).toEqual([]);
    await leave(opened);
  });

  test("a session that has ended asks to log in again, and goes on at the same view", patience, async () => {
    const opened = await openView(chromium, running.url, { role: "auditor", view: "audit" });
    const { page, context } = opened;
    await page.getByRole("grid", { name: "Audit log" }).getByText("add-operator").first().waitFor();
    await context.clearCookies();
    await page.getByText("Your session has ended").waitFor();
    await page.locator("#name").fill("a-auditor");
    await page.locator("#password").fill(password);
    await page.keyboard.press("Enter");
    await page.getByRole("grid", { name: "Audit log" }).waitFor();
    expect(page.url()).toContain("#/audit");
    expect(opened.faults).toEqual([]);
    await context.close();
  });

  test(
    "nothing serious by axe, and nothing wider than a window of 360 pixels; all looks are looked at in the long mode",
    patience,
    async () => {
      const look = { theme: "dark", language: "zh" } as const;
      const opened = await openView(chromium, running.url, { role: "operator", look, width: 360 });
      for (const view of ["overview", "round", "plan", "ledger"] as const) {
        await show(opened.page, view);
        expect([view, await axeFindings(opened), await isTooWide(opened)]).toEqual([view, [], false]);
        if (view !== "plan") continue;
        const sentences = await opened.page.locator("[data-test=explained] p").allTextContents();
        expect(sentences.length).toBeGreaterThan(15);
        for (const sentence of sentences) expect(sentence).toMatch(/\p{Script=Han}.*。$/u); // the whole plan in the page's language
      }
      await screenshot(opened, "coordinator-ledger", look);
      expect(opened.faults).toEqual([]);
      await opened.context.close();
    },
  );

  test("a coordinator that is gone is said to be, asked again, and found again by itself", patience, async () => {
    const opened = await openView(chromium, running.url, { role: "viewer" });
    const { page } = opened;
    await running.coordinator().kill();
    await page.locator("[data-test=gone]").waitFor();
    expect(await page.locator("[data-test=phase]").count()).toBe(1);
    await running.restart();
    await page.locator("[data-test=gone]").waitFor({ state: "detached" });
    await page.locator("[data-test=phase]").waitFor();
    expect(opened.faults).toEqual([]);
    await opened.context.close();
  });

  test("its scripts weigh 120 kB at most, compressed, without the verifier's thread, which is fetched when a ledger is looked at", async () => {
    const sizes = [...scriptSizes(await builtPage("coordinator"))];
    const weigh = (of: (file: string) => boolean) =>
      sizes.filter(([file]) => of(file)).reduce((sum, [, octets]) => sum + octets, 0);
    const isThread = (file: string) => file.includes("worker") || file.includes("signature-thread");
    const page = weigh((file) => !isThread(file));
    const verifier = weigh((file) => file.includes("worker"));
    // fetched by a browser that has no Ed25519 of its own
    const signatures = weigh((file) => file.includes("signature-thread"));
    console.log(
      `the coordinator's page: ${page} octets of scripts, the verifier's thread ${verifier}, one for signatures ${signatures}, by gzip`,
    );
    expect(signatures).toBeGreaterThan(1_000);
    expect(signatures).toBeLessThanOrEqual(20_000);
    expect(page).toBeGreaterThan(10_000);
    expect(page).toBeLessThanOrEqual(120_000);
    expect(verifier).toBeLessThanOrEqual(140_000);
  });
});
