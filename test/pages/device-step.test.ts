/**
 * A device's training step in a browser is the one of a node: the same graph, and the same update within the float error that the privacy proof allows for.
 * How long it takes there and natively is printed, by taking turns on this machine; nothing is asserted of that.
 */
import { join } from "node:path";
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { build, preview } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { grid, measureStep, type StepMeasured } from "../../client/web/bench/step.ts";
import { root, temporaryFolder } from "../e2e/processes.ts";
import { browser, launchBrowser, titled } from "./browser.ts";

const folder = temporaryFolder("device-step");
const turns = 15;
/** Of C, by which a float32 run may differ from another one (DESIGN §4, `bucketed`). */
const allowance = 2 ** -10;

const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...chunked(a, b));
/** Norms of stretches: an argument each is too many for one call. */
function chunked(a: readonly number[], b: readonly number[]): number[] {
  const norms: number[] = [];
  for (let start = 0; start < a.length; start += 1000) {
    norms.push(Math.hypot(...a.slice(start, start + 1000).map((value, at) => value - (b[start + at] ?? Number.NaN))));
  }
  return norms;
}
const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

describe.skipIf(browser === undefined)(titled("a device's training step"), () => {
  let inBrowser: StepMeasured;
  let native: StepMeasured;
  let twin: StepMeasured;
  const closing: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    const outDir = folder.file("page");
    const page = join(root, "client/web/bench");
    await build({
      ...{ root: page, base: "./", configFile: false, logLevel: "error" },
      build: { outDir, assetsInlineLimit: 0 },
    });
    const served = await preview({
      ...{ root: page, configFile: false, logLevel: "error" },
      build: { outDir },
      preview: { port: 0 },
    });
    closing.push(() => served.close());
    const chromium = await launchBrowser();
    closing.push(() => chromium.close());
    const tab = await chromium.newPage();
    await tab.goto(served.resolvedUrls?.local[0] ?? "");
    await tab.waitForFunction("globalThis.measured !== undefined");
    native = await measureStep(onnxruntimeExecutor(), turns);
    inBrowser = (await tab.evaluate(`measured(${turns})`)) as StepMeasured;
    twin = await measureStep(float64Interpreter(), 0);
  }, 240_000);
  afterAll(async () => {
    for (const close of closing) await close();
  });

  test("is of the same graph as a node's", () => {
    expect(inBrowser.graphHash).toBe(native.graphHash);
  });

  test("comes to the update of the float64 twin, within what the sensitivity allows for, and so does the native one", () => {
    const unit = grid.scale * 2 ** grid.fractionBits;
    const norm =
      distance(
        twin.total,
        twin.total.map(() => 0),
      ) / unit;
    expect(norm).toBeGreaterThan(0.5); // it was clipped to 1, or is at least no update of nothing
    for (const { total } of [inBrowser, native]) {
      expect(total).toHaveLength(twin.total.length);
      expect(distance(total, twin.total) / unit).toBeLessThan(allowance * grid.clipNorm);
    }
  });

  test("takes so many times as long as the native one", () => {
    const [there, here] = [median(inBrowser.milliseconds), median(native.milliseconds)];
    console.log(
      JSON.stringify({
        browserMs: Number(there.toFixed(2)),
        nativeMs: Number(here.toFixed(2)),
        ratio: Number((there / here).toFixed(2)),
      }),
    );
    expect([inBrowser.milliseconds.length, native.milliseconds.length]).toEqual([turns, turns]);
  });
});
