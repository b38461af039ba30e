/** A real federation for the coordinator's page: its processes, an account of each role, and a browser that is logged in. */
import { accessAtHome } from "@tributary/coordinator";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { type Service, service } from "../e2e/processes.ts";
import { joinAll, type SmallFederation, type SmallOptions, smallFederation } from "../e2e/small-federation.ts";
import { type Look, type OpenPage, openPage } from "./browser.ts";

export const password = "correct horse battery staple";
const roles = ["viewer", "auditor", "operator"] as const;
export type Role = (typeof roles)[number];

export interface PageFederation {
  readonly federation: SmallFederation;
  readonly url: string;
  coordinator(): Service;
  /** Kills the coordinator, or starts it again where it was. */
  restart(): Promise<void>;
  startNodes(): Promise<readonly Service[]>;
}

export async function pageFederation(folder: string, options: SmallOptions): Promise<PageFederation> {
  const federation = await smallFederation(folder, options);
  const { platform, planFile, catalogueFile, parts } = federation;
  const start = (port: string) =>
    service([
      ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
      ...["--port", port, "--start-when", String(options.merchants)],
    ]);
  let coordinator = await start("0");
  const url = String(coordinator.ready["url"]);
  return {
    ...{ federation, url, coordinator: () => coordinator },
    async restart() {
      coordinator = await start(new URL(url).port);
    },
    async startNodes() {
      await joinAll(federation, folder, url);
      return Promise.all(parts.map(({ node }) => service(["node", "start", "--home", federation.home(node)])));
    },
  };
}

/** An account of each role, made as its command makes it. */
export async function addAccounts(platform: string): Promise<void> {
  const access = accessAtHome(platform);
  for (const role of roles) await access.addOperator({ name: `a-${role}`, role, password });
}

export async function logIn({ page }: OpenPage, role: Role): Promise<void> {
  await page.locator("#name").fill(`a-${role}`);
  await page.locator("#password").fill(password);
  await page.locator("form button[type=submit]").click();
  await page.locator("nav").waitFor();
}

/** Of each role, once it has logged in: a password's hash costs a third of a second. */
const sessions = new Map<Role, Awaited<ReturnType<OpenPage["context"]["storageState"]>>>();

/** A page that is logged in, at a view. */
export async function openView(
  browser: Browser,
  url: string,
  { role, view = "", ...how }: { readonly role: Role; readonly view?: string; readonly look?: Look; readonly width?: number },
): Promise<OpenPage> {
  const storageState = sessions.get(role);
  const opened = await openPage(browser, `${url}/#/${view}`, {
    ...how,
    ...(storageState === undefined ? {} : { storageState }),
  });
  if (storageState === undefined) {
    await logIn(opened, role);
    sessions.set(role, await opened.context.storageState());
  }
  await opened.page.locator("nav").waitFor();
  return opened;
}

/** From here on the page's threads have no WebCrypto, as in a page that came by HTTP from another machine; everything else is as built. */
export async function withoutWebCrypto(context: BrowserContext): Promise<void> {
  const hidden = `Object.defineProperty(Crypto.prototype, "subtle", { get: () => undefined });\n`;
  await context.route("**/assets/worker-*.js", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: hidden + (await answer.text()) });
  });
}

export const views = [
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
] as const;
export type View = (typeof views)[number];

/** What a view shows once it has what it shows. */
const shown: Partial<Record<View, string>> = {
  privacy: ".u-legend",
  cohorts: ".map",
  ledger: "[data-test=verdict]",
  plan: "[data-test=customers]",
  alerts: "[data-test=alerts]",
  account: "main table",
};

/** Goes to a view by its hash link, and waits for what it shows. */
export async function show(page: Page, view: View): Promise<void> {
  await page.evaluate(`location.hash = "#/${view}"`);
  await page.locator(`nav a[href="#/${view}"][aria-current=page]`).waitFor();
  await page
    .locator(shown[view] ?? "main h2")
    .first()
    .waitFor({ timeout: 90_000 });
}
