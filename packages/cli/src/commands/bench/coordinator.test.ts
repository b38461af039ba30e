import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { downloadOnce } from "./coordinator/downloads.ts";
import { coordinatorFigures } from "./coordinator/figures.ts";
import { watchLoop } from "./coordinator/loop-delay.ts";
import type { PhaseUsage, Usage } from "./coordinator/words.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-coordinator-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** What the command prints; whatever it leaves behind stands in `folder`. */
async function bench(...words: readonly string[]) {
  const args = ["--disable-warning=ExperimentalWarning", main, "bench", "coordinator", ...words, "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, TMPDIR: folder } });
  return JSON.parse(stdout);
}

const figure = expect.any(Number);
const small = ["--nodes", "20", "--cohort", "8", "--parameters", "5000", "--download", "100000"];

describe("bench coordinator", () => {
  test("runs a round of some of the nodes that are connected, checks its sum, sends a model to all, and leaves nothing behind", async () => {
    const document = await bench(...small);
    expect(document).toMatchObject({
      ...{ nodes: 20, cohort: 8, rounds: 1, replicas: 1, slices: [], refused: [] },
      coordinator: { seconds: figure, peakMb: figure, releaseSeconds: figure },
      ...{ eventLoopP99Ms: figure, eventLoopMaxMs: figure },
      download: { mbPerSecond: figure, seconds: figure, mb: 2 },
    });
    expect(document.phases.map(({ phase }: { phase: string }) => phase)).toEqual([
      ...["keys", "shares", "masked", "consistency", "unmask", "summing", "applying"],
    ]);
    const inPhases = document.phases.reduce((sum: number, phase: { cpuSeconds: number }) => sum + phase.cpuSeconds, 0);
    expect(document.coordinator.seconds).toBeGreaterThan(0.5 * inPhases);
    expect(existsSync(folder) && readdirSync(folder).filter((name) => name.startsWith("tributary-bench"))).toEqual([]);
  }, 120_000);

  if (process.env["TRIBUTARY_LONG"] === "1")
    test("three replicas on PostgreSQL share a sum's slices", async () => {
      const document = await bench(...small, "--replicas", "3");
      expect(document.slices).toHaveLength(3);
      expect(document.slices.reduce((sum: number, share: number) => sum + share, 0)).toBeCloseTo(1, 9);
    }, 240_000);

  test("wants no more nodes in a round than are connected", async () => {
    const refusal = await bench("--nodes", "5", "--cohort", "6").catch(({ code, stdout }) => ({ code, ...JSON.parse(stdout) }));
    expect(refusal).toMatchObject({ code: 2, error: { code: "TRB_CLI_BAD_OPTION" } });
  }, 60_000);
});

describe("downloads", () => {
  const model = Buffer.from(Array.from({ length: 1_001 }, (_, i) => i % 251));
  const sha256 = createHash("sha256").update(model).digest("hex");

  /** Serves ranges and tags of a content, as the coordinator does. */
  async function served(content: Buffer, work: (url: string) => Promise<void>): Promise<void> {
    const server = createServer(({ headers }, response) => {
      if (headers["if-none-match"] === `"${sha256}"`) return void response.writeHead(304).end();
      const [, from = "", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
      const part = content.subarray(Number(from), to === "" ? undefined : Number(to) + 1);
      response.writeHead(206, { "content-length": part.length }).end(part);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    try {
      await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.close();
    }
  }

  test("count what came in two parts and are held to the content's name and length", async () => {
    const order = { sha256, octets: model.length, checked: true };
    await served(model, async (url) => {
      expect(await downloadOnce({ url, ...order })).toBe(model.length);
      await expect(downloadOnce({ url, ...order, octets: 1_000 })).rejects.toMatchObject({ code: "TRB_UNEXPECTED" });
    });
    const bent = Buffer.from(model);
    bent[700] = 252;
    await served(bent, async (url) => {
      await expect(downloadOnce({ url, ...order })).rejects.toMatchObject({ code: "TRB_UNEXPECTED" });
      expect(await downloadOnce({ url, ...order, checked: false })).toBe(model.length);
    });
  });
});

describe("figures", () => {
  const usage = (cpuSeconds: number, slices: number, p99Ms: number): Usage => ({
    ...{ cpuSeconds, slices, peakMb: 1, loop: { p99Ms, maxMs: 2 * p99Ms, busyP99Ms: p99Ms / 10, busyMaxMs: p99Ms / 2 } },
  });
  const phase = (round: number, name: string, seconds: number): PhaseUsage => ({
    ...{
      round,
      phase: name,
      seconds,
      cpuSeconds: seconds / 2,
      loop: { p99Ms: round, maxMs: 3 * round, busyP99Ms: 0, busyMaxMs: round / 2 },
    },
  });
  const measured = {
    ...{ dimension: 10, peakMb: 321, refused: [], download: { octets: 8e6, seconds: 2 } },
    // what was before the first measured round belongs to none of them
    usages: [
      [usage(100, 50, 99), usage(104, 56, 5), usage(110, 62, 7)],
      [usage(20, 8, 99), usage(21, 14, 1), usage(22, 14, 2)],
    ],
    phases: [2, 3].flatMap((round) => [phase(round, "keys", 1), phase(round, "summing", round), phase(round, "applying", 1)]),
  };

  test("are of all replicas together and medians over rounds; delays are the worst, slices each replica's part", () => {
    const figures = coordinatorFigures(measured);
    expect(figures.coordinator).toEqual({ seconds: (5 + 7) / 2, peakMb: 321, releaseSeconds: 3.5 });
    expect(figures).toMatchObject({
      eventLoopP99Ms: 7,
      eventLoopMaxMs: 14,
      eventLoopBusyP99Ms: 0.7,
      eventLoopBusyMaxMs: 3.5,
      slices: [12 / 18, 6 / 18],
    });
    expect(figures.download).toEqual({ mbPerSecond: 4, seconds: 2, mb: 8 });
    expect(figures.phases.map(({ phase: name }) => name)).toEqual(["keys", "summing", "applying"]);
    expect(figures.phases[1]).toEqual({
      ...{ phase: "summing", seconds: 2.5, cpuSeconds: 1.25, eventLoopP99Ms: 3, eventLoopMaxMs: 9, eventLoopBusyMaxMs: 1.5 },
    });
  });

  test("an event loop that was kept for a time shows it, and is asked anew afterwards", async () => {
    const watch = watchLoop();
    const turn = () => new Promise((resolve) => setTimeout(resolve, 40));
    await turn();
    watch.since();
    for (const end = performance.now() + 150; performance.now() < end; );
    await turn();
    const { maxMs, p99Ms, busyMaxMs } = watch.since();
    expect(maxMs).toBeGreaterThan(120); // kept for 150 ms; less the timers' own distance
    expect(p99Ms).toBeLessThanOrEqual(maxMs);
    expect(busyMaxMs).toBeGreaterThan(0); // how much of it depends on what else the machine does
  });
});
