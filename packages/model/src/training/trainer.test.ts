import type { Histories } from "@tributary/events/histories";
import { type Executor, float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parameterCount } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { exampleOf, inputsOf } from "./examples/examples.ts";
import { market, parametersOf, source } from "./family-models.fixture.ts";
import { bucketCount, classOf, customersOfRun, lengthClasses } from "./length-classes.ts";
import { createTrainer, type SumRequest, type Trainer } from "./trainer.ts";

const spec: ModelSpec = modelSpec({
  items: 40,
  length: 12,
  width: 8,
  blocks: 1,
  heads: 2,
  feedForward: 2,
  activation: "gelu",
  positions: "learned",
  actions: 4,
  timeGaps: 14,
  nextItem: { loss: "softmax", negatives: 6, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 300, churn: 0, purchase: 0 },
});
const fullSoftmax: ModelSpec = {
  ...spec,
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  activation: "relu",
  heads: 1,
  positions: "sinusoidal",
};

const histories = market(spec, 150, 5);
const everyone = Uint32Array.from(histories.customers.keys());

function requestFor(model: ModelSpec, changes: Partial<SumRequest> = {}): SumRequest {
  return {
    parameters: parametersOf(model, 11),
    histories,
    sampled: everyone,
    clipNorm: 0.5,
    scale: 2 ** 22,
    fractionBits: 10,
    customerQuota: 128,
    negatives: source(3),
    ...changes,
  };
}
const grid = 2 ** 32;
const distance = (a: Float64Array, b: Float64Array) =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0));

/** Which bucket a customer falls into, as the design says: its own class and its own hash. */
function bucketOf(model: ModelSpec, customer: number, quota: number): string | undefined {
  const example = exampleOf(model, histories, customer, 0);
  if (example === undefined) return undefined;
  const length = classOf(lengthClasses(model.length), inputsOf(example));
  return `${length}/${example.hash % bucketCount(length, quota)}`;
}

describe.each([
  ["sampled softmax", spec],
  ["full softmax", fullSoftmax],
])("%s", (_, model) => {
  let trainer: Trainer;
  beforeAll(async () => {
    trainer = await createTrainer(model, onnxruntimeExecutor());
  });
  afterAll(async () => trainer.close());

  test("the sum is that of customers run alone, by ONNX Runtime and by the float64 twin", async () => {
    const together = await trainer.sum(requestFor(model));
    const summed = new Float64Array(parameterCount(model));
    for (const customer of everyone) {
      const { total } = await trainer.sum(requestFor(model, { sampled: Uint32Array.of(customer) }));
      for (const [i, value] of total.entries()) summed[i] = (summed[i] ?? 0) + value;
    }
    // truncation: less than 1 a coordinate and customer; the rest is float32
    const truncation = everyone.length * Math.sqrt(parameterCount(model));
    expect(distance(together.total, summed)).toBeLessThan(truncation + 1e-5 * grid * 0.5 * everyone.length);
    expect(together.total.every(Number.isInteger)).toBe(true);
    expect(distance(together.total, new Float64Array(together.total.length))).toBeGreaterThan(grid);
    const few = everyone.slice(20, 32);
    const twin = await createTrainer(model, float64Interpreter());
    const exact = await twin.sum(requestFor(model, { sampled: few }));
    const native = await trainer.sum(requestFor(model, { sampled: few }));
    expect(distance(exact.total, native.total) / grid).toBeLessThan(1e-5);
    await twin.close();
  });

  test("removing a customer changes only its own bucket, to the bit, and by at most C", async () => {
    const request = requestFor(model);
    const buckets = new Map<string, number[]>();
    for (const customer of everyone) {
      const bucket = bucketOf(model, customer, request.customerQuota);
      if (bucket) buckets.set(bucket, [...(buckets.get(bucket) ?? []), customer]);
    }
    expect(buckets.size).toBeGreaterThan(4);
    const whole = (await trainer.sum(request)).total;
    const parts = new Float64Array(whole.length);
    for (const members of buckets.values()) {
      const { total } = await trainer.sum({ ...request, sampled: Uint32Array.from(members), negatives: source(3) });
      for (const [i, value] of total.entries()) parts[i] = (parts[i] ?? 0) + value;
    }
    expect(parts).toEqual(whole); // a bucket run on its own gives the same integers as among all the others
    for (const customer of [3, 40, 77, 120]) {
      const sampled = everyone.filter((other) => other !== customer);
      const without = (await trainer.sum({ ...request, sampled, negatives: source(3) })).total;
      const slack = 2 ** -10 / 30 + Math.sqrt(whole.length) / (0.5 * grid);
      expect(distance(whole, without)).toBeLessThanOrEqual(0.5 * grid * (1 + slack));
    }
  });

  test("in length classes or padded to the model's length: the same sum to 1e-5", async () => {
    const padded = await createTrainer(model, onnxruntimeExecutor(), { padded: true });
    const [packed, whole] = [await trainer.sum(requestFor(model)), await padded.sum(requestFor(model))];
    await padded.close();
    expect(distance(packed.total, whole.total)).toBeGreaterThan(0); // other shapes, other last bits
    const length = distance(packed.total, new Float64Array(packed.total.length));
    expect(distance(packed.total, whole.total) / length).toBeLessThan(1e-5);
    expect(packed.counts).toEqual(whole.counts);
  });

  test("a run that is not full neither sees nor leaves anything of a larger one before it", async () => {
    const few = everyone.slice(0, 7);
    const alone = await (async () => {
      const fresh = await createTrainer(model, onnxruntimeExecutor());
      const sum = await fresh.sum(requestFor(model, { sampled: few }));
      await fresh.close();
      return sum;
    })();
    expect(alone.total.some((value) => value !== 0)).toBe(true);
    await trainer.sum(requestFor(model));
    expect(await trainer.sum(requestFor(model, { sampled: few }))).toEqual(alone);
    const others = requestFor(model, { sampled: everyone.slice(7) });
    const [rest, all] = [(await trainer.sum(others)).total, (await trainer.sum(requestFor(model))).total];
    const together = rest.map((value, i) => value + (alone.total[i] ?? 0));
    expect(distance(together, all) / grid).toBeLessThan(1e-4);
  });

  test("the order of the sample and of the histories changes nothing", async () => {
    const request = requestFor(model);
    const whole = (await trainer.sum(request)).total;
    const reversed = await trainer.sum({ ...request, sampled: everyone.toReversed(), negatives: source(3) });
    expect(reversed.total).toEqual(whole);
  });

  test("a bucket that is overfull runs in parts to the same sum, and who makes it so moves it by at most C", async () => {
    // quota 1: one bucket a class; one length, so that one bucket holds more customers than may run together
    const chosen = everyone.filter((customer) => bucketOf(model, customer, 1)?.startsWith("2/"));
    const room = customersOfRun(model, 2);
    const many = Array.from({ length: room + 5 }, (_, i) => chosen[i % chosen.length] ?? 0);
    const crowd: Histories = {
      customers: many.map((_, i) => `crowd-${i}`),
      offsets: Uint32Array.from({ length: many.length + 1 }, (_, i) => 2 * i),
      items: Int32Array.from(
        many.flatMap((c) => [...histories.items.slice((histories.offsets[c + 1] ?? 0) - 2, histories.offsets[c + 1])]),
      ),
      actions: Uint8Array.from(
        many.flatMap((c) => [...histories.actions.slice((histories.offsets[c + 1] ?? 0) - 2, histories.offsets[c + 1])]),
      ),
      times: Float64Array.from(many.flatMap(() => [0, 100])),
    };
    const all = Uint32Array.from(many.keys());
    const overfull = await trainer.sum(requestFor(model, { histories: crowd, sampled: all, customerQuota: 1 }));
    const spread = await trainer.sum(requestFor(model, { histories: crowd, sampled: all, customerQuota: 2 ** 20 }));
    expect(overfull.counts).toEqual({ customers: many.length, zeroed: 0, skipped: 0 });
    expect(distance(overfull.total, spread.total) / grid).toBeLessThan(1e-4);
    expect(distance(overfull.total, new Float64Array(overfull.total.length)) / grid).toBeGreaterThan(1);
    const [fits, one] = [all.slice(0, room), all.slice(0, room + 1)];
    const full = await trainer.sum(requestFor(model, { histories: crowd, sampled: fits, customerQuota: 1 }));
    const over = await trainer.sum(requestFor(model, { histories: crowd, sampled: one, customerQuota: 1 }));
    const slack = 2 ** -10 / 30 + Math.sqrt(full.total.length) / (0.5 * grid);
    expect(distance(full.total, over.total)).toBeLessThanOrEqual(0.5 * grid * (1 + slack));
  });
});

/** An executor whose results are spoilt for customers that hold a given item row. */
function spoiling(
  inner: Executor,
  row: number,
  spoil: (outputs: Record<string, Float32Array | Float64Array>) => void,
): Executor {
  return {
    ...inner,
    load: async (graph) => {
      const session = await inner.load(graph);
      return {
        close: () => session.close(),
        run: async (feeds) => {
          const outputs = await session.run(feeds);
          if (feeds["items"]?.data.includes(row))
            spoil(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data])));
          return outputs;
        },
      };
    },
  };
}

describe("what is not finite", () => {
  test.each([
    ["norm", (outputs: Record<string, Float32Array | Float64Array>) => outputs["norm"]?.fill(Number.NaN)],
    [
      "sum of a weight",
      (outputs: Record<string, Float32Array | Float64Array>) =>
        outputs["gradient:block0.up.weight"]?.fill(Number.POSITIVE_INFINITY, 3, 4),
    ],
    [
      "row of the table",
      (outputs: Record<string, Float32Array | Float64Array>) => outputs["rows:item.weight"]?.fill(Number.NaN),
    ],
  ])("a customer with a non-finite %s counts as zero and spoils nobody's sum", async (_, spoil) => {
    const bad = 17; // an item row; whoever holds it is spoilt
    const holds = (customer: number) => {
      const example = exampleOf(spec, histories, customer, 0);
      if (example === undefined) return false;
      return [...histories.items.slice(example.begin, example.end)].some((item) => item === bad);
    };
    const victims = everyone.filter(holds);
    expect(victims.length).toBeGreaterThan(3);
    const spoilt = await createTrainer(spec, spoiling(onnxruntimeExecutor(), bad, spoil));
    const sound = await createTrainer(spec, onnxruntimeExecutor());
    const hurt = await spoilt.sum(requestFor(spec));
    const rest = await sound.sum(requestFor(spec, { sampled: everyone.filter((customer) => !holds(customer)) }));
    expect(hurt.counts.zeroed).toBe(victims.length);
    expect(hurt.counts.customers).toBe(everyone.length);
    expect(hurt.total.every(Number.isInteger)).toBe(true);
    expect(distance(hurt.total, rest.total) / grid).toBeLessThan(1e-4);
    await Promise.all([spoilt.close(), sound.close()]);
  });

  test("weights so large that a customer's norm overflows float32 make it zero", async () => {
    const trainer = await createTrainer(spec, onnxruntimeExecutor());
    const parameters = parametersOf(spec, 11).map((value) => value * 1e30);
    const { total, counts } = await trainer.sum(requestFor(spec, { parameters, sampled: everyone.slice(0, 12) }));
    expect(total.every((value) => value === 0)).toBe(true);
    expect(counts.zeroed).toBe(everyone.slice(0, 12).filter((customer) => exampleOf(spec, histories, customer, 0)).length);
    await trainer.close();
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("parameters holding %s are refused, naming the tensor", async (value) => {
    const trainer = await createTrainer(spec, onnxruntimeExecutor());
    const parameters = parametersOf(spec, 11);
    parameters[parameters.length - 1] = value;
    const error = { code: "TRB_TRAINING_PARAMETERS_NOT_FINITE", details: { parameter: "actionHead.bias" } };
    await expect(trainer.sum(requestFor(spec, { parameters }))).rejects.toMatchObject(error);
    await trainer.close();
  });
});

describe("the request", () => {
  let trainer: Trainer;
  beforeAll(async () => {
    trainer = await createTrainer(spec, onnxruntimeExecutor());
  });
  afterAll(async () => trainer.close());

  test("an empty sample gives zeros", async () => {
    const { total, counts } = await trainer.sum(requestFor(spec, { sampled: new Uint32Array() }));
    expect(total.every((value) => value === 0)).toBe(true);
    expect(counts).toEqual({ customers: 0, zeroed: 0, skipped: 0 });
  });

  test("when time runs out, early or late, nobody is in the sum: no customer decides about another's bucket", async () => {
    for (const after of [0, 2, 4]) {
      let asked = 0;
      const { total, counts } = await trainer.sum(requestFor(spec, { deadline: () => asked++ >= after }));
      expect(asked).toBe(after + 1); // nothing further runs
      expect(total.every((value) => value === 0)).toBe(true);
      expect(counts).toEqual({ customers: 0, zeroed: 0, skipped: everyone.length });
    }
    const inTime = await trainer.sum(requestFor(spec, { deadline: () => false }));
    expect(inTime.total).toEqual((await trainer.sum(requestFor(spec))).total); // and nothing is left over from before
  });

  test("a sum goes into the array that is given, whatever it held, and is the same", async () => {
    const into = new Float64Array(requestFor(spec).parameters.length).fill(7);
    const { total } = await trainer.sum(requestFor(spec, { into }));
    expect(total).toBe(into);
    expect(total).toEqual((await trainer.sum(requestFor(spec))).total);
  });

  test("the negatives are those of the round: same source same sum, other source another", async () => {
    const first = await trainer.sum(requestFor(spec));
    expect((await trainer.sum(requestFor(spec))).total).toEqual(first.total);
    expect((await trainer.sum(requestFor(spec, { negatives: source(4) }))).total).not.toEqual(first.total);
  });

  test("two sums at once do not mix", async () => {
    const alone = await trainer.sum(requestFor(spec));
    const both = await Promise.all([trainer.sum(requestFor(spec)), trainer.sum(requestFor(spec, { clipNorm: 0.1 }))]);
    expect(both[0].total).toEqual(alone.total);
    expect(both[1].total).not.toEqual(alone.total);
  });

  test.each([
    [{ clipNorm: 0 }],
    [{ clipNorm: Number.NaN }],
    [{ scale: -1 }],
    [{ fractionBits: 1.5 }],
    [{ customerQuota: 0 }],
    [{ scale: 2 ** 45 }], // sums would pass 2^53
    [{ into: new Float64Array(3) }],
  ])("%o is refused", async (changes) => {
    await expect(trainer.sum(requestFor(spec, changes))).rejects.toMatchObject({ code: "TRB_TRAINING_REQUEST_INVALID" });
  });

  test("parameters of another model are refused", async () => {
    const parameters = new Float32Array(7);
    await expect(trainer.sum(requestFor(spec, { parameters }))).rejects.toMatchObject({
      code: "TRB_TRAINING_PARAMETERS_WRONG_LENGTH",
    });
  });

  test("a closed trainer is refused", async () => {
    const closed = await createTrainer(spec, onnxruntimeExecutor());
    await closed.close();
    await expect(closed.sum(requestFor(spec))).rejects.toMatchObject({ code: "TRB_TENSOR_SESSION_CLOSED" });
  });
});
