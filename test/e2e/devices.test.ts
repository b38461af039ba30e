/**
 * A federation of devices: homes with one customer each, a plan from `plan new --unit node`, rounds by the nodes as they are. And what device mode refuses.
 */
import { writeFileSync } from "node:fs";
import { importEvents, joinFederation, logTo, type Outcome, startNode, trustPeers } from "@tributary/client";
import { createInvite, type RunningCoordinator, startCoordinator } from "@tributary/coordinator";
import { afterEach, expect, test } from "vitest";
import { catalogue, columns, header, historyOf, planned } from "./device-federation.ts";
import { joinedHome } from "./joined-home.ts";
import { begin, killAll, temporaryFolder } from "./processes.ts";
import { ledgerEntries } from "./small-federation.ts";

const folder = temporaryFolder("devices");
afterEach(killAll);
const quiet = () => logTo(() => {});
/** Long enough for processes that share two cores. */
const deadlines = {
  ...{ keys: 6000, shares: 6000, uploadOffset: 700, masked: 8000 },
  ...{ consistency: 6000, unmask: 6000, grace: 20_000 },
};

test("devices of one customer each run the rounds of a plan for whole nodes, and no more", { timeout: 240_000 }, async () => {
  const rounds = 2;
  const { plan, platform, catalogueBytes } = await planned(folder, { rounds, devices: 3, deadlines });
  const log = quiet();
  let coordinator: RunningCoordinator | undefined;
  const running: { close(): Promise<void> }[] = [];
  try {
    coordinator = await startCoordinator({ home: platform, port: 0, plan, catalogue: catalogueBytes, log });
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
      const report = await importEvents({ home, files: [historyOf(folder, person)], columns, device: true });
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
