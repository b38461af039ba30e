/** The private sum of every family: what `trainer.test.ts` holds `sasrec` to in detail. */
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parameterCount } from "../parameters.ts";
import { exampleOf, inputsOf } from "./examples/examples.ts";
import { familyModels, market, parametersOf, source } from "./family-models.fixture.ts";
import { bucketCount, classOf, lengthClasses } from "./length-classes.ts";
import { drawNegatives } from "./negatives.ts";
import { roundSeed } from "./round-seed.ts";
import { createTrainer, type SumRequest, type Trainer } from "./trainer.ts";

const [clipNorm, grid] = [0.1, 2 ** 32];
const models = familyModels.map((spec) => ({ name: spec.family, spec }));
const length = (vector: Float64Array) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
const distance = (a: Float64Array, b: Float64Array) => length(a.map((value, i) => value - (b[i] ?? 0)));

function plus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + (b[i] ?? 0));
}

describe.each(models)("$name", ({ spec }) => {
  const histories = market(spec, 90, 5);
  const everyone = Uint32Array.from(histories.customers.keys());
  const parameters = parametersOf(spec, 11);
  let trainer: Trainer;
  beforeAll(async () => {
    trainer = await createTrainer(spec, onnxruntimeExecutor());
  });
  afterAll(async () => trainer.close());

  function request(sampled: Uint32Array, round = 3): SumRequest {
    const sizes = { clipNorm, scale: 2 ** 22, fractionBits: 10, customerQuota: 128 };
    return { ...sizes, parameters, histories, sampled, negatives: source(round) };
  }
  const sumOf = async (sampled: Uint32Array, round = 3) => (await trainer.sum(request(sampled, round))).total;

  /** Customers by the bucket that their own class and hash put them into, in the round of seed 3. */
  function buckets(): ReadonlyMap<string, readonly number[]> {
    const random = source(3);
    if (spec.nextItem.negatives > 0) drawNegatives(spec, random);
    const seed = roundSeed(random);
    const found = new Map<string, number[]>();
    for (const customer of everyone) {
      const example = exampleOf(spec, histories, customer, seed);
      if (example === undefined) continue;
      const classLength = classOf(lengthClasses(spec.length), inputsOf(example));
      const bucket = `${classLength}/${example.hash % bucketCount(classLength, 128)}`;
      found.set(bucket, [...(found.get(bucket) ?? []), customer]);
    }
    return found;
  }

  test("the sum is that of customers run alone, each no longer than C, by ONNX Runtime and by the float64 twin", async () => {
    const together = await sumOf(everyone);
    let summed: Float64Array = new Float64Array(parameterCount(spec));
    let clipped = 0;
    for (const customer of everyone) {
      const alone = await sumOf(Uint32Array.of(customer));
      expect(length(alone)).toBeLessThanOrEqual(clipNorm * grid * (1 + 2 ** -20));
      if (length(alone) > clipNorm * grid * 0.999) clipped += 1;
      summed = plus(summed, alone);
    }
    expect(clipped).toBeGreaterThan(10);
    // truncation: less than 1 a coordinate and customer; the rest is float32
    const truncation = everyone.length * Math.sqrt(parameterCount(spec));
    expect(distance(together, summed)).toBeLessThan(truncation + 1e-5 * clipNorm * grid * everyone.length);
    expect(length(together)).toBeGreaterThan(clipNorm * grid);
    const few = everyone.slice(20, 28);
    const twin = await createTrainer(spec, float64Interpreter());
    const exact = await twin.sum(request(few));
    expect(distance(exact.total, await sumOf(few)) / grid).toBeLessThan(1e-5);
    await twin.close();
  });

  test("removing a customer changes its own bucket alone: every other's integers stay to the bit", async () => {
    const whole = await sumOf(everyone);
    const members = [...buckets().values()];
    expect(members.length).toBeGreaterThan(3);
    let parts: Float64Array = new Float64Array(whole.length);
    for (const bucket of members) parts = plus(parts, await sumOf(Uint32Array.from(bucket)));
    expect(parts).toEqual(whole); // a bucket on its own gives the same integers as among all the others
    for (const bucket of members.filter(({ length: size }) => size > 1).slice(0, 4)) {
      const without = await sumOf(everyone.filter((customer) => customer !== bucket[0]));
      const others = await sumOf(everyone.filter((customer) => !bucket.includes(customer)));
      const rest = await sumOf(Uint32Array.from(bucket.slice(1)));
      expect(plus(others, rest)).toEqual(without);
      expect(distance(whole, without)).toBeLessThanOrEqual(clipNorm * grid * (1 + 2 ** -10 / 30) + Math.sqrt(whole.length));
    }
  });

  test("the order of the sample changes nothing, and neither does a second run", async () => {
    const whole = await sumOf(everyone);
    expect(await sumOf(everyone.toReversed())).toEqual(whole);
  });

  test("another round draws anew what this family draws", async () => {
    const draws = spec.dropout > 0 || spec.masked > 0 || spec.steps > 0 || spec.nextItem.negatives > 0;
    const [one, another] = [await sumOf(everyone, 3), await sumOf(everyone, 4)];
    expect(draws).toBe(true);
    expect(another).not.toEqual(one);
  });
});
