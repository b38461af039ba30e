import type { Histories } from "@tributary/events/histories";
import { type Executor, float64Interpreter } from "@tributary/tensor";
import { describe, expect, it } from "vitest";
import { parameterCount } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { type Example, exampleOf, inputsOf } from "../training/examples/examples.ts";
import { runsOf, type Weighting } from "./batch-gradient.ts";
import { createMember } from "./member.ts";

/** Customer 0 has one target, customer 1 three, customer 2 none. */
const histories: Histories = {
  customers: ["a", "b", "c"],
  offsets: Uint32Array.of(0, 2, 6, 7),
  items: Int32Array.of(3, 1, 2, 5, 3, 4, 6),
  actions: new Uint8Array(7),
  times: Float64Array.from({ length: 7 }, (_, e) => e),
};
const spec = modelSpec({ items: 6, length: 4, width: 4 });
const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => 0.5 * Math.sin(1 + 3.7 * i));

async function gradientOf(customers: readonly number[], weighting: Weighting, at = parameters, model: ModelSpec = spec) {
  const executor: Executor = float64Interpreter();
  const gradient = new Float32Array(at.length);
  const member = await createMember(
    {
      spec: model,
      train: histories,
      heldOut: {},
      adamw: { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0 },
      weighting,
      parameters: at,
      gradients: [gradient],
      slice: { begin: 0, end: at.length },
    },
    executor,
  );
  const totals = await member.gradient({ seed: 1, shard: 0, customers: Uint32Array.from(customers), negatives: undefined });
  await member.close();
  return { gradient, ...totals };
}

describe("a batch's gradient", () => {
  it("weighs customers alike, or positions alike", async () => {
    const [one, three] = [await gradientOf([0], "customer"), await gradientOf([1], "customer")];
    const byCustomer = await gradientOf([0, 1, 2], "customer");
    const byPosition = await gradientOf([0, 1, 2], "position");
    // who has nothing to learn from does not count
    expect([byCustomer.weight, byPosition.weight]).toEqual([2, 4]);
    expect(byCustomer.loss).toBeCloseTo(one.loss + three.loss, 6);
    expect(byPosition.loss).toBeCloseTo(one.loss + 3 * three.loss, 6);
    expect(Math.max(...one.gradient.map(Math.abs))).toBeGreaterThan(0.01);
    for (let i = 0; i < parameters.length; i++) {
      const [a, b] = [one.gradient[i] as number, three.gradient[i] as number];
      expect(byCustomer.gradient[i]).toBeCloseTo(a + b, 5);
      expect(byPosition.gradient[i]).toBeCloseTo(a + 3 * b, 5);
    }
  });

  it("is the slope of the loss that is reported", async () => {
    const { gradient } = await gradientOf([0, 1], "position");
    const step = 2 ** -10;
    for (let i = 0; i < parameters.length; i += 13) {
      const at = async (sign: number) => {
        const moved = parameters.slice();
        moved[i] = (moved[i] as number) + sign * step;
        return { loss: (await gradientOf([0, 1], "position", moved)).loss, place: moved[i] as number };
      };
      const [up, down] = [await at(1), await at(-1)];
      expect(gradient[i]).toBeCloseTo((up.loss - down.loss) / (up.place - down.place), 4);
    }
  });
});

describe("runs", () => {
  const exampleWith = (inputs: number, begin: number): Example => ({
    hash: 0,
    customer: "",
    seed: 0,
    begin,
    end: begin + inputs + 1,
    inputs,
  });

  it("hold every example once, and little padding", () => {
    const lengths = Array.from({ length: 500 }, (_, i) => 1 + ((i * i) % 50));
    const examples = lengths.map((inputs, i) => exampleWith(inputs, 100 * i));
    const runs = runsOf(examples);
    expect(runs.flat().toSorted((a, b) => a.begin - b.begin)).toEqual(examples);
    for (const run of runs) {
      const longest = Math.max(...run.map(inputsOf));
      expect(run.reduce((spare, example) => spare + longest - inputsOf(example), 0)).toBeLessThanOrEqual(96);
      expect(run.length * longest).toBeLessThanOrEqual(2048);
    }
    expect(runs.length).toBeLessThan(30);
  });

  it("depend on the examples, not on their order", () => {
    const examples = [3, 1, 4, 1, 5, 9, 2, 6].map((inputs, i) => exampleWith(inputs, 100 * i));
    expect(runsOf(examples.toReversed())).toEqual(runsOf(examples));
    const example = exampleOf(spec, histories, 1, 1);
    expect(example && runsOf([example])).toEqual([[example]]);
  });
});
