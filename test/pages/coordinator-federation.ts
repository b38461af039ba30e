/** A real federation for the coordinator's page: its processes, an account of each role, and a browser that is logged in. */
import { writeFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { type Service, service, tributaryJson } from "../e2e/processes.ts";
import { joinAll, type SmallFederation, type SmallOptions, smallFederation } from "../e2e/small-federation.ts";
import { type Look, type OpenPage, openPage } from "./browser.ts";

export const password = "correct horse battery staple";
export const roles = ["viewer", "auditor", "operator"] as const;
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

/** An account of each role, by the command; none is named as its role, which other tests' names are. */
export async function addAccounts(platform: string, folder: string): Promise<void> {
  const file = `${folder}/password`;
  writeFileSync(file, `${password}\n`);
  for (const role of roles) {
    const words = ["coordinator", "operator", "add", "--home", platform, "--name", `a-${role}`, "--role", role];
    await tributaryJson([...words, "--password-file", file]);
  }
}

export async function logIn({ page }: OpenPage, role: Role): Promise<void> {
  await page.locator("#name").fill(`a-${role}`);
  await page.locator("#password").fill(password);
  await page.locator("form button[type=submit]").click();
  await page.locator("nav").waitFor();
}

/** A page that is logged in, at a view. */
export async function openView(
  browser: Browser,
  url: string,
  {
    role,
    view = "",
    look,
    width,
  }: { readonly role: Role; readonly view?: string; readonly look?: Look; readonly width?: number },
): Promise<OpenPage> {
  const opened = await openPage(browser, `${url}/#/${view}`, {
    ...(look === undefined ? {} : { look }),
    ...(width === undefined ? {} : { width }),
  });
  await logIn(opened, role);
  return opened;
}
