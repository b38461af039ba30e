/** The merchant's own limits on the way of a real offer: pause, period, shared budget; and a coordinator that would like them otherwise. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spentAfter } from "@tributary/ledger";
import { type MessageOf, planHash } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeBudget } from "../budget.ts";
import { checkNode } from "../check.ts";
import { startTestCoordinator, type TestCoordinator, testPlan } from "../coordinator.test-support.ts";
import { importEvents } from "../import.ts";
import { joinFederation } from "../join.ts";
import { openSharedBudget } from "../shared-budget/file.ts";
import { changePolicy, pauseNode, resumeNode, trustPeers } from "../trust.ts";
import { type RunningNode, runNode } from "./start.ts";

const names = ["alpha", "beta", "gamma"] as const;
let folder: string;
let coordinators: TestCoordinator[];
let running: RunningNode[];
/** What the nodes logged: each line with its node's federation and name. */
let logged: { readonly who: string; readonly code?: string; readonly msg: string }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-admission-"));
  [coordinators, running, logged] = [[], [], []];
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.close()));
  await Promise.all(coordinators.map((coordinator) => coordinator.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** A coordinator and three merchants, joined, with a few customers each, trusting each other. */
async function federationOf(
  name: string,
): Promise<{ readonly coordinator: TestCoordinator; readonly homes: readonly string[] }> {
  const coordinator = await startTestCoordinator(testPlan({ federation: name }));
  coordinators.push(coordinator);
  const homes = names.map((node) => join(folder, name, node));
  const log = join(folder, "log.csv");
  const rows = Array.from(
    { length: 60 },
    (_, i) => `private-${i % 12},item-${String((i * 7) % 24).padStart(2, "0")},view,${1.7e9 + i}`,
  );
  writeFileSync(log, `customer,item,action,time\n${rows.join("\n")}\n`);
  const fingerprints: string[] = [];
  for (const [i, home] of homes.entries()) {
    fingerprints.push((await joinFederation({ invite: coordinator.invite(names[i] ?? ""), home })).fingerprint);
    await importEvents({ home, files: [log] });
  }
  for (const home of homes) await trustPeers({ home, fingerprints });
  return { coordinator, homes };
}

async function start(coordinator: TestCoordinator, home: string): Promise<RunningNode> {
  const who = home.slice(folder.length + 1);
  const write = (line: string) => {
    expect(line).not.toContain("private-");
    const { code, msg } = JSON.parse(line);
    logged.push({ who, code, msg });
  };
  const node = await runNode(
    { home, trainingThreads: 1, lookAgainEvery: 50, log: pino({ base: null }, { write }) },
    coordinator.transport,
  );
  running.push(node);
  return node;
}

const loggedBy = (who: string, msg: string) => logged.filter((line) => line.who === who && line.msg === msg);
const policyOf = (home: string) => readFileSync(join(home, "policy.json"), "utf8");
const chargedBy = async (home: string) => (await nodeBudget({ home })).byKind.map(({ charged }) => charged);

test("a paused node declines every offer, whatever its coordinator sends; resumed, it spends what a home in another federation then can't", async () => {
  const [one, two] = [await federationOf("one"), await federationOf("two")];
  const { coordinator, homes } = one;
  const [[alpha = "", ...others], second = ""] = [homes, two.homes[0]];
  const file = join(folder, "budget.sqlite");
  for (const home of [alpha, second]) await changePolicy({ home, budget: { file } });
  copyFileSync(file, join(folder, "backup.sqlite"));
  await pauseNode({ home: alpha, reason: "stocktaking" });
  expect(await checkNode({ home: alpha })).toMatchObject({
    accepted: true,
    declines: [{ kind: null, code: "TRB_POLICY_PAUSED", message: expect.stringContaining("stocktaking") }],
  });
  const nodes = await Promise.all(homes.map((home) => start(coordinator, home)));
  const before = policyOf(alpha);
  coordinator.begin();
  await expect
    .poll(() => loggedBy("one/alpha", "an offer was declined")[0]?.code, { timeout: 60_000 })
    .toBe("TRB_POLICY_PAUSED");

  // nothing that can be said from there changes what the merchant permits
  const [offer] = coordinator.offers;
  if (offer === undefined) throw new Error("nothing was offered");
  const { signature: _, ...plain } = offer;
  const higher = { ...coordinator.plan, epsilon: "100" } as typeof coordinator.plan;
  const attempts: readonly (readonly [object, string])[] = [
    [{ ...plain, round: 90, policy: { maxEpsilon: 100, paused: null } }, "TRB_MESSAGE_INVALID"],
    [{ ...plain, round: 90, body: { ...offer.body, maxEpsilon: 100 } }, "TRB_MESSAGE_INVALID"],
    [{ ...plain, round: 90, step: "policy", body: { maxEpsilon: "100" } }, "TRB_MESSAGE_INVALID"],
    [{ ...plain, round: 90, step: "resume", body: {} }, "TRB_MESSAGE_INVALID"],
    [{ ...plain, round: 90, planHash: planHash(nodeCrypto(), higher) }, "TRB_POLICY_PAUSED"],
  ];
  for (const [attempt, code] of attempts) {
    await expect(coordinator.tell("alpha", coordinator.sign(attempt))).rejects.toMatchObject({ code });
  }
  expect(policyOf(alpha)).toBe(before);
  expect(await chargedBy(alpha)).toEqual([0]);
  expect(coordinator.uploads).toEqual([]);

  // whoever is told who has survived has uploaded before, and paid before that
  const paid: (string | undefined)[] = [];
  coordinator.deliver = (to, message) => {
    if (to === "alpha" && message.step === "survivors") paid.push(standingsIn(file).at(-1));
    return true;
  };
  await resumeNode({ home: alpha });
  for (const outcome of await Promise.all(nodes.map((node) => node.finished))) expect(outcome.ended).toBe("ledgerClosed");
  expect(loggedBy("one/alpha", "offers are answered again").length).toBeLessThanOrEqual(1);
  expect(await chargedBy(alpha)).toEqual([2]);
  expect(await Promise.all(others.map(chargedBy))).toEqual([[2], [2]]);
  expect(paid).toEqual(["open", "open"]);
  expect(standingsIn(file)).toEqual(["final", "final"]);
  await inAnotherFederation(two, { first: alpha, second });
  await afterABackup(
    file,
    () => start(coordinator, alpha),
    () => start(two.coordinator, second),
    second,
  );
}, 240_000);

const standingsIn = (file: string) => {
  const shared = openSharedBudget(file);
  const standings = shared.contents().charges.map(({ standing }) => standing);
  shared.close();
  return standings;
};

/** The home of another federation, whose customers are the same people. */
async function inAnotherFederation(
  two: Awaited<ReturnType<typeof federationOf>>,
  { first, second }: { readonly first: string; readonly second: string },
): Promise<void> {
  await Promise.all(two.homes.map((home) => start(two.coordinator, home)));
  two.coordinator.begin();
  await expect
    .poll(() => loggedBy("two/alpha", "an offer was declined")[0]?.code, { timeout: 60_000 })
    .toBe("TRB_POLICY_SHARED_BUDGET_EXCEEDED");
  expect(two.coordinator.uploads.filter(({ node }) => node === "alpha")).toEqual([]);
  const budget = await nodeBudget({ home: second });
  expect(budget).toMatchObject({
    spent: 0,
    shared: {
      limit: 8,
      homes: [
        { federation: "one", own: false, rounds: 2, reserved: 0 },
        { federation: "two", own: true, rounds: 0, spent: 0 },
      ],
      byKind: [{ kind: "training", rounds: 2 }],
    },
  });
  expect(budget.shared !== null && "spent" in budget.shared && budget.shared.spent).toBe(
    (await nodeBudget({ home: first })).spent,
  );
  const check = await checkNode({ home: second });
  expect(check).toMatchObject({ accepted: false, findings: [{ code: "TRB_POLICY_SHARED_BUDGET_EXCEEDED" }] });
  expect((await checkNode({ home: first })).accepted).toBe(true); // its plan is over, and nothing more is asked of it
}

/** A budget file that was restored learns again what its homes know; one that is gone is not begun anew by itself. */
async function afterABackup(
  file: string,
  startFirst: () => Promise<RunningNode>,
  startSecond: () => Promise<RunningNode>,
  second: string,
): Promise<void> {
  await Promise.all(running.splice(0).map((node) => node.close()));
  const remove = () => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
  };
  remove();
  copyFileSync(join(folder, "backup.sqlite"), file);
  await startFirst();
  expect(standingsIn(file)).toEqual(["final", "final"]);
  await Promise.all(running.splice(0).map((node) => node.close()));
  remove();
  await expect(startSecond()).rejects.toMatchObject({ code: "TRB_NODE_BUDGET_UNREADABLE" });
  expect((await nodeBudget({ home: second })).shared).toMatchObject({ error: { code: "TRB_NODE_BUDGET_UNREADABLE" } });
  await changePolicy({ home: second, budget: { file: null } });
  await startSecond();
}

test("a limit of a period stops before the round that would pass it; a coordinator's other plan and a second joining don't lift it", async () => {
  const { coordinator, homes } = await federationOf("two");
  const [alpha = ""] = homes;
  const { plan } = coordinator;
  const ofOne = Number(spentAfter(plan, [1]).epsilon);
  await changePolicy({ home: alpha, maxEpsilon: ofOne, budget: { periodDays: 30 } });
  await Promise.all(homes.map((home) => start(coordinator, home)));
  coordinator.begin();
  await expect
    .poll(() => loggedBy("two/alpha", "an offer was declined")[0]?.code, { timeout: 120_000 })
    .toBe("TRB_POLICY_PERIOD_EXCEEDED");
  const budget = await nodeBudget({ home: alpha });
  expect(budget).toMatchObject({ limit: ofOne, spent: ofOne, left: 0, period: { days: 30, spent: ofOne, rounds: 1, left: 0 } });
  const leaves = Date.parse(budget.period?.nextLeaves ?? "");
  expect(leaves - Date.now()).toBeGreaterThan(29.9 * 86_400_000);
  const check = await checkNode({ home: alpha });
  expect(check.accepted).toBe(false);
  expect(check.findings).toMatchObject([
    { code: "TRB_POLICY_PERIOD_EXCEEDED", advice: expect.stringContaining(budget.period?.nextLeaves ?? "?") },
  ]);

  // an offer for a plan with more ε, signed by the coordinator itself; and an invite to it
  const higher = { ...plan, epsilon: "100" } as typeof plan;
  const { signature: _, ...plain } = coordinator.offers.at(-1) as MessageOf<"offer">;
  const other = coordinator.sign({ ...plain, round: 90, planHash: planHash(nodeCrypto(), higher) });
  await expect(coordinator.tell("alpha", other)).rejects.toMatchObject({ code: "TRB_ROUND_PLAN_MISMATCHED" });
  await expect(coordinator.tell("alpha", coordinator.sign({ ...plain, round: 90 }))).rejects.toMatchObject({
    code: expect.stringMatching(/^TRB_(POLICY_PERIOD_EXCEEDED|ROUND_LEDGER_BEHIND|ROUND_REPLAYED)$/),
  });
  await Promise.all(running.splice(0).map((node) => node.close()));
  const before = policyOf(alpha);
  const impostor = await startTestCoordinator(higher);
  coordinators.push(impostor);
  await expect(joinFederation({ invite: impostor.invite("alpha"), home: alpha })).rejects.toMatchObject({
    code: expect.stringMatching(/^TRB_(NODE_ALREADY_JOINED|PLAN_)/),
  });
  await joinFederation({ invite: coordinator.invite("alpha"), home: alpha });
  expect(policyOf(alpha)).toBe(before);
  expect(await chargedBy(alpha)).toEqual([1]);
}, 240_000);
