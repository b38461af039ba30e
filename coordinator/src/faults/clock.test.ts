/** A machine's clock that jumps by days while a federation runs on it: rounds go on by timers that nobody sets, and the ledger's times never go back. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { until } from "../scripted-node.test-support.ts";
import { readStatus } from "../status.ts";
import { roundsOf, startTrial, type Trial } from "./trial.test-support.ts";

const day = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), "tributary-clock-"));
const clock = join(folder, "offset");
let trial: Trial | undefined;
let child: ChildProcess | undefined;
afterEach(async () => {
  child?.kill("SIGKILL");
  await trial?.end();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(home: string): Promise<string> {
  const [entry, jumping] = ["../serve.test-support.ts", "./clock.test-support.ts"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  ) as [string, string];
  const env = { ...process.env, TRIBUTARY_TEST_CLOCK: clock };
  child = spawn(process.execPath, ["--import", jumping, entry, home], { stdio: ["ignore", "pipe", "ignore"], env });
  if (child.stdout === null) throw new Error("no stdout");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return (JSON.parse(line.toString()) as { url: string }).url;
}

function jump(offset: number): void {
  writeFileSync(clock, String(offset));
  child?.kill("SIGUSR2");
}

test("forward in the middle of a round, and back while somebody who is gone is waited for", { timeout: 120_000 }, async () => {
  const running = await startTrial();
  trial = running;
  await running.server().close();
  const url = await serve(running.home);
  const [north, , , west] = running.nodes;
  north.beforeUpload = async ({ round }) => {
    if (round === 1) jump(30 * day);
  };
  const told = async () => Date.parse((await fetch(`${url}/v1/plan`)).headers.get("date") ?? "");
  west.beforeUpload = async ({ round }) => {
    if (round !== 1) return;
    await until("the clock has jumped", async () => (await told()) > Date.now() + day);
    // it goes in this round, so the next one waits for it for a while; meanwhile the clock is set right
    west.disconnect();
    await until("it is seen to be gone", async () => !(await readStatus(running.place)).connected.includes(west.node));
    jump(-day);
    throw new Error("it uploads nothing");
  };
  for (const node of running.nodes) await node.connect(url);
  await running.finished();
  const entries = running.entries();
  const rounds = roundsOf(entries);
  expect(rounds).toEqual(rounds.map((_, index) => index + 1));
  const times = entries.map(({ at }) => Date.parse(at));
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times.at(0)).toBeLessThan(Date.now() + day);
  expect(times.at(-1)).toBeGreaterThan(Date.now() + 29 * day);
});
