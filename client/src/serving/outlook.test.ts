/** Which of head and own chain says the next action, and what the answer tells of it. */
import { seededRandom } from "@tributary/events";
import { initialModel } from "@tributary/federation";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test, vi } from "vitest";
import { nextAction } from "./outlook.ts";
import { type Ingredients, prepareServing } from "./prepare.ts";
import { openServed } from "./served-model.ts";
import { customerOf, ingredients } from "./shop.test-support.ts";

vi.setConfig({ testTimeout: 120_000 });

const executor = onnxruntimeExecutor();
const from = ingredients();
/** As a few noisy rounds leave a model: its head is sure of itself, and of the wrong thing. */
const random = seededRandom(5, "noise");
const parameters = initialModel(nodeCrypto(), from.plan.model).map((weight) => weight + 8 * (random.fraction() - 0.5));
const released = { hash: "a", round: 2, trained: true, model: { parameters, statistics: undefined } };
const history = {
  ...{ items: Int32Array.of(1, 1, 3), actions: Uint8Array.of(0, 3, 0), times: Float64Array.of(1e5, 1e5 + 60, 2e5) },
};

async function said(change: Partial<Ingredients>) {
  const served = await openServed(await prepareServing({ ...from, released, ...change }, executor), executor);
  try {
    return await nextAction(served, { events: history, known: true });
  } finally {
    await served.ranker.close();
  }
}

test("a head that is sure and wrong gives way to the merchant's own chain, judged by customers who are held out where there are enough", async () => {
  const alone = await said({ released: undefined });
  expect(alone).toMatchObject({ by: "ownChain", validation: null });
  const held = new Set(Array.from({ length: 100 }, (_, n) => customerOf(n)));
  for (const isUnlearnt of [undefined, (customer: string) => held.has(customer)]) {
    const { by, actions, validation } = await said({ isUnlearnt });
    expect(by).not.toBe("federatedHead");
    expect(validation?.heldOut).toBe(isUnlearnt !== undefined);
    expect(validation?.logLoss).toBeLessThanOrEqual(validation?.chainLogLoss ?? 0);
    expect(validation?.headLogLoss).toBeGreaterThan(2 * (validation?.chainLogLoss ?? 9));
    expect(actions.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
    if (by === "ownChain") expect(actions).toEqual(alone.actions);
  }
});

test("where the own log may not serve the head is left as it is, and nothing was judged on anybody", async () => {
  const { by, actions, validation } = await said({ serve: { mode: "releasedOnly", minSupport: 5 } });
  expect([by, validation]).toEqual(["federatedHead", null]);
  expect(actions[0]?.probability).toBeGreaterThan(0.9);
});
