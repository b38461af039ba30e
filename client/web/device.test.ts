/** A device that dies where it writes, comes back on what it kept, and never says two things where one was meant. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../src/coordinator.test-support.ts";
import { type Browser, type Death, devicePlan, type Life, testBrowser } from "./device.test-support.ts";

const rounds = 2;
const names = ["alpha", "beta", "delta", "gamma"];
let coordinator: TestCoordinator;
const lives: Life[] = [];

beforeEach(async () => {
  coordinator = await startTestCoordinator(devicePlan(rounds));
});
afterEach(async () => {
  for (const life of lives.splice(0)) await life.close();
  await coordinator.close();
}, 60_000);

const events = Array.from({ length: 9 }, (_, at) => ({ item: `item-0${at}`, action: "view", time: 1_700_000_000 + 60 * at }));

/** Four devices that joined, trust each other, and have a history each. */
async function four(): Promise<Browser[]> {
  const browsers = names.map(() => testBrowser(coordinator));
  const fingerprints: string[] = [];
  for (const [at, browser] of browsers.entries()) {
    const { device } = await browser.open();
    await device.join(coordinator.invite(names[at] ?? ""));
    fingerprints.push(device.status().joined?.fingerprint ?? "");
  }
  for (const browser of browsers) {
    const { device } = await browser.open(); // as it was kept
    await device.consent({ maxEpsilon: 8, trustedPeers: fingerprints });
    await device.giveEvents(events);
  }
  return browsers;
}

async function live(browser: Browser, death?: Death): Promise<Life> {
  const life = await browser.open(death);
  lives.push(life);
  void life.device.start(); // one that dies at once never comes back from it
  return life;
}

/** Rounds that the ledger released, with whom. */
const released = (): { readonly round: number; readonly survivors: readonly string[] }[] =>
  coordinator.ledger.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "round");

/** One value for each thing that may be said once. */
function requireOnceSaid({ said }: Browser): void {
  for (const [what, different] of said) expect([what, different.size]).toEqual([what, 1]);
}

const running = async (life: Life) => {
  await expect.poll(() => life.device.status().running, { timeout: 60_000 }).toBe("running");
};

async function runWith(
  death: Death | undefined,
): Promise<{ readonly writes: number; readonly alpha: Browser; readonly last: Life }> {
  const [alpha, ...others] = await four();
  if (alpha === undefined) throw new Error("nobody");
  const first = await live(alpha, death);
  for (const other of others) await running(await live(other));
  await Promise.race([running(first), first.died]);
  coordinator.begin();
  let last = first;
  if (death !== undefined) {
    await Promise.race([first.died, coordinator.finished]);
    last = await live(alpha);
  }
  await coordinator.finished;
  await expect.poll(() => last.device.status().running, { timeout: 60_000 }).toBe("ended");
  return { writes: first.writes(), alpha, last };
}

/** What must hold however it died: what was said once, and that whatever the ledger counts was charged before it left. */
function requireSound({ alpha, last }: Awaited<ReturnType<typeof runWith>>): void {
  requireOnceSaid(alpha);
  const mine = coordinator.uploads.filter(({ node }) => node === "alpha");
  for (const { round } of mine)
    expect(new Set(mine.filter((one) => one.round === round).map(({ sha256 }) => sha256)).size).toBe(1);
  const counted = released().filter(({ survivors }) => survivors.includes("alpha"));
  expect(last.device.status().rounds.charged).toBeGreaterThanOrEqual(counted.length);
  expect(released()).toHaveLength(rounds);
}

describe("a device in a browser", () => {
  test("takes part in every round of the plan, is charged for each, and says at the end that nothing follows", {
    timeout: 120_000,
  }, async () => {
    const run = await runWith(undefined);
    requireSound(run);
    expect(released().map(({ survivors }) => survivors)).toEqual(Array.from({ length: rounds }, () => names));
    const { rounds: paid, epsilon, outgoing } = run.last.device.status();
    expect(paid).toEqual({ charged: rounds, most: rounds });
    expect(epsilon.spent).toBeGreaterThan(0);
    expect(epsilon.spent).toBeLessThanOrEqual(epsilon.limit);
    expect(new Set(outgoing.map(({ kind }) => kind))).toContain("vector");
  });

  test.each([
    ["before its masked vector is kept it is out of that round, uncharged, and in the next", "before"],
    ["after its masked vector is kept it says the same again and is in the sum", "after"],
  ] as const)("that dies %s", { timeout: 120_000 }, async (_, when) => {
    const run = await runWith({ at: "vector", when });
    requireSound(run);
    const [first, second] = released();
    expect(first?.survivors.includes("alpha")).toBe(when === "after");
    expect(second?.survivors).toContain("alpha");
    expect(run.last.device.status().rounds.charged).toBe(when === "after" ? rounds : rounds - 1);
  });

  test("that leaves keeps nothing, and is another one when it joins again", { timeout: 60_000 }, async () => {
    const browser = testBrowser(coordinator);
    const { device } = await browser.open();
    await device.join(coordinator.invite("alpha"));
    const before = device.status().joined?.fingerprint;
    await device.leave();
    expect(device.status()).toMatchObject({ joined: null, consent: null, history: null, outgoing: [] });
    const again = (await browser.open()).device;
    expect(again.status()).toMatchObject({ joined: null, consent: null, history: null, outgoing: [] });
    await again.join(coordinator.invite("alpha"));
    expect(again.status().joined?.fingerprint).not.toBe(before);
  });

  test("refuses, with a code, a limit below the plan's cost, peers too few, a log of two people, and to start before it is ready", {
    timeout: 60_000,
  }, async () => {
    const { device } = await testBrowser(coordinator).open();
    await expect(device.start()).rejects.toMatchObject({ code: "TRB_DEVICE_NOT_READY" });
    await device.join(coordinator.invite("alpha"));
    const trustedPeers = ["1", "2", "3"].map((digit) => digit.repeat(64));
    await expect(device.consent({ maxEpsilon: 7, trustedPeers })).rejects.toMatchObject({
      code: "TRB_POLICY_PLAN_ABOVE_LIMIT",
    });
    await expect(device.consent({ maxEpsilon: 8, trustedPeers: [] })).rejects.toMatchObject({
      code: "TRB_ROUND_TOO_FEW_TRUSTED",
    });
    await device.consent({ maxEpsilon: 8, trustedPeers });
    const two = "user,item,ts\na,item-01,1700000000\nb,item-02,1700000000\n";
    await expect(device.giveText(two)).rejects.toMatchObject({ code: "TRB_NODE_DEVICE_CUSTOMERS" });
    expect(device.status().history).toBe(null);
    expect(device.status().notice?.code).toBe("TRB_NODE_DEVICE_CUSTOMERS");
  });
});
