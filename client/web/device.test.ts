/** A device that dies where it writes, comes back on what it kept, and never says two things where one was meant. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../src/coordinator.test-support.ts";
import { devicePlan, deviceTrial, names, testBrowser } from "./device.test-support.ts";

const rounds = 2;

describe("a device in a browser", () => {
  test("takes part in every round of the plan, is charged for each, and says at the end that nothing follows", {
    timeout: 120_000,
  }, async () => {
    const { released, status } = await deviceTrial(rounds);
    expect(released.map(({ survivors }) => survivors)).toEqual(Array.from({ length: rounds }, () => names));
    const { rounds: paid, epsilon, outgoing } = status;
    expect(paid).toEqual({ charged: rounds, most: rounds });
    expect(epsilon.spent).toBeGreaterThan(0);
    expect(epsilon.spent).toBeLessThanOrEqual(epsilon.limit);
    expect(new Set(outgoing.map(({ kind }) => kind))).toContain("vector");
  });

  test.each([
    ["before its masked vector is kept it is out of that round, uncharged, and in the next", "before"],
    ["after its masked vector is kept it says the same again and is in the sum", "after"],
  ] as const)("that dies %s", { timeout: 120_000 }, async (_, when) => {
    const { released, status } = await deviceTrial(rounds, { at: "vector", when });
    const [first, second] = released;
    expect(first?.survivors.includes("alpha")).toBe(when === "after");
    expect(second?.survivors).toContain("alpha");
    expect(status.rounds.charged).toBe(when === "after" ? rounds : rounds - 1);
  });
});

describe("a device that doesn't take part yet", () => {
  let coordinator: TestCoordinator;
  beforeEach(async () => {
    coordinator = await startTestCoordinator(devicePlan(rounds));
  });
  afterEach(() => coordinator.close(), 60_000);

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
