import { clearSupported, eachStretch, emptySupport } from "@tributary/dp";
import type { Histories } from "@tributary/events/histories";
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { parameterCount } from "../parameters.ts";
import { modelSpec } from "../spec.ts";
import { parametersOf, sequence, source } from "./family-models.fixture.ts";
import { type LocalUpdates, openTrainer } from "./local-updates.ts";
import { createTrainer, type SumRequest, type Trainer } from "./trainer.ts";

const spec = modelSpec({ items: 9, length: 5, width: 4 });
const dimension = parameterCount(spec);

const next = sequence(6);
const parameters = parametersOf(spec, 5);
const lengths = [4, 1, 6, 3, 2]; // the second has nothing to learn from
const offsets = Uint32Array.from([0, 4, 5, 11, 14, 16]);
const histories: Histories = {
  customers: lengths.map((_, customer) => `customer-${customer}`),
  offsets,
  items: Int32Array.from({ length: 16 }, () => 1 + Math.floor(next() * 9)),
  actions: new Uint8Array(16),
  times: Float64Array.from({ length: 16 }, (_, event) => event),
};
const everybody = Uint32Array.of(0, 1, 2, 3, 4);
const [clipNorm, scale, fractionBits] = [0.5, 2 ** 20, 8];
const unit = scale * 2 ** fractionBits;

function request(change: Partial<SumRequest> = {}): SumRequest {
  const fixed = { parameters, histories, sampled: everybody, clipNorm, scale, fractionBits, customerQuota: 8 };
  return { ...fixed, negatives: source(1), ...change };
}

const base: LocalUpdates = { unit: "customer", steps: 1, epochs: 1, batchSize: 2, learningRate: 0.3, proximal: 0 };
const lengthOf = (vector: Float64Array) => Math.hypot(...vector);
const scaled = (total: Float64Array) => total.map((units) => units / unit);

async function gradientOf(trainer: Trainer, weights: Float64Array, sampled: Uint32Array): Promise<Float64Array> {
  const asked = request({ parameters: Float32Array.from(weights), sampled, clipNorm: 64 });
  return scaled((await trainer.sum(asked)).total);
}

/** w ← w − η(∇ + μ(w − w₀)), as it is written in books. */
async function slowUpdate(batches: readonly Uint32Array[], learningRate: number, proximal: number): Promise<Float64Array> {
  const trainer = await createTrainer(spec, float64Interpreter(), { clipped: false });
  const start = Float64Array.from(parameters);
  let weights = start;
  for (const batch of batches) {
    const gradient = await gradientOf(trainer, weights, batch);
    weights = weights.map((w, i) => w - learningRate * ((gradient[i] ?? 0) / batch.length + proximal * (w - (start[i] ?? 0))));
  }
  await trainer.close();
  return weights.map((w, i) => ((start[i] ?? 0) - w) / learningRate);
}

const clipped = (vector: Float64Array) => vector.map((value) => value * Math.min(1, clipNorm / lengthOf(vector)));

async function localSum(local: LocalUpdates, change: Partial<SumRequest> = {}) {
  const trainer = await openTrainer(spec, onnxruntimeExecutor(), local);
  try {
    return await trainer.sum(request(change));
  } finally {
    await trainer.close();
  }
}

function furthest(found: Float64Array, expected: Float64Array): number {
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? Number.NaN))), 0);
}

describe("unit customer", () => {
  test.each([
    { steps: 2, proximal: 0 },
    { steps: 4, proximal: 1.5 },
  ])("$steps steps with pull $proximal are a plain loop's, clipped customer by customer", async ({ steps, proximal }) => {
    const { total, counts } = await localSum({ ...base, steps, proximal });
    const expected = new Float64Array(dimension);
    for (const customer of [0, 2, 3, 4]) {
      const batches = Array.from({ length: steps }, () => Uint32Array.of(customer));
      const update = clipped(await slowUpdate(batches, base.learningRate, proximal));
      for (const [i, value] of update.entries()) expected[i] = (expected[i] ?? 0) + value;
    }
    expect(furthest(scaled(total), expected)).toBeLessThan(2e-6);
    expect(counts).toEqual({ customers: 5, zeroed: 0, skipped: 0 });
  });

  test("one step is the bucketed trainer: the same bits", async () => {
    const trainer = await createTrainer(spec, onnxruntimeExecutor());
    const { total } = await trainer.sum(request());
    await trainer.close();
    expect((await localSum(base)).total).toEqual(total);
  });

  test("removing a customer takes away its own integers and nothing else, and they are at most C long", async () => {
    const local = { ...base, steps: 3 };
    const all = await localSum(local);
    for (const customer of everybody) {
      const without = await localSum(local, { sampled: everybody.filter((other) => other !== customer) });
      const alone = await localSum(local, { sampled: Uint32Array.of(customer) });
      expect(all.total.map((value, i) => value - (without.total[i] ?? 0) + 0)).toEqual(alone.total);
      expect(lengthOf(scaled(alone.total))).toBeLessThanOrEqual(clipNorm);
    }
  });

  test("a customer whose steps run away counts as zero", async () => {
    const wild = { ...base, steps: 30, learningRate: 1e30 };
    const { total, counts } = await localSum(wild, { sampled: Uint32Array.of(1, 2) });
    expect(counts).toEqual({ customers: 2, zeroed: 1, skipped: 0 });
    expect(total.every((units) => units === 0)).toBe(true);
  });
});

describe("unit node", () => {
  const local: LocalUpdates = { ...base, unit: "node", epochs: 3, proximal: 0.4 };

  test("all customers together are one vector of length C at most, and every epoch counts", async () => {
    const { total } = await localSum({ ...local, learningRate: 0.05 });
    const length = lengthOf(scaled(total));
    expect(length).toBeGreaterThan(clipNorm * (1 - 1e-6));
    expect(length).toBeLessThanOrEqual(clipNorm);
    const once = await localSum({ ...local, learningRate: 0.05, epochs: 1 });
    expect(once.total).not.toEqual(total);
  });

  test("one batch of everybody is one mean gradient; more epochs are the plain loop's", async () => {
    for (const epochs of [1, 3]) {
      const { total } = await localSum({ ...local, batchSize: 8, epochs });
      const batches = Array.from({ length: epochs }, () => everybody);
      const expected = clipped(await slowUpdate(batches, local.learningRate, local.proximal));
      expect(furthest(scaled(total), expected)).toBeLessThan(2e-6);
    }
  });

  test("an empty node sends zeros", async () => {
    const { total } = await localSum(local, { sampled: new Uint32Array() });
    expect(total.every((units) => units === 0)).toBe(true);
  });
});

describe("a sum whose support is asked for", () => {
  // wide and sampled, so that most rows of most steps are touched by nobody
  const wide = modelSpec({ items: 90, length: 5, width: 8, nextItem: { loss: "softmax", negatives: 4, calibration: 0 } });
  const weights = parametersOf(wide, 5);

  test.each([
    { ...base, unit: "customer" as const },
    { ...base, steps: 3 },
    { ...base, unit: "node" as const, epochs: 3 },
    { ...base, unit: "node" as const, epochs: 2, proximal: 0.4 },
  ])(
    "is the same, and 0 outside of it, whoever came before: $unit, $steps steps, $epochs passes, pull $proximal",
    async (local) => {
      const trainer = await openTrainer(wide, onnxruntimeExecutor(), local);
      const [into, support] = [new Float64Array(weights.length), emptySupport(weights.length)];
      const common = { parameters: weights, into, support };
      let skipped = 0;
      for (const [place, sampled] of [Uint32Array.of(0, 2), Uint32Array.of(3), Uint32Array.of(1), everybody].entries()) {
        const asked = () => request({ parameters: weights, sampled, negatives: source(1 + (place >> 1)) });
        const fresh = await openTrainer(wide, onnxruntimeExecutor(), local);
        const expected = await fresh.sum(asked());
        await fresh.close();
        const found = await trainer.sum({ ...asked(), ...common });
        expect(found).toEqual(expected);
        const outside = into.slice();
        eachStretch(support, (from, to) => {
          outside.fill(0, from, to);
          skipped -= to - from;
        });
        skipped += into.length;
        expect(outside.every((units) => units === 0)).toBe(true);
        clearSupported(support, into);
      }
      expect(skipped).toBeGreaterThan(weights.length / 4);
      await trainer.close();
    },
  );
});

test("when time is up, nothing of what was learnt so far is sent", async () => {
  for (const local of [
    { ...base, steps: 3 },
    { ...base, unit: "node" as const, epochs: 4 },
  ]) {
    let asked = 0;
    const { total, counts } = await localSum(local, { deadline: () => ++asked > 4 });
    expect(total.every((units) => units === 0)).toBe(true);
    expect(counts).toEqual({ customers: 0, zeroed: 0, skipped: 5 });
  }
});

test.each([
  { steps: 0 },
  { epochs: 1.5 },
  { batchSize: 0 },
  { learningRate: 0 },
  { learningRate: Number.NaN },
  { proximal: -1 },
  { proximal: 4 }, // 4·0.3 > 1: the pull would overshoot
])("%o is refused", async (change) => {
  const opening = openTrainer(spec, float64Interpreter(), { ...base, steps: 2, ...change });
  await expect(opening).rejects.toMatchObject({ code: "TRB_TRAINING_REQUEST_INVALID" });
});
