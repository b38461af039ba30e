/** The current model's blob, gone or altered while a federation runs: whoever needs it is told so by code, and the rounds go on by themselves once it is back. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { until } from "../scripted-node.test-support.ts";
import { deployments, roundsOf, startTrial, type Trial } from "./trial.test-support.ts";

let trial: Trial | undefined;
afterEach(() => trial?.end());

const harms = [
  ["gone", (path: string) => rmSync(path), "TRB_COORDINATOR_BLOB_UNKNOWN"],
  ["altered", (path: string) => alter(path), "TRB_COORDINATOR_STORE_DAMAGED"],
] as const;

describe.each(deployments())("on $name", (beneath) => {
  beforeAll(() => beneath.start(), 90_000);
  afterAll(() => beneath.stop());

  test.each(harms.filter(([name]) => beneath.name === "SQLite" || name === "altered"))(
    "%s: coded, and on when it is restored",
    { timeout: 90_000 },
    async (_, harm, code) => {
      const { promise: harmed, resolve } = Promise.withResolvers<void>();
      const running = await startTrial({ coordinator: beneath.options() });
      trial = running;
      const path = join(running.home, "blobs", running.plan.initialModelHash);
      const content = readFileSync(path);
      const [north] = running.nodes;
      north.beforeUpload = async ({ round }) => {
        if (round !== 1) return;
        harm(path);
        resolve();
      };
      await running.connectAll();
      await harmed;
      const url = `${running.server().url}/v1/blobs/${running.plan.initialModelHash}`;
      await expect(fetch(url).then(downloaded)).resolves.not.toEqual(content);
      await until("the engine says why it stopped", () => running.stops().includes(code), 30_000);
      expect(roundsIn(running)).toBe(0);
      const [status, reason] = await ready(running);
      expect(reason).toBe(code);
      if (beneath.name === "SQLite") expect(status).toBe(503); // another replica may lead
      writeFileSync(path, content);
      await running.finished();
      const rounds = roundsOf(running.entries());
      expect(rounds).toEqual(rounds.map((_, index) => index + 1));
      expect(await downloaded(await fetch(url))).toEqual(content);
      expect(await ready(running)).toEqual([200, null]);
    },
  );
});

/** Whether nodes and operators are to be sent here, and what has stopped the engine. */
async function ready({ server }: Trial): Promise<readonly [number, string | null | undefined]> {
  const { status } = await fetch(`${server().url}/readyz`);
  const answer = await fetch(`${server().url}/healthz`);
  const { checks } = (await answer.json()) as { checks: readonly { name: string; reason: string | null }[] };
  return [status, checks.find(({ name }) => name === "engine")?.reason];
}

function alter(path: string): void {
  const octets = readFileSync(path);
  octets[octets.length - 1] = (octets.at(-1) ?? 0) ^ 1;
  writeFileSync(path, octets);
}

const roundsIn = ({ log }: Trial) => log.filter((line) => "kind" in line && line.kind === "round").length;

/** What came; undefined where it was refused, or broke off before its end. */
async function downloaded(answer: Response): Promise<Buffer | undefined> {
  if (answer.status !== 200) return undefined;
  return await answer.arrayBuffer().then(
    (octets) => Buffer.from(octets),
    () => undefined,
  );
}
