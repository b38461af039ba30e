/**
 * A real browser for the tests of pages. It is looked for and never fetched: `TRIBUTARY_BROWSER`, then the names below on PATH, then the usual places.
 * Without one these tests are skipped, and their titles say why: `describe.skipIf(browser === undefined)(titled("the page"), …)`.
 */
import { accessSync, constants, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { root } from "../e2e/processes.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge"];
const places = [
  "/usr/bin",
  "/usr/local/bin",
  "/snap/bin",
  "/opt/google/chrome",
  "/Applications/Google Chrome.app/Contents/MacOS",
  "/Applications/Chromium.app/Contents/MacOS",
  "C:\\Program Files\\Google\\Chrome\\Application",
];
const bundled = ["Google Chrome", "Chromium", "chrome.exe"];

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (_) {
    return false;
  }
};

function findBrowser(): string | undefined {
  const asked = process.env["TRIBUTARY_BROWSER"];
  if (asked !== undefined && asked !== "") return isProgram(asked) ? asked : undefined;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...places];
  return folders.flatMap((folder) => [...names, ...bundled].map((name) => join(folder, name))).find(isProgram);
}

/** The browser's program; undefined where there is none. */
export const browser = findBrowser();

/** A title that says why, where the tests below it are skipped. */
export function titled(title: string): string {
  if (browser !== undefined) return title;
  const asked = process.env["TRIBUTARY_BROWSER"];
  return asked === undefined || asked === ""
    ? `${title} (no browser here: install chromium, or name one by TRIBUTARY_BROWSER)`
    : `${title} (TRIBUTARY_BROWSER is no program: ${asked})`;
}

/** One browser for a test file; close it in `afterAll`. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(browser === undefined ? {} : { executablePath: browser }),
    // containers run as root and have a small /dev/shm
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

export type Look = { readonly theme: "light" | "dark"; readonly language: "en" | "zh" };
/** The four that every page is shown in. */
export const looks: readonly Look[] = (["light", "dark"] as const).flatMap((theme) =>
  (["en", "zh"] as const).map((language) => ({ theme, language })),
);

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Requests to anybody but the page's own server, and what the page's policy or scripts complained of: stays empty on a page that behaves. */
  readonly faults: string[];
}

/**
 * Opens a page in a context of its own. @param width CSS pixels; 360 is the narrowest that pages promise to work at
 * @param storageState what another context ended with: its session, say
 */
export async function openPage(
  on: Browser,
  url: string,
  {
    look = { theme: "light", language: "en" },
    width = 1280,
    height = 860,
    storageState,
  }: {
    readonly look?: Look;
    readonly width?: number;
    readonly height?: number;
    readonly storageState?: Awaited<ReturnType<BrowserContext["storageState"]>>;
  } = {},
): Promise<OpenPage> {
  const context = await on.newContext({
    viewport: { width, height },
    colorScheme: look.theme,
    locale: look.language === "zh" ? "zh-CN" : "en-US",
    timezoneId: "Europe/Berlin",
    reducedMotion: "reduce",
    ...(storageState === undefined ? {} : { storageState }),
  });
  // machines that build and test at once are slow
  context.setDefaultTimeout(90_000);
  const page = await context.newPage();
  const faults = watchFaults(page, new URL(url).origin);
  await page.goto(url);
  return { page, context, faults };
}

function watchFaults(page: Page, origin: string): string[] {
  const faults: string[] = [];
  page.on("request", (request) => {
    const { protocol, origin: of } = new URL(request.url());
    if (protocol !== "data:" && protocol !== "blob:" && of !== origin) faults.push(`outside request: ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.stack ?? error.message}`));
  page.on("console", (message) => {
    // a browser logs every refused request by itself; what is done about refusals is what tests look at
    if (message.type() === "error" && !/^Failed to load resource/.test(message.text()))
      faults.push(`console: ${message.text()}`);
  });
  return faults;
}

/** `test-results/<page>-<light|dark>-<en|zh>.png`, of the whole page. @returns its path */
export async function screenshot({ page }: OpenPage, name: string, { theme, language }: Look): Promise<string> {
  const folder = join(root, "test-results");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}-${theme}-${language}.png`);
  await page.screenshot({ path, fullPage: true });
  return path;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds serious or critical, in words; empty is what to expect. Other findings count as well where they are of WCAG 2.1 A or AA. */
export async function axeFindings({ page }: OpenPage): Promise<readonly string[]> {
  // by the debugger: the page's own policy lets no script of ours in
  await page.evaluate(axeSource);
  const { violations } = (await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })",
  )) as AxeResults;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

/** Whether anything of the page is wider than the window, which would make it scroll sideways. */
export async function isTooWide({ page }: OpenPage): Promise<boolean> {
  return (await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")) as boolean;
}

/** Octets of a built page's scripts, each compressed with gzip as it would be sent. */
export function scriptSizes(folder: string): ReadonlyMap<string, number> {
  const scripts = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".js"));
  return new Map(scripts.map((file) => [file, gzipSync(readFileSync(join(folder, file)), { level: 9 }).length]));
}
