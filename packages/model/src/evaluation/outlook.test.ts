/** Who leaves and who buys: learnt from labels by the trainer, judged by the evaluation; and what is refused. */
import { type Histories, seededRandom } from "@tributary/events/histories";
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { initialParameters } from "../checkpoint/initial-parameters.ts";
import { itemContent } from "../item-content/item-content.ts";
import { serverStep } from "../optimisers/server-step.ts";
import { parameterCount } from "../parameters.ts";
import { modelSpec } from "../spec.ts";
import { createTrainer, type SumRequest } from "../training/trainer.ts";
import { evaluateChurn, evaluatePurchase } from "./outlook.ts";

const day = 86_400;
const horizon = 10;
const cut = 40 * day;
const [view, cart, buy] = [0, 1, 3];

/** Customers who put something into the cart buy it minutes later; who only looks at item 1 leaves after the first ten days. */
function shop(customers: number): Histories {
  const random = seededRandom(1, "shop");
  const ids: string[] = [];
  const offsets = [0];
  const events: [item: number, action: number, time: number][] = [];
  for (let c = 0; c < customers; c++) {
    ids.push(`c${String(c).padStart(3, "0")}`);
    const leaves = random.below(2) === 0;
    for (let week = 0; week < 10; week++) {
      const start = week * 6 * day + random.below(day);
      if (leaves && week > random.below(8)) break;
      const item = leaves ? 1 : 2 + random.below(3);
      events.push([item, view, start]);
      if (random.below(2) === 0) events.push([item, cart, start + 60], [item, buy, start + 200]);
      else events.push([5, view, start + 60]);
    }
    offsets.push(events.length);
  }
  return {
    customers: ids,
    offsets: Uint32Array.from(offsets),
    items: Int32Array.from(events, ([item]) => item),
    actions: Uint8Array.from(events, ([, action]) => action),
    times: Float64Array.from(events, ([, , time]) => time),
  };
}

const histories = shop(120);
const weights = { nextItem: 100, nextAction: 0, churn: 1000, purchase: 1000 };
const spec = modelSpec({ items: 5, length: 12, width: 8, actions: 4, timeGaps: 14, weights, churnDays: horizon });
const initial = initialParameters(spec, { fill: randomBytes(3) });

function randomBytes(seed: number) {
  const random = seededRandom(seed, "bytes");
  return (out: Uint8Array) => {
    for (let i = 0; i < out.length; i++) out[i] = random.below(256);
  };
}

const requestOf = (parameters: Float32Array, from: Histories, round = 1): SumRequest => ({
  ...{ parameters, histories: from, sampled: Uint32Array.from(from.customers.keys()), clipNorm: 1, scale: 2 ** 20 },
  ...{ fractionBits: 8, customerQuota: 64, negatives: { fill: randomBytes(round) } },
});

async function train(steps: number): Promise<Float32Array> {
  const trainer = await createTrainer(spec, onnxruntimeExecutor(), { now: cut, clipped: false });
  const before = onlyBefore(histories, cut);
  let [parameters, state]: [Float32Array, ReturnType<typeof serverStep>["optimiserState"] | null] = [initial, null];
  for (let step = 0; step < steps; step++) {
    const { total } = await trainer.sum(requestOf(parameters, before, step + 1));
    const gradient = total.map((units) => units / (2 ** 28 * before.customers.length));
    const adam = { name: "fedadam", learningRate: 0.03, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
    const next = serverStep(adam, parameters, state, gradient);
    [parameters, state] = [next.parameters, next.optimiserState];
  }
  await trainer.close();
  return parameters;
}

function onlyBefore({ customers, offsets, items, actions, times }: Histories, end: number): Histories {
  const kept = [...times.keys()].filter((event) => (times[event] ?? 0) < end);
  const count = (event: number) => kept.filter((place) => place < event).length;
  return {
    customers,
    offsets: offsets.map(count),
    items: Int32Array.from(kept, (event) => items[event] ?? 0),
    actions: Uint8Array.from(kept, (event) => actions[event] ?? 0),
    times: Float64Array.from(kept, (event) => times[event] ?? 0),
  };
}

describe("outlook heads", () => {
  test("learn before a cut who leaves and who buys after it, with probabilities that mean something", async () => {
    const parameters = await train(60);
    const judged = [initial, parameters].map(async (of) => ({
      churn: await evaluateChurn(spec, of, onnxruntimeExecutor(), histories, { cut, now: 60 * day }),
      purchase: await evaluatePurchase(spec, of, onnxruntimeExecutor(), histories, { cut }),
    }));
    const [untrained, trained] = await Promise.all(judged);
    expect(trained?.churn?.count).toBeGreaterThan(50);
    expect(trained?.churn?.auc).toBeGreaterThan(0.85);
    expect(trained?.churn?.calibration.error).toBeLessThan(0.1);
    expect(untrained?.churn?.calibration.error).toBeGreaterThan(0.3);
    // at the first event of a session nobody has anything in the cart: it is a coin's toss, and the model must say so
    expect(Math.abs((trained?.purchase?.rate ?? 0) - 0.5)).toBeLessThan(0.2);
    expect(trained?.purchase?.calibration.error).toBeLessThan(0.2);
  }, 60_000);

  test("judge only customers who were there before the cut, by what they did after it", async () => {
    const ask = (times: readonly number[], at: number, now?: number) => {
      const one = { ...shop(1), customers: ["x"], offsets: Uint32Array.of(0, times.length), times: Float64Array.from(times) };
      const events = { ...one, items: new Int32Array(times.length).fill(1), actions: new Uint8Array(times.length) };
      return evaluateChurn(spec, initial, float64Interpreter(), events, { cut: at, ...(now === undefined ? {} : { now }) });
    };
    expect(await ask([day, 12 * day], 10 * day)).toMatchObject({ count: 1, rate: 0 });
    expect(await ask([day, 20 * day], 10 * day)).toMatchObject({ count: 1, rate: 1 });
    expect(await ask([10 * day], 10 * day)).toBeUndefined();
    expect(await ask([day], 15 * day)).toBeUndefined();
    await expect(async () => ask([day], 10 * day, 19 * day)).rejects.toMatchObject({ code: "TRB_EVENTS_CUT_INVALID" });
  });

  test("are not judged where the model has none", async () => {
    const plain = modelSpec({ items: 5, length: 12, width: 8, actions: 4 });
    const parameters = new Float32Array(parameterCount(plain));
    expect(await evaluateChurn(plain, parameters, float64Interpreter(), histories, { cut })).toBeUndefined();
    expect(await evaluatePurchase(plain, parameters, float64Interpreter(), histories, { cut })).toBeUndefined();
  });
});

describe("a trainer", () => {
  test("refuses a churn head without a public end of the log, before anything is summed", async () => {
    for (const now of [undefined, Number.NaN]) {
      await expect(createTrainer(spec, float64Interpreter(), { now })).rejects.toMatchObject({
        code: "TRB_TRAINING_REQUEST_INVALID",
      });
    }
  });

  const catalogue = [{ brand: "a" }, { brand: "b" }, { brand: "a" }, {}, { brand: "c" }];
  const composed = modelSpec({
    ...{ items: 5, length: 12, width: 8, actions: 4, dwells: 13, prices: 20 },
    item: { ids: "none", attributes: [{ name: "brand", values: 3 }], features: 4 },
    nextItem: { loss: "gbce", negatives: 3, calibration: 500 },
  });
  const content = itemContent(composed, catalogue, {
    width: 4,
    values: Float32Array.from({ length: 20 }, (_, i) => Math.sin(i)),
  });

  test("refuses a model that reads content when it has none", async () => {
    await expect(createTrainer(composed, float64Interpreter())).rejects.toMatchObject({ code: "TRB_MODEL_CONTENT_MISSING" });
  });

  test("gives on ONNX Runtime the sums of the float64 twin, of attributes and features alone", async () => {
    const parameters = Float32Array.from({ length: parameterCount(composed) }, (_, i) => 0.3 * Math.sin(1 + 7.13 * i));
    const sums: Float64Array[] = [];
    for (const executor of [float64Interpreter(), onnxruntimeExecutor()]) {
      const trainer = await createTrainer(composed, executor, { content });
      const { total, counts } = await trainer.sum({
        ...requestOf(parameters, histories),
        sampled: Uint32Array.of(0, 1, 2, 3, 4, 5),
      });
      expect(counts.zeroed).toBe(0);
      sums.push(total);
      await trainer.close();
    }
    const [exact = new Float64Array(), fast = new Float64Array()] = sums;
    const size = Math.max(...exact.map(Math.abs));
    expect(size).toBeGreaterThan(2 ** 20);
    expect(Math.max(...exact.map((value, i) => Math.abs(value - (fast[i] ?? Number.NaN)))) / size).toBeLessThan(1e-5);
  });
});
