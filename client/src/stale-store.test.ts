/** A home restored from a backup, with its real files: it is told, refuses, is recovered, and pays for nothing twice. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatDecimal, type HeadStatement } from "@tributary/protocol";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeBudget } from "./budget.ts";
import { startTestCoordinator, type TestCoordinator, testPlan } from "./coordinator.test-support.ts";
import { layoutOf } from "./home/layout.ts";
import { importEvents } from "./import.ts";
import { joinFederation } from "./join.ts";
import { recoverOver } from "./recover.ts";
import { type RunningNode, runNode } from "./running/start.ts";
import { trustPeers } from "./trust.ts";

const names = ["alpha", "beta", "gamma", "delta"] as const;
let folder: string;
let coordinator: TestCoordinator;
let running: RunningNode[] = [];
let logged: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-client-"));
  // one of four may be missing, and one of them may be corrupt: two heads confirm
  const base = testPlan();
  const release = base.releases[0];
  if (release === undefined) throw new Error("no release");
  const wider = { ...release, rounds: 3, scale: formatDecimal(Number(release.scale) / 4), noiseMultiplier: formatDecimal(4) };
  coordinator = await startTestCoordinator({ ...base, maxCorrupt: 1, releases: [wider] });
  running = [];
  logged = [];
  for (const name of names) await join1(name);
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.close()));
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

const homeOf = (name: string) => join(folder, name);
const fingerprints: string[] = [];

async function join1(name: string): Promise<void> {
  const rows = ["customer,item,action,time"];
  for (let event = 0; event < 40; event++) rows.push(`${name}-${event % 8},item-${10 + (event % 9)},view,${1.7e9 + event}`);
  const file = join(folder, `${name}.csv`);
  writeFileSync(file, `${rows.join("\n")}\n`);
  const { fingerprint } = await joinFederation({ invite: coordinator.invite(name), home: homeOf(name) });
  await importEvents({ home: homeOf(name), files: [file] });
  fingerprints.push(fingerprint);
  if (fingerprints.length % names.length > 0) return;
  for (const one of names) await trustPeers({ home: homeOf(one), fingerprints: fingerprints.slice(-names.length) });
}

async function start(name: string): Promise<RunningNode> {
  const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
  const node = await runNode({ home: homeOf(name), log, trainingThreads: 1 }, coordinator.transport);
  running.push(node);
  return node;
}

async function stop(node: RunningNode | undefined): Promise<void> {
  if (node === undefined) throw new Error("no node");
  running = running.filter((one) => one !== node);
  await node.close();
}

const backup = (name: string) => cpSync(homeOf(name), join(folder, `backup of ${name}`), { recursive: true });
function restore(name: string): void {
  rmSync(homeOf(name), { recursive: true });
  cpSync(join(folder, `backup of ${name}`), homeOf(name), { recursive: true });
}
const ledgerReaches = (entries: number) =>
  expect.poll(() => coordinator.ledger.length, { timeout: 25_000, interval: 20 }).toBeGreaterThanOrEqual(entries);
const charged = async (name: string) => (await nodeBudget({ home: homeOf(name) })).byKind[0]?.charged;

/** Holds back every offer of a round from this one on, so that a test can look around between two rounds. */
function holdFrom(round: number): () => void {
  let holding = true;
  coordinator.deliver = (_, message) => !(holding && message.step === "offer" && message.round >= round);
  return () => {
    holding = false;
  };
}

test("restored after a round: told, refused, recovered with everything counted, and it takes part again", async () => {
  holdFrom(2);
  const [alpha] = await Promise.all(names.map(start));
  backup("alpha"); // before it ever paid; running, as backups of careless people are
  coordinator.begin();
  await ledgerReaches(2);
  await expect.poll(() => charged("alpha"), { timeout: 10_000 }).toBe(1);
  await stop(alpha);
  const paid = await charged("alpha");
  restore("alpha");
  logged = [];
  expect(await charged("alpha")).toBe(0);

  const stale = await start("alpha");
  await expect(stale.finished).rejects.toMatchObject({ code: "TRB_NODE_STALE_STORE", exitCode: 3 });
  await stop(stale);

  const recovered = await recoverOver({ home: homeOf("alpha") }, coordinator.transport);
  expect(recovered.heads).toBe(3);
  expect(recovered.rounds).toContain(1);
  expect(recovered.budget.byKind[0]?.charged).toBeGreaterThanOrEqual(paid ?? 1);
  expect(await recoverOver({ home: homeOf("alpha") }, coordinator.transport)).toMatchObject({ rounds: [] });
  logged = [];
  const again = await start("alpha");
  await expect.poll(() => logged.some((line) => line.includes('"connected"')), { timeout: 10_000 }).toBe(true);
  expect(await charged("alpha")).toBe(recovered.budget.byKind[0]?.charged);
  await stop(again);
  expect(readFileSync(layoutOf(homeOf("alpha")).ledger, "utf8")).toContain(coordinator.ledger[1]);
}, 60_000);

test("a coordinator that shows a restored node an old ledger is found out by its peers, and pays for nothing twice", async () => {
  holdFrom(2);
  const nodes = await Promise.all(names.map(start));
  coordinator.begin();
  await expect.poll(() => coordinator.ledger.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(1);
  backup("alpha");
  await ledgerReaches(2);
  await expect.poll(() => charged("alpha"), { timeout: 10_000 }).toBe(1);
  await stop(nodes[0]);
  restore("alpha");
  logged = [];

  // only the first entry, as if the round had never been, and its offer once more
  coordinator.show = (lines, from) => (from === 0 ? lines.slice(0, 1) : lines); // the others have more
  coordinator.deliver = (to) => to !== "alpha";
  const [offer] = coordinator.offers;
  const answered: HeadStatement[] = [];
  coordinator.relay = (_, heads) => {
    answered.push(...heads);
    return heads;
  };
  const restored = await start("alpha");
  await expect.poll(() => logged.some((line) => line.includes('"connected"')), { timeout: 10_000 }).toBe(true);
  await expect(coordinator.tell("alpha", offer)).rejects.toMatchObject({ code: "TRB_NODE_LEDGER_WITHHELD" });
  expect(await charged("alpha")).toBeLessThanOrEqual(1);

  // without heads, or with heads to another question, there is nobody to confirm it either
  coordinator.relay = () => [];
  await expect(coordinator.tell("alpha", offer)).rejects.toMatchObject({ code: "TRB_NODE_PEERS_MISSING" });
  coordinator.relay = () => answered; // genuine, and to another question
  await expect(coordinator.tell("alpha", offer)).rejects.toMatchObject({ code: "TRB_NODE_PEERS_MISSING" });
  await expect(recoverOver({ home: homeOf("alpha") }, coordinator.transport)).rejects.toMatchObject({
    code: "TRB_NODE_HOME_BUSY",
  });
  await stop(restored);
  await expect(recoverOver({ home: homeOf("alpha") }, coordinator.transport)).rejects.toMatchObject({
    code: "TRB_NODE_PEERS_MISSING",
  });
  coordinator.relay = (_, heads) => heads;
  await expect(recoverOver({ home: homeOf("alpha") }, coordinator.transport)).rejects.toMatchObject({
    code: "TRB_NODE_LEDGER_WITHHELD",
  });
}, 60_000);
