import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { phaseFigures, roundFigures } from "./round/figures.ts";
import { growthChart } from "./round/growth.ts";
import type { PhaseCost } from "./round/phase-meter.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-round-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** What the command prints; whatever it leaves behind stands in `folder`. */
async function bench(...words: readonly string[]) {
  const args = ["--disable-warning=ExperimentalWarning", main, "bench", "round", ...words, "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, TMPDIR: folder } });
  return JSON.parse(stdout);
}

const figure = expect.any(Number);
const figures = { seconds: figure, fastest: figure, slowest: figure, cpuSeconds: figure, bytesPerNode: figure };
const fixed = { secure: figures, plain: figures, ratio: figure, bytesPerNode: figure, coordinator: { peakMb: figure } };

describe("bench round", () => {
  test("runs rounds in real processes, checks their sums, prints its figures and leaves nothing behind", async () => {
    const document = await bench("--nodes", "4", "--parameters", "2000", "--rounds", "1", "--dropouts", "0.25");
    expect(document).toMatchObject(fixed);
    const { parameters, phases, dropouts } = document;
    expect(dropouts).toBe(1);
    expect(phases.map(({ phase }: { phase: string }) => phase)).toEqual([
      ...["keys", "shares", "masked", "consistency", "unmask", "summing", "applying"],
    ]);
    const masked = phases[2].bytesIn;
    expect(masked).toBeGreaterThan(3 * 4 * parameters); // of the three that did not fall silent
    expect(masked).toBeLessThan(4 * 4 * parameters);
    expect(existsSync(folder) && readdirSync(folder).filter((name) => name.startsWith("tributary-bench"))).toEqual([]);
  }, 120_000);

  test("with --bits 16 uploads are half as long, in processes and simulated", async () => {
    const small = ["--nodes", "4", "--parameters", "30000", "--rounds", "1"];
    for (const how of [[], ["--simulated"]]) {
      const packed = await bench(...small, ...how, "--bits", "16");
      expect(packed.bits).toBe(16);
      const { parameters, uploadBytesPerNode } = packed;
      expect(uploadBytesPerNode).toBeGreaterThan(2 * parameters);
      expect(uploadBytesPerNode).toBeLessThan(2 * 2 ** Math.ceil(Math.log2(parameters)) + 2000); // and its message
    }
  }, 120_000);

  test("simulated, it stands beside the bare cipher over as many bytes as the round's masks", async () => {
    const document = await bench("--simulated", "--nodes", "5", "--parameters", "2000", "--rounds", "1", "--dropouts", "0.2");
    expect(document).toMatchObject({
      ...fixed,
      masks: { cipherSeconds: figure, ratio: figure, cpuRatio: figure, loopRatio: figure, loopCpuRatio: figure },
    });
    // 4 nodes put on 5 streams each; 4 own masks and 1 · 4 pairs come off
    expect(document.masks.bytes).toBe(4 * document.parameters * (4 * 5 + 4 + 4));
  }, 60_000);
});

describe("figures", () => {
  const cost = (round: number, phase: string, seconds: number, bytesIn = 0): PhaseCost => ({
    ...{ round, phase, seconds, cpuSeconds: seconds / 2, bytesIn, bytesOut: 10 },
  });

  test("are medians over rounds of what all phases of a round took, and bytes of one node", () => {
    const secure = [1, 2, 9].flatMap((seconds, place) => [cost(place + 2, "keys", seconds), cost(place + 2, "masked", 1, 90)]);
    const nodes = [2, 3, 4].flatMap((round) => [cost(round, "masked", 4), cost(round, "masked", 8)]);
    expect(roundFigures(secure, nodes, 2)).toEqual({
      ...{ seconds: 3, fastest: 2, slowest: 10, cpuSeconds: 7.5, bytesPerNode: (90 + 20) / 2 },
    });
    expect(phaseFigures({ secure, nodes }, 2).find(({ phase }) => phase === "masked")).toEqual({
      ...{ phase: "masked", seconds: 1, coordinatorCpuSeconds: 0.5, nodeCpuSeconds: 3, bytesIn: 90, bytesOut: 10 },
    });
  });

  test("as pictures stand by themselves", () => {
    const row = (nodes: number, cpuSeconds: number) => ({
      ...{ grows: "nodes" as const, nodes, parameters: 1000, bytesPerNode: 1, secure: { seconds: 1, cpuSeconds } },
    });
    const chart = growthChart([row(10, 1), row(20, 3)], "nodes");
    expect(chart).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" .*<style>.*<\/svg>\n$/);
    expect(chart.match(/<circle/g)).toHaveLength(2);
  });
});
