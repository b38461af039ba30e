/** A node from invite to closed ledger, against the real reducer of the other side. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageOf } from "@tributary/protocol";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { nodeBudget } from "./budget.ts";
import { checkNode } from "./check.ts";
import { startTestCoordinator, type TestCoordinator, testPlan } from "./coordinator.test-support.ts";
import { readHistories } from "./home/histories.ts";
import { layoutOf } from "./home/layout.ts";
import { lockHome } from "./home/lock.ts";
import { importEvents } from "./import.ts";
import { joinFederation } from "./join.ts";
import { type RunningNode, runNode } from "./running/start.ts";
import { changePolicy, trustPeers } from "./trust.ts";

// rounds of three nodes with a training worker each: seconds alone, a minute where others want the cores
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const names = ["alpha", "beta", "gamma"] as const;
let folder: string;
let coordinator: TestCoordinator;
let running: RunningNode[] = [];
let logged: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-client-"));
  coordinator = await startTestCoordinator();
  running = [];
  logged = [];
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.close()));
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

const homeOf = (name: string) => join(folder, name);

/** Each merchant has customers of its own, twelve with six events. */
function writeLog(name: string): string {
  const rows = ["customer,item,action,time"];
  for (let customer = 0; customer < 12; customer++) {
    for (let event = 0; event < 6; event++) {
      const item = String((customer * 5 + event * 3) % 24).padStart(2, "0");
      rows.push(`${name}-private-${customer},item-${item},${event % 2 === 0 ? "view" : "buy"},${1_700_000_000 + event * 60}`);
    }
  }
  const path = join(folder, `${name}.csv`);
  writeFileSync(path, `${rows.join("\n")}\n`);
  return path;
}

async function joinAll(): Promise<void> {
  const joined = [];
  for (const name of names) {
    joined.push(await joinFederation({ invite: coordinator.invite(name), home: homeOf(name) }));
    await importEvents({ home: homeOf(name), files: [writeLog(name)] });
  }
  const fingerprints = joined.map(({ fingerprint }) => fingerprint);
  for (const name of names) await trustPeers({ home: homeOf(name), fingerprints });
}

/** @param trainingThreads more than one where what several of them do is part of the test: each costs a start */
async function start(name: string, trainingThreads = 1): Promise<RunningNode> {
  const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
  const node = await runNode({ home: homeOf(name), log, trainingThreads }, coordinator.transport);
  running.push(node);
  return node;
}

describe("joining", () => {
  test("sends no token to a coordinator that can't prove the invited key", async () => {
    const invite = coordinator.invite("alpha", { fingerprint: "b".repeat(64) });
    await expect(joinFederation({ invite, home: homeOf("alpha") })).rejects.toMatchObject({
      code: "TRB_NODE_COORDINATOR_KEY_MISMATCH",
    });
    expect(coordinator.joins).toEqual([]);
  });

  test("again changes neither identity nor policy nor budget", async () => {
    const first = await joinFederation({ invite: coordinator.invite("alpha"), home: homeOf("alpha") });
    await changePolicy({ home: homeOf("alpha"), maxEpsilon: 3 });
    const again = await joinFederation({ invite: coordinator.invite("alpha"), home: homeOf("alpha") });
    expect(again.fingerprint).toBe(first.fingerprint);
    expect((await nodeBudget({ home: homeOf("alpha") })).limit).toBe(3);
  });

  test("as somebody else with the same home is refused: one home keeps one budget", async () => {
    await joinFederation({ invite: coordinator.invite("alpha"), home: homeOf("alpha") });
    await expect(joinFederation({ invite: coordinator.invite("beta"), home: homeOf("alpha") })).rejects.toMatchObject({
      code: "TRB_NODE_ALREADY_JOINED",
    });
  });

  test("is needed before anything else", async () => {
    await expect(checkNode({ home: homeOf("alpha") })).rejects.toMatchObject({ code: "TRB_NODE_NOT_JOINED" });
    expect(existsSync(homeOf("alpha"))).toBe(false);
  });
});

describe("a node refuses to start", () => {
  test.each([
    ["under a limit below the plan's cost", { maxEpsilon: 1 }, "TRB_POLICY_PLAN_ABOVE_LIMIT"],
    ["with fewer nodes in a round than the merchant wants", { minCohort: 4 }, "TRB_POLICY_COHORT_TOO_SMALL"],
    ["when training isn't permitted", { permittedReleases: [] }, "TRB_POLICY_RELEASE_FORBIDDEN"],
  ])("%s", async (_, change, code) => {
    await joinAll();
    await changePolicy({ home: homeOf("alpha"), ...change });
    await expect(start("alpha")).rejects.toMatchObject({ code });
    const check = await checkNode({ home: homeOf("alpha") });
    expect(check.findings.map((finding) => finding.code)).toContain(code);
    expect(check.accepted).toBe(false);
  });

  test("when the plan means another training graph", async () => {
    await coordinator.close();
    coordinator = await startTestCoordinator(testPlan({ graphHash: "0".repeat(64) as never }));
    await joinAll();
    await expect(start("alpha")).rejects.toMatchObject({ code: "TRB_PLAN_GRAPH_MISMATCH" });
  });

  test("when training begins at a model that was brought along and nobody declared public", async () => {
    await coordinator.close();
    coordinator = await startTestCoordinator(testPlan({ initialModelHash: "0".repeat(64) as never }));
    await joinAll();
    await expect(start("alpha")).rejects.toMatchObject({ code: "TRB_PLAN_INITIAL_MODEL_UNDECLARED" });
  });

  test("when the plan trains what the model doesn't have", async () => {
    await coordinator.close();
    coordinator = await startTestCoordinator(testPlan({ trained: ["blocks.*"] }));
    await expect(joinFederation({ invite: coordinator.invite("alpha"), home: homeOf("alpha") })).rejects.toMatchObject({
      code: "TRB_PLAN_TRAINED_UNFIT",
    });
  });

  test("with a catalogue made from behaviour, unless its merchant runs a demonstration", async () => {
    await coordinator.close();
    coordinator = await startTestCoordinator(testPlan({ catalogueProvenance: "log" }));
    await joinAll();
    await expect(start("alpha")).rejects.toMatchObject({ code: "TRB_PLAN_CATALOGUE_FROM_LOG" });
    await changePolicy({ home: homeOf("alpha"), acceptLogCatalogue: true });
    expect((await start("alpha")).node).toBe("alpha");
  });

  test("when OpenDP is to draw the noise and is not built; else its noise goes out, and the ledger says whose it is", async () => {
    await coordinator.close();
    coordinator = await startTestCoordinator(testPlan({ sampler: "opendp" }));
    await joinAll();
    const { accepted, findings } = await checkNode({ home: homeOf("alpha") });
    if (!accepted) {
      expect(findings.map(({ code }) => code)).toEqual(["TRB_OPENDP_NOT_BUILT"]);
      await expect(start("alpha")).rejects.toMatchObject({ code: "TRB_OPENDP_NOT_BUILT" });
      return;
    }
    const nodes = await Promise.all(names.map((name) => start(name)));
    coordinator.begin();
    for (const { charged } of await Promise.all(nodes.map((node) => node.finished))) expect(charged).toBe(2);
    const samplers = coordinator.ledger.map((line) => JSON.parse(line).mechanism?.sampler);
    expect(samplers).toEqual([undefined, "opendp", "opendp", undefined]);
  });

  test("with too few trusted peers, with no histories, and twice in one home", async () => {
    const { fingerprint } = await joinFederation({ invite: coordinator.invite("alpha"), home: homeOf("alpha") });
    await expect(start("alpha")).rejects.toMatchObject({ code: "TRB_ROUND_TOO_FEW_TRUSTED" });
    // its own key makes nobody more
    await trustPeers({ home: homeOf("alpha"), fingerprints: [fingerprint, "1".repeat(64)] });
    await expect(start("alpha")).rejects.toMatchObject({
      code: "TRB_ROUND_TOO_FEW_TRUSTED",
      details: { trusted: 2, least: 3 },
    });
    await trustPeers({ home: homeOf("alpha"), fingerprints: ["2".repeat(64)] });
    await expect(start("alpha")).rejects.toMatchObject({ code: "TRB_NODE_NO_HISTORIES" });
    await importEvents({ home: homeOf("alpha"), files: [writeLog("alpha")] });
    await start("alpha");
    await expect(start("alpha")).rejects.toMatchObject({ code: "TRB_NODE_HOME_BUSY" });
  });
});

describe("three nodes", () => {
  test("go through the plan's rounds; budget, ledger copy and disk say the same, and nothing private is logged", async () => {
    await joinAll();
    const before = await checkNode({ home: homeOf("alpha") });
    expect(before).toMatchObject({ accepted: true, findings: [], data: { customers: 12, events: 72 } });
    const nodes = await Promise.all(names.map((name) => start(name, 2)));
    coordinator.begin();
    const outcomes = await Promise.all(nodes.map((node) => node.finished));
    for (const [i, outcome] of outcomes.entries()) {
      expect(outcome).toMatchObject({ ended: "ledgerClosed", charged: 2, entries: coordinator.ledger.length });
      const home = homeOf(names[i] ?? "");
      expect(readFileSync(join(home, "ledger.jsonl"), "utf8")).toBe(coordinator.ledger.map((line) => `${line}\n`).join(""));
      const budget = await nodeBudget({ home });
      expect(budget.byKind).toEqual([{ kind: "training", charged: 2, open: 0, refunded: 0, left: 0, epsilon: budget.spent }]);
      expect(budget.spent).toBeGreaterThan(0);
      expect(budget.spent).toBeLessThanOrEqual(budget.limit);
      expect(readdirSync(join(home, "rounds")).sort()).toEqual(["CACHEDIR.TAG", "state.json"]);
    }
    expect(coordinator.ledger.map((line) => JSON.parse(line).kind)).toEqual(["genesis", "round", "round", "closing"]);
    expect(logged.join("")).not.toContain("private");
  });

  test("never upload before the plan's offset, whatever training took", async () => {
    await joinAll();
    const offeredAt = new Map<number, number>();
    coordinator.deliver = (_, message) => {
      if (message.step === "offer" && !offeredAt.has(message.round)) offeredAt.set(message.round, Date.now());
      return true;
    };
    const nodes = await Promise.all(names.map((name) => start(name)));
    coordinator.begin();
    await Promise.all(nodes.map((node) => node.finished));
    expect(coordinator.uploads.length).toBe(6);
    for (const { round, at } of coordinator.uploads) {
      expect(at - (offeredAt.get(round) ?? 0)).toBeGreaterThanOrEqual(coordinator.plan.deadlines.uploadOffset - 5);
    }
  });

  test("a node that stops between its masked vector and the vote comes back, sends the same bytes, and pays once", async () => {
    await joinAll();
    const [alpha, ...others] = await Promise.all(names.map((name) => start(name)));
    const lost = Promise.withResolvers<void>();
    let stopped = false;
    coordinator.deliver = (to, message) => {
      if (to !== "alpha" || message.step !== "survivors" || stopped) return true;
      lost.resolve();
      return false;
    };
    coordinator.begin();
    await lost.promise;
    await alpha?.close();
    stopped = true;
    const charged = await nodeBudget({ home: homeOf("alpha") });
    expect(charged.byKind[0]?.charged).toBe(1);
    const again = await start("alpha");
    await Promise.all([again, ...others].map((node) => node.finished));
    const seen = new Map<string, Set<string>>();
    for (const { round, node, sha256 } of coordinator.uploads) {
      seen.set(`${round} ${node}`, (seen.get(`${round} ${node}`) ?? new Set()).add(sha256));
    }
    expect([...seen.values()].every((hashes) => hashes.size === 1)).toBe(true);
    expect((await nodeBudget({ home: homeOf("alpha") })).byKind[0]?.charged).toBeLessThanOrEqual(2);
  });

  test("end and let go of their homes though policy.json is gone by then or makes no sense, and say what it has cost", async () => {
    await joinAll();
    const [alpha, beta] = [await start("alpha"), await start("beta")];
    rmSync(layoutOf(homeOf("alpha")).policy);
    writeFileSync(layoutOf(homeOf("beta")).policy, "{");
    for (const node of [alpha, beta]) {
      await node.close();
      expect(await node.finished).toMatchObject({ ended: "stopped", charged: 0, epsilon: 0 });
    }
    for (const name of ["alpha", "beta"]) lockHome(layoutOf(homeOf(name))).release();
  });

  test("refuse a replayed offer, a message by somebody else, and what is no message at all", async () => {
    await joinAll();
    const offers: MessageOf<"offer">[] = [];
    coordinator.deliver = (to, message) => {
      if (to === "alpha" && message.step === "offer") offers.push(message);
      return true;
    };
    const nodes = await Promise.all(names.map((name) => start(name)));
    coordinator.begin();
    await coordinator.finished;
    await Promise.all(nodes.map((node) => node.finished));
    const [offer] = offers;
    await expect(coordinator.tell("alpha", offer)).rejects.toMatchObject({ code: "TRB_ROUND_LEDGER_CLOSED" });
    const forged = { ...offer, round: 9 };
    await expect(coordinator.tell("alpha", forged)).rejects.toMatchObject({ code: "TRB_ROUND_SIGNATURE_INVALID" });
    await expect(coordinator.tell("alpha", { hello: true })).rejects.toMatchObject({ code: "TRB_MESSAGE_INVALID" });
  });
});

describe("the ledger and an old store", () => {
  /** Runs the whole plan once and stops everybody. */
  async function runWhole(): Promise<void> {
    await joinAll();
    const nodes = await Promise.all(names.map((name) => start(name)));
    coordinator.begin();
    await Promise.all(nodes.map((node) => node.finished));
    await Promise.all(running.splice(0).map((node) => node.close()));
  }

  test("a home from before the rounds is told by its own signature in the ledger", async () => {
    await runWhole();
    const home = homeOf("alpha");
    for (const name of ["node.sqlite", "node.sqlite-wal", "node.sqlite-shm"]) rmSync(join(home, name), { force: true });
    rmSync(join(home, "rounds"), { recursive: true });
    await joinFederation({ invite: coordinator.invite("alpha"), home });
    await expect(start("alpha")).rejects.toMatchObject({ code: "TRB_NODE_STALE_STORE" });
    rmSync(join(home, "ledger.jsonl"));
    const node = await start("alpha");
    await expect(node.finished).rejects.toMatchObject({ code: "TRB_NODE_STALE_STORE" });
    expect((await nodeBudget({ home })).byKind[0]?.charged).toBe(0);
  });

  test("a home that lost only its round secrets goes on with the budget that it had", async () => {
    await runWhole();
    const home = homeOf("alpha");
    rmSync(join(home, "rounds"), { recursive: true });
    const node = await start("alpha");
    expect(await node.finished).toMatchObject({ ended: "ledgerClosed", charged: 2 });
  });

  test("a torn last line is cut off and fetched again", async () => {
    await runWhole();
    const path = layoutOf(homeOf("alpha")).ledger;
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, -20));
    const node = await start("alpha");
    expect(await node.finished).toMatchObject({ ended: "ledgerClosed", entries: coordinator.ledger.length });
    expect(readFileSync(path, "utf8")).toBe(text);
    await node.close();
    expect(await (await start("alpha")).finished).toMatchObject({ ended: "ledgerClosed" });
  });

  test("another line where the node has one is a fork, and the end of it", async () => {
    await joinAll();
    const nodes = await Promise.all(names.map((name) => start(name)));
    coordinator.begin();
    await expect
      .poll(() => readFileSync(layoutOf(homeOf("alpha")).ledger, "utf8").split("\n").length, { timeout: 60_000 })
      .toBe(3);
    await nodes[0]?.close();
    const [genesis = "", round = ""] = coordinator.ledger;
    coordinator.ledger.splice(0, coordinator.ledger.length, genesis, round.replace(/"at":"2/, '"at":"3'));
    const again = await start("alpha");
    // the line's signature is still that of the other time
    await expect(again.finished).rejects.toMatchObject({
      ...{ code: "TRB_NODE_LEDGER_FORKED" },
      details: { entry: 1, found: expect.stringContaining("which the coordinator did not sign") },
    });
  });
});

test("importing again replaces the histories and touches no charge", async () => {
  await joinAll();
  const home = homeOf("alpha");
  const both = await importEvents({ home, files: [writeLog("alpha"), writeLog("delta")] });
  expect(both).toMatchObject({ customers: 24, kept: 144 });
  expect(readHistories(layoutOf(home)).customers.length).toBe(24);
  await importEvents({ home, files: [writeLog("delta")] });
  expect(readHistories(layoutOf(home)).customers.length).toBe(12);
});
