/**
 * Measures the coordinator's page in this machine's browser and prints JSON: first paint on loopback, what its scripts weigh, how long the verifier takes for
 * an entry, and the frame rate at which a map of 1,000 rounds and 1,000 nodes and a ledger of 10,000 entries are scrolled. Run it on a quiet machine:
 *
 *   npx -y pnpm@10 exec node --disable-warning=ExperimentalWarning test/pages/measure-coordinator.ts
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { builtPage } from "@tributary/dashboard";
import type { Browser, Page } from "playwright-core";
import { writeMadeUpLedger } from "../../packages/cli/src/commands/bench/ledger/made-up-ledger.ts";
import { killAll, temporaryFolder, until } from "../e2e/processes.ts";
import { launchBrowser, openPage, browser as program, scriptSizes, titled } from "./browser.ts";
import { addAccounts, openView, type PageFederation, pageFederation, withoutWebCrypto } from "./coordinator-federation.ts";

const loads = 15;
const extent = 1000;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Milliseconds to the first contentful paint of the login page, each in a browser context that has nothing of it yet. */
async function firstPaints(chromium: Browser, url: string): Promise<number[]> {
  const paints: number[] = [];
  for (let load = 0; load < loads; load++) {
    const { page, context } = await openPage(chromium, url);
    await page.locator("#name").waitFor();
    const paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
    paints.push(
      (await until(
        () => page.evaluate(paint),
        (time) => time !== null,
      )) as number,
    );
    await context.close();
  }
  return paints;
}

/** A ledger's lines as the page gets them: rounds of everybody, of whom some drop out. Nothing in it verifies, and nothing of that is measured. */
function madeUpLedger(genesis: string): string[] {
  const names = Array.from({ length: extent }, (_, place) => `n${String(place).padStart(4, "0")}`);
  const at = "2026-11-30T10:00:00.000Z";
  const beginning = { ...JSON.parse(genesis), roster: names.map((node) => ({ node })) };
  const rounds = Array.from({ length: extent }, (_, place) => {
    const sharers = names.filter((_name, node) => (node * 7 + place * 13) % 97 !== 0);
    const survivors = sharers.filter((_name, node) => (node * 11 + place * 5) % 89 !== 0);
    const spent = { epsilon: String(place / extent) };
    return { at, kind: "round", index: place + 1, round: place + 1, release: 0, cohort: names, sharers, survivors, spent };
  });
  const notes = Array.from({ length: 9 * extent - 1 }, (_, place) => ({
    ...{ at, kind: "operator", index: extent + 1 + place, action: "pause", operator: "night-shift", reason: `note ${place}` },
  }));
  return [beginning, ...rounds, ...notes].map((entry) => JSON.stringify(entry));
}

interface Scrolling {
  readonly framesPerSecond: number;
  /** Between two frames. */
  readonly longestFrameMs: number;
  /** Processor time of the page's own thread, whatever else the machine does: 16.7 is what 60 frames a second leave. */
  readonly threadMsPerFrame: number;
  readonly extent: string;
}

/** Scrolls an element to and fro for three seconds, a step a frame. */
async function scrolled(page: Page, selector: string): Promise<Scrolling> {
  const debug = await page.context().newCDPSession(page);
  await debug.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => {
    const { metrics } = await debug.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
  };
  const before = await busy();
  const {
    frames,
    seconds,
    longest,
    extent: size,
  } = (await page.evaluate(`new Promise((resolve) => {
    const box = document.querySelector(${JSON.stringify(selector)});
    const times = [];
    const began = performance.now();
    let way = 1;
    const step = (now) => {
      times.push(now);
      if (now - began > 3000) {
        const gaps = times.slice(1).map((time, at) => time - times[at]);
        return resolve({
          frames: gaps.length,
          seconds: (times.at(-1) - times[0]) / 1000,
          longest: Math.max(...gaps),
          extent: box.scrollWidth + " x " + box.scrollHeight + " px",
        });
      }
      const before = box.scrollTop;
      box.scrollTop += way * 37;
      box.scrollLeft += way * 29;
      if (box.scrollTop === before) way = -way;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`)) as { frames: number; seconds: number; longest: number; extent: string };
  const threadMs = 1000 * ((await busy()) - before);
  const tenths = (value: number) => Math.round(10 * value) / 10;
  return {
    ...{ framesPerSecond: tenths(frames / seconds), longestFrameMs: tenths(longest) },
    ...{ threadMsPerFrame: tenths(threadMs / frames), extent: size },
  };
}

async function large(chromium: Browser, { url }: PageFederation) {
  const { page, context } = await openView(chromium, url, { role: "viewer" });
  const [genesis = ""] = (await (await fetch(`${url}/v1/ledger`)).text()).split("\n", 1);
  const lines = madeUpLedger(genesis);
  await context.route("**/v1/ledger?*", (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get("from"));
    return route.fulfill({
      contentType: "text/plain",
      body: lines
        .slice(from)
        .map((line) => `${line}\n`)
        .join(""),
    });
  });
  const since = performance.now();
  await page.evaluate("location.hash = '#/cohorts'");
  await page.locator(".map").waitFor();
  await page.locator(".virtual-row", { hasText: "n0003" }).waitFor();
  const seconds = (performance.now() - since) / 1000;
  const map = await scrolled(page, ".map");
  // without the verification, which would take the other processor
  await page.evaluate("location.hash = '#/members'");
  await page.evaluate("location.hash = '#/ledger'");
  await page.locator("[data-test=entries]", { hasText: "10,000 entries" }).waitFor();
  const table = await scrolled(page, ".virtual");
  await context.close();
  return { secondsToMap: Number(seconds.toFixed(1)), map, table };
}

/** Entries of the ledger that is verified, of four merchants: eight signatures in each, all of them genuine. */
const verifiedEntries = 2000;

/**
 * Milliseconds an entry, from the ledger's being there to the verdict.
 * @param lines of a valid ledger, as the page gets it
 */
async function verified(chromium: Browser, { url }: PageFederation, lines: readonly string[], by: "webCrypto" | "threads") {
  const { page, context } = await openView(chromium, url, { role: "viewer" });
  if (by === "threads") await withoutWebCrypto(context);
  await context.route("**/v1/ledger?*", (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get("from"));
    const body = lines
      .slice(from)
      .map((line) => `${line}\n`)
      .join("");
    return route.fulfill({ contentType: "text/plain", body });
  });
  await page.evaluate("location.hash = '#/ledger'");
  const verdict = page.locator("[data-test=verdict][data-verified=true]");
  await verdict.waitFor({ timeout: 600_000 });
  const text = await verdict.textContent();
  await context.close();
  const [, entries = "", minutes = "0", seconds = ""] = /([\d,]+) entries in (?:(\d+) min )?([\d.]+) s/.exec(text ?? "") ?? [];
  const took = 60 * Number(minutes) + Number(seconds);
  return Number(((1000 * took) / Number(entries.replaceAll(",", ""))).toPrecision(3));
}

async function measure() {
  const folder = temporaryFolder("measure-coordinator");
  const chromium = await launchBrowser();
  try {
    const running = await pageFederation(folder.path, { merchants: 3, rounds: 12, customers: 60 });
    await addAccounts(running.federation.platform);
    // in a checkout it is built by whoever opens it first
    const built = await builtPage("coordinator");
    const cold = await firstPaints(chromium, running.url);
    await running.startNodes();
    const finished = async () => ((await (await fetch(`${running.url}/v1/status`)).json()) as { finished: boolean }).finished;
    await until(finished, (done) => done, 300);
    const ledger = join(folder.path, "valid.jsonl");
    writeMadeUpLedger(ledger, verifiedEntries);
    const valid = readFileSync(ledger, "utf8").trimEnd().split("\n");
    const sizes = Object.fromEntries(scriptSizes(built));
    return {
      firstPaintMs: { median: Math.round(median(cold)), most: Math.round(Math.max(...cold)), loads },
      scriptsGzip: sizes,
      verifyMsPerEntry: {
        webCrypto: await verified(chromium, running, valid, "webCrypto"),
        threads: await verified(chromium, running, valid.slice(0, verifiedEntries / 4), "threads"),
      },
      ...(await large(chromium, running)),
    };
  } finally {
    await chromium.close();
    killAll();
    folder.remove();
  }
}

if (program === undefined) throw new Error(titled("nothing to measure with"));
console.log(JSON.stringify(await measure(), null, 2));
