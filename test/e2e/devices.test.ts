/**
 * A federation of devices: homes with one customer each, a plan from `plan new --unit node`, rounds by the nodes as they are. And what device mode refuses.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { importEvents, joinFederation, logTo, type Outcome, startNode, trustPeers } from "@tributary/client";
import { createInvite, type RunningCoordinator, startCoordinator } from "@tributary/coordinator";
import { makeCatalogue, seededRandom } from "@tributary/events";
import { afterEach, expect, test } from "vitest";
import { joinedHome } from "./joined-home.ts";
import { begin, killAll, temporaryFolder, tributaryJson } from "./processes.ts";
import { ledgerEntries } from "./small-federation.ts";

const folder = temporaryFolder("devices");
afterEach(killAll);
const items = Array.from({ length: 30 }, (_, item) => `item-${item}`);
const catalogue = makeCatalogue(items.map((id) => ({ id })));
const columns = { customer: "user", item: "item", action: "action", time: "ts" };
const quiet = () => logTo(() => {});
const header = "user,item,action,ts\n";

/** Visits of one person. */
function historyOf(person: string): string {
  const random = seededRandom(36, "devices", person);
  const rows = Array.from({ length: 12 }, (_, at) => `${person},item-${random.below(30)},view,${1_700_000_000 + 60 * at}`);
  const path = folder.file(`${person}.csv`);
  writeFileSync(path, `${header}${rows.join("\n")}\n`);
  return path;
}

/** Long enough for processes that share two cores. */
const deadlines = {
  ...{ keys: 6000, shares: 6000, uploadOffset: 700, masked: 8000 },
  ...{ consistency: 6000, unmask: 6000, grace: 20_000 },
};

async function planned(rounds: number): Promise<{ readonly plan: object; readonly platform: string }> {
  const platform = folder.file("platform");
  const [catalogueFile, planFile] = [folder.file("catalogue.jsonl"), folder.file("plan.json")];
  writeFileSync(catalogueFile, items.map((id) => `${JSON.stringify({ id })}\n`).join(""));
  await tributaryJson([
    ...["plan", "new", "--home", platform, "--catalogue", catalogueFile, "--unit", "node", "--out", planFile],
    ...["--customers", "3", "--merchants", "3", "--epsilon", "8", "--rounds", String(rounds)],
  ]);
  return { plan: { ...JSON.parse(readFileSync(planFile, "utf8")), deadlines }, platform };
}

test("devices of one customer each run the rounds of a plan for whole nodes, and no more", { timeout: 240_000 }, async () => {
  const rounds = 2;
  const { plan, platform } = await planned(rounds);
  const log = quiet();
  const bytes = readFileSync(folder.file("catalogue.jsonl"));
  let coordinator: RunningCoordinator | undefined;
  const running: { close(): Promise<void> }[] = [];
  try {
    coordinator = await startCoordinator({ home: platform, port: 0, plan, catalogue: bytes, log });
    const people = ["ann", "bob", "cid"];
    const fingerprints: string[] = [];
    for (const person of people) {
      const { invite } = await createInvite(platform, { node: person, url: coordinator.url, hours: 1 });
      const joined = await joinFederation({ invite, home: folder.file(person), device: true });
      fingerprints.push(joined.fingerprint);
    }
    for (const person of people) {
      const home = folder.file(person);
      await trustPeers({ home, fingerprints });
      const report = await importEvents({ home, files: [historyOf(person)], columns, device: true });
      expect([report.customers, report.kept]).toEqual([1, 12]);
    }
    // one of them is the command itself, in a process of its own
    const [first = "", ...others] = people.map((person) => folder.file(person));
    const command = begin(["node", "start", "--home", first, "--device", "--until-done"]);
    const nodes = await Promise.all(others.map((home) => startNode({ home, device: true, log })));
    running.push(...nodes);
    expect(nodes.map(({ device }) => device)).toEqual(others.map(() => ({ most: rounds, charged: 0 })));
    await coordinator.finished;
    const outcomes: Outcome[] = await Promise.all(nodes.map(({ finished }) => finished));
    const { exitCode, stdout } = await command.outcome;
    const [started, ended] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(started).toMatchObject({ event: "started", mostRounds: rounds, chargedRounds: 0 });
    expect([exitCode, ended]).toEqual([0, { event: "ended", peakMb: expect.any(Number) }]);
    for (const { ended, charged, epsilon } of outcomes) {
      expect([ended, charged]).toEqual(["ledgerClosed", rounds]);
      expect(epsilon).toBeLessThanOrEqual(8);
      expect(epsilon).toBeGreaterThan(0);
    }
    const entries = ledgerEntries(platform);
    expect(entries.filter(({ kind }) => kind === "release" || kind === "round")).toHaveLength(rounds);
    expect(JSON.stringify(entries[0])).toContain('"kind":"device"');
  } finally {
    for (const node of running) await node.close();
    await coordinator?.close();
  }
});

test("a plan that protects customers, and a home of several people, are refused with a code", {
  timeout: 120_000,
}, async () => {
  const merchant = folder.file("merchant");
  await joinedHome(merchant, catalogue);
  const two = folder.file("two.csv");
  writeFileSync(two, `${header}ann,item-1,view,1\nbob,item-2,view,2\n`);
  await expect(importEvents({ home: merchant, files: [two], columns, device: true })).rejects.toMatchObject({
    code: "TRB_NODE_DEVICE_PLAN",
    exitCode: 3,
  });
  await importEvents({ home: merchant, files: [two], columns });
  await expect(startNode({ home: merchant, device: true, log: quiet() })).rejects.toMatchObject({
    code: "TRB_NODE_DEVICE_PLAN",
  });

  const phone = folder.file("ann"); // of the test before
  const wrong = importEvents({ home: phone, files: [two], columns, device: true });
  await expect(wrong).rejects.toMatchObject({ code: "TRB_NODE_DEVICE_CUSTOMERS", details: { customers: 2 } });
  const again = await startNode({ home: phone, device: true, log: quiet() }); // what was there is there
  expect(again.device).toEqual({ most: 2, charged: 2 });
  await again.close();
  await importEvents({ home: phone, files: [two], columns });
  await expect(startNode({ home: phone, device: true, log: quiet() })).rejects.toMatchObject({
    code: "TRB_NODE_DEVICE_CUSTOMERS",
  });
});
