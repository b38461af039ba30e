/**
 * A node in the middle of a round, and a coordinator that sends it what no honest one does, correctly signed where that is the point:
 * each message is refused with its code, the node stays where it was, and the round is released with it in it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importEvents, joinFederation, logTo, trustPeers } from "@tributary/client";
import { isTributaryError } from "@tributary/errors";
import type { Message, MessageOf } from "@tributary/protocol";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestCoordinator, type TestCoordinator, testPlan } from "../../client/src/coordinator.test-support.ts";
import { type RunningNode, runNode } from "../../client/src/running/start.ts";
import { extent, type Ground, malformed, mostGrowth } from "./malformed.ts";

const names = ["alpha", "beta", "gamma"];
let folder: string;
let coordinator: TestCoordinator;
const running: RunningNode[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-fuzz-"));
  const plan = testPlan();
  coordinator = await startTestCoordinator({ ...plan, deadlines: { ...plan.deadlines, consistency: 3_600_000 } });
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.close()));
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

async function startAll(): Promise<void> {
  const fingerprints: string[] = [];
  for (const name of names) {
    const rows = ["customer,item,action,time"];
    for (let event = 0; event < 24; event++) rows.push(`${name}-${event % 6},item-${10 + (event % 9)},view,${1.7e9 + event}`);
    const file = join(folder, `${name}.csv`);
    writeFileSync(file, `${rows.join("\n")}\n`);
    fingerprints.push((await joinFederation({ invite: coordinator.invite(name), home: join(folder, name) })).fingerprint);
    await importEvents({ home: join(folder, name), files: [file] });
  }
  const log = logTo(() => undefined);
  for (const name of names) {
    await trustPeers({ home: join(folder, name), fingerprints });
    running.push(await runNode({ home: join(folder, name), log, trainingThreads: 1 }, coordinator.transport));
  }
}

/** What a coordinator can say to a node that has uploaded and waits for the survivors, in vain. */
function ground(survivors: MessageOf<"survivors">): Ground {
  const { signature: _, ...unsigned } = survivors;
  const sign = (changes: object) => coordinator.sign({ ...unsigned, ...changes });
  const say = (step: Message["step"], body: object) => sign({ step, body });
  const { h1 } = survivors.body;
  const hash = "5".repeat(64);
  return {
    base: survivors,
    sign,
    otherSender: "TRB_ROUND_SENDER_UNEXPECTED",
    misplaced: [
      { payload: say("survivors", { h1: hash, survivors: names }), codes: ["TRB_SECAGG_TRANSCRIPT_MISMATCHED"] },
      { payload: say("survivors", { h1, survivors: [...names].reverse() }), codes: ["TRB_SECAGG_SURVIVORS_UNORDERED"] },
      { payload: say("survivors", { h1, survivors: names.slice(1) }), codes: ["TRB_SECAGG_SURVIVORS_NOT_SUBSET"] },
      { payload: say("survivors", { h1, survivors: [...names, "zeta"] }), codes: ["TRB_SECAGG_SURVIVORS_NOT_SUBSET"] },
      { payload: say("survivors", { h1, survivors: names.slice(0, 2) }), codes: ["TRB_SECAGG_TOO_FEW_SURVIVORS"] },
      { payload: say("unmask", { h1, survivors: names, votes: [] }), codes: ["TRB_ROUND_STEP_UNEXPECTED"] },
      { payload: say("adverts", { adverts: [] }), codes: ["TRB_SECAGG_TRANSCRIPT_MISMATCHED"] },
      { payload: say("envelopes", { h1, sharers: names.slice(1), envelopes: [] }), codes: ["TRB_SECAGG_SHARERS_CHANGED"] },
      { payload: say("offer", { release: 0, head: hash }), codes: ["TRB_ROUND_REPLAYED"] },
      {
        payload: say("advert", {
          maskKey: hash,
          encryptionKey: hash,
          seedCommitment: hash,
          head: { entries: 1, hash, signature: "0".repeat(128) },
        }),
        codes: ["TRB_ROUND_SENDER_UNEXPECTED"],
      },
      { payload: say("vote", { h1, choice: { for: "abort" } }), codes: ["TRB_ROUND_SENDER_UNEXPECTED"] },
    ],
  };
}

test("refuses each by its code, and is in the round that is released", async () => {
  const held = Promise.withResolvers<MessageOf<"survivors">>();
  let holding = true;
  coordinator.deliver = (to, message) => {
    if (to !== "alpha" || message.step !== "survivors" || !holding) return true;
    held.resolve(message);
    return false;
  };
  await startAll();
  coordinator.begin();
  const survivors = await held.promise;
  const before = process.memoryUsage().rss;

  await fc.assert(
    fc.asyncProperty(malformed(ground(survivors)), async ({ kind, payload, codes }) => {
      const code = await coordinator.tell("alpha", payload).then(
        () => "accepted",
        (error: unknown) => (isTributaryError(error) ? error.code : String(error)),
      );
      if (!codes.includes(code)) throw new Error(`${kind}: ${code}`);
    }),
    extent(2_000),
  );
  expect(process.memoryUsage().rss - before).toBeLessThan(mostGrowth);

  holding = false;
  await coordinator.tell("alpha", survivors);
  for (const outcome of await Promise.all(running.map((node) => node.finished))) {
    expect(outcome).toMatchObject({ ended: "ledgerClosed", charged: 2 });
  }
  expect(JSON.parse(coordinator.ledger[1] ?? "").survivors).toEqual(names);
}, 600_000);
