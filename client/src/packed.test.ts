/** Devices whose updates are sent in 16 bits, as nodes that train in their own workers and upload: two rounds, paid for and in the ledger. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choosePackedSum } from "@tributary/dp";
import { verifyLedger } from "@tributary/ledger";
import { formatDecimal, lintPlan, type Plan, planCost, type Release } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestCoordinator, type TestCoordinator, testPlan } from "./coordinator.test-support.ts";
import { importEvents } from "./import.ts";
import { joinFederation } from "./join.ts";
import { type RunningNode, runNode } from "./running/start.ts";
import { trustPeers } from "./trust.ts";

const names = ["alpha", "beta", "gamma"] as const;
let folder: string;
let coordinator: TestCoordinator;
let running: RunningNode[] = [];

function packedTestPlan(): Plan {
  const base = testPlan();
  const [training] = base.releases as [Release];
  const { dimension } = training;
  const noise = { noiseMultiplier: 3, maxNodes: 3, honestMinimum: 3 };
  const { scale, mostSquared } = choosePackedSum({ bits: 16, dimension, clipNorm: 1, ...noise });
  const release: Release = {
    ...training,
    ...{ arithmetic: "exact", samplingRate: formatDecimal(1), noiseMultiplier: formatDecimal(3), fractionBits: 20 },
    ...{ scale: formatDecimal(scale), packing: { bits: 16, squaredSensitivity: mostSquared } },
  };
  const plan: Plan = { ...base, unit: "node", customerQuota: 1, minCustomers: 3, releases: [release] };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-client-"));
  coordinator = await startTestCoordinator(packedTestPlan());
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.close()));
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

test("packed updates are trained, uploaded and released, and the ledger says in how many bits", {
  timeout: 60_000,
}, async () => {
  expect(lintPlan(packedTestPlan(), { nodes: 3 })).toEqual([]);
  const homeOf = (name: string) => join(folder, name);
  const fingerprints: string[] = [];
  for (const name of names) {
    const rows = Array.from(
      { length: 60 },
      (_, n) => `${name}-${n % 10},item-${String((n * 7) % 24).padStart(2, "0")},view,${1e9 + n}`,
    );
    writeFileSync(join(folder, `${name}.csv`), `customer,item,action,time\n${rows.join("\n")}\n`);
    fingerprints.push((await joinFederation({ invite: coordinator.invite(name), home: homeOf(name) })).fingerprint);
    await importEvents({ home: homeOf(name), files: [join(folder, `${name}.csv`)] });
  }
  const log = pino({ level: "silent" });
  for (const name of names) {
    await trustPeers({ home: homeOf(name), fingerprints });
    running.push(await runNode({ home: homeOf(name), log, trainingThreads: 1 }, coordinator.transport));
  }
  coordinator.begin();
  for (const node of running) expect(await node.finished).toMatchObject({ ended: "ledgerClosed", charged: 2 });
  expect(coordinator.uploads).toHaveLength(6);
  const file = new TextEncoder().encode(coordinator.ledger.map((line) => `${line}\n`).join(""));
  expect(verifyLedger(file, { crypto: nodeCrypto() })).toMatchObject({ failures: [], rounds: { released: 2 } });
  expect(coordinator.ledger.map((line) => JSON.parse(line).mechanism?.bits)).toEqual([undefined, 16, 16, undefined]);
});
