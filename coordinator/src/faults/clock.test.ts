/** A machine's clock that jumps by days while a federation runs on it: rounds go on by timers that nobody sets, and the ledger's times never go back. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
  const entry = fileURLToPath(new URL("../serve.test-support.ts", import.meta.url));
  const jumping = new URL("./clock.test-support.ts", import.meta.url).href;
  const env = { ...process.env, TRIBUTARY_TEST_CLOCK: clock };
  child = spawn(process.execPath, ["--import", jumping, entry, home], { stdio: ["ignore", "pipe", "ignore"], env });
  if (child.stdout === null) throw new Error("no stdout");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return (JSON.parse(line.toString()) as { url: string }).url;
}

async function jump(offset: number): Promise<void> {
  writeFileSync(clock, String(offset));
  child?.kill("SIGUSR2");
  await until("the clock has jumped", () => !existsSync(clock));
}

test("forward in the middle of a round, and back while somebody who is gone is waited for", { timeout: 120_000 }, async () => {
  const running = await startTrial();
  trial = running;
  await running.server().close();
  const url = await serve(running.home);
  const west = running.nodes[3];
  west.beforeUpload = async ({ round }) => {
    if (round !== 1) return;
    await jump(30 * day);
    // it goes in this round, so the next one waits for it for a while; meanwhile the clock is set right
    west.disconnect();
    await until("it is seen to be gone", async () => !(await readStatus(running.place)).connected.includes(west.node));
    await jump(-day);
    throw new Error("it uploads nothing");
  };
  for (const node of running.nodes) await node.connect(url);
  await running.finished();
  const entries = running.entries();
  const rounds = roundsOf(entries);
  expect(rounds).toEqual(rounds.map((_, index) => index + 1));
  expect(entries.flatMap((entry) => (entry.kind === "round" ? [entry.survivors.length] : []))).toContain(3);
  // by the clock all that followed was a day before the first entry
  expect(entries.map(({ at }) => at)).toEqual(entries.map(() => entries[0]?.at));
});
