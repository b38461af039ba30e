/** Devices whose updates are sent in few bits, at scale: nodes fall silent, and the fast path is the state machines', byte for byte. */
import { verifyLedger } from "@tributary/ledger";
import { fingerprintOf } from "@tributary/protocol";
import { expect, test } from "vitest";
import { scalePlan } from "./scale-plan.ts";
import { simulateScale } from "./simulate-scale.ts";
import { crypto, hex, type SmallWishes, smallFederation } from "./small-federation.fixture.ts";

const local = { epochs: 1, batchSize: 4, learningRate: 0.1 };
const devices = (bits: 16 | 18 | 20, conditions: NonNullable<SmallWishes["conditions"]>) =>
  smallFederation({ seed: 31, nodes: 12, cohort: 10, conditions, plan: { unit: "node", bits, local } });

test.each([
  [16, { dropout: 0.15 }],
  [20, { dropout: 0.1, adversaries: 0.3, adversary: "noise" }],
] as const)("%d bits, %o: one model, whichever path, however many threads", { timeout: 60_000 }, async (bits, conditions) => {
  const options = devices(bits, conditions);
  let lost = 0;
  const fast = await simulateScale({
    ...options,
    onAttempt: ({ released, cohort, survivors }) => {
      if (released) lost += cohort - survivors;
    },
  });
  expect(fast.releasedRounds).toBe(3);
  expect(lost).toBeGreaterThan(0);
  const secure = await simulateScale({ ...options, aggregation: "secure" });
  const spread = await simulateScale({ ...options, aggregation: "secure", threads: 2 });
  expect(hex(secure.model.parameters)).toBe(hex(fast.model.parameters));
  expect(spread.ledger).toBe(secure.ledger);
  const key = fingerprintOf(crypto, options.plan.coordinatorKey);
  const { verified, failures } = verifyLedger(new TextEncoder().encode(secure.ledger ?? ""), { crypto, key });
  expect([verified, failures]).toEqual([true, []]);
});

test("what is written for 32 bits only is refused with a code", async () => {
  const refused = { code: "TRB_SIMULATE_SCALE_OPTION" };
  const calm = devices(16, {});
  await expect(simulateScale({ ...calm, noise: "central" })).rejects.toMatchObject(refused);
  const rider = devices(16, { adversaries: 0.3, adversary: "freeRide" });
  await expect(simulateScale(rider)).rejects.toMatchObject(refused);
  const customers = { nodes: 12, cohort: 8, customers: 240, catalogueItems: 20, epsilon: 8, delta: 1e-6, rounds: 3, local };
  expect(() => scalePlan({ ...customers, unit: "customer", bits: 16 })).toThrowError(
    expect.objectContaining({ code: "TRB_PLAN_PACKING_UNFIT" }),
  );
});

test("what entries of a ledger decide is refused with a code: nothing here would decide it", async () => {
  const { plan, ...calm } = devices(16, {});
  const promoting = { ...plan, promotion: { rule: "rounds", every: 1 } } as const;
  await expect(simulateScale({ ...calm, plan: promoting })).rejects.toMatchObject({
    ...{ code: "TRB_SIMULATE_SCALE_OPTION", details: { option: "plan.promotion" } },
  });
});
