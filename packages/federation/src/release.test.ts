import { noisyVector } from "@tributary/dp";
import {
  decodeOptimiserState,
  encodeOptimiserState,
  type ModelSpec,
  modelSpec,
  type Optimiser,
  parameterShapes,
  registerExtension,
  serverStep,
  trainedCount,
} from "@tributary/model";
import { optimiserSchema, type Plan, randomSourceFromSeed, type Sha256, toHex } from "@tributary/protocol";
import { describe, expect, expectTypeOf, test } from "vitest";
import { crypto, dimension, identity, planOf } from "./parties.test-support.ts";
import {
  applySum,
  localUpdatesOf,
  negativesSource,
  noiseVarianceOf,
  optimiserOf,
  roundParameters,
  sumUploads,
} from "./release.ts";

const plan = planOf(identity("coordinator").key);

test("a plan's model is a model's spec, and the other way round", () => {
  expectTypeOf<Plan["model"]>().toExtend<ModelSpec>();
  expectTypeOf<ModelSpec>().toExtend<Plan["model"]>();
  expect(modelSpec(plan.model)).toEqual(plan.model);
});

/** A plan's optimiser with its decimals read. */
type InNumbers<Union> = Union extends unknown
  ? {
      readonly [Field in keyof Union]: Field extends "name" | "extension"
        ? Union[Field]
        : Field extends "numbers"
          ? Readonly<Record<string, number>>
          : number;
    }
  : never;

test("a plan can name every optimiser that the model room has, with the same fields, and no other", () => {
  expectTypeOf<InNumbers<Plan["optimiser"]>>().toExtend<Optimiser>();
  expectTypeOf<Optimiser>().toExtend<InNumbers<Plan["optimiser"]>>();
  expect(Object.keys(optimiserOf(plan)).sort()).toEqual(Object.keys(plan.optimiser).sort());
});

describe("the next model", () => {
  test("is the server's step along the signed sum over scale, sampling rate and the declared number of customers", () => {
    const signed = Int32Array.from({ length: dimension }, (_, i) => (i - 12) * 1_000_003);
    const parameters = Float32Array.from({ length: dimension }, (_, i) => i / 8);
    const sum = new Uint32Array(signed.slice().buffer);
    const next = applySum({ plan, release: 0, sum, survivors: 3, parameters, optimiserState: null });
    // 1000 units of scale · 0.1 · 1000 customers
    const mean = Float64Array.from(signed, (units) => units / 100_000);
    const expected = serverStep({ name: "fedavg", learningRate: 1, momentum: 0 }, parameters, null, mean);
    for (let i = 0; i < dimension; i++) expect(next.parameters[i]).toBeCloseTo(expected.parameters[i] ?? Number.NaN, 5);
    expect(Math.sign((next.parameters[0] ?? 0) - (parameters[0] ?? 0))).toBe(1); // a negative gradient raises the weight
    expect(next.optimiserState.steps).toBe(1);
  });

  test("moves by the rate that the release's schedule has for the round, and by none that nobody knows", () => {
    const [release] = plan.releases as [Plan["releases"][number]];
    const steps = [
      { from: 0, factor: "1" },
      { from: 2, factor: "0.25" },
    ] as unknown as [{ from: number; factor: Plan["epsilon"] }];
    const staged: Plan = { ...plan, releases: [{ ...release, schedule: { shape: "piecewise", steps } }] };
    const sum = new Uint32Array(dimension).fill(100_000);
    const step = { plan: staged, release: 0, sum, survivors: 3, parameters: new Float32Array(dimension), optimiserState: null };
    const moved = (releasedBefore: number) => applySum({ ...step, releasedBefore }).parameters[0] ?? Number.NaN;
    expect(moved(2) / moved(1)).toBeCloseTo(0.25, 6);
    expect(moved(1)).toBe(moved(0));
    expect(moved(0)).toBe(applySum({ ...step, plan }).parameters[0]);
    expect(() => applySum(step)).toThrowError(expect.objectContaining({ code: "TRB_PLAN_SCHEDULE_UNFIT" }));
  });

  test("of an adaptive optimiser takes its numbers from the plan", () => {
    const number = (text: string) => text as Plan["epsilon"];
    const optimiser = {
      name: "fedadam",
      learningRate: number("0.5"),
      beta1: number("0.9"),
      beta2: number("0.99"),
      epsilon: number("0.001"),
    } as const;
    const sum = new Uint32Array(dimension).fill(100_000); // a mean gradient of one
    const step = { release: 0, sum, survivors: 3, parameters: new Float32Array(dimension), optimiserState: null };
    expect(applySum({ ...step, plan: { ...plan, optimiser } }).parameters[0]).toBeCloseTo(-0.5 / 1.001, 6);
    const decayed = { ...optimiser, l1: number("0.01"), l2: number("1e-9"), weightDecay: number("0") };
    expect(optimiserOf({ optimiser: decayed })).toEqual({
      name: "fedadam",
      learningRate: 0.5,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 0.001,
      l1: 0.01,
      l2: 1e-9,
      weightDecay: 0,
    });
    expect(applySum({ ...step, plan: { ...plan, optimiser: decayed } }).parameters[0]).toBeCloseTo(-0.5 / 1.001 + 0.005, 6);
  });

  test("of dpadam takes out the noise that the round's survivors brought", () => {
    const decimal = (value: number) => String(value) as Plan["epsilon"];
    const optimiser = {
      name: "dpadam",
      learningRate: decimal(1),
      beta1: decimal(0.9),
      beta2: decimal(0.99),
      floor: decimal(1e-9),
    } as const;
    const sum = new Uint32Array(dimension).fill(100_000); // a mean gradient of one
    const step = {
      plan: { ...plan, optimiser },
      release: 0,
      sum,
      parameters: new Float32Array(dimension),
      optimiserState: null,
    };
    for (const survivors of [3, 4]) {
      const noise = noiseVarianceOf(plan, 0, survivors);
      expect(applySum({ ...step, survivors }).parameters[0]).toBeCloseTo(-1 / Math.sqrt(1 - noise), 6);
    }
  });
});

describe("the next model of a plan that trains some tensors", () => {
  const model = modelSpec({ items: 3, length: 2, width: 4 });
  const trained = ["position.weight", "final.*"];
  const count = trainedCount(model, trained);
  const total = parameterShapes(model).reduce((sum, { shape }) => sum + shape.reduce((size, length) => size * length, 1), 0);
  const [release] = plan.releases as [Plan["releases"][number]];
  const decimal = (text: string) => text as Plan["epsilon"];
  const partly: Plan = {
    ...{ ...plan, model, trained, releases: [{ ...release, dimension: count, touched: count }] },
    optimiser: { name: "fedavg", learningRate: decimal("1"), momentum: decimal("0"), weightDecay: decimal("0.5") },
  };
  const parameters = Float32Array.from({ length: total }, (_, i) => 1 + i / 1000);
  const sum = new Uint32Array(count).fill(100_000); // a mean gradient of one
  const step = { plan: partly, release: 0, sum, survivors: 3, parameters, optimiserState: null };

  test("moves those, and leaves every other number as it was, decay included", () => {
    const before = parameters.slice();
    const next = applySum(step);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(total);
    let place = 0;
    for (const { name, shape } of parameterShapes(model)) {
      const moves = name === "position.weight" || name.startsWith("final.");
      for (const end = place + shape.reduce((size, length) => size * length, 1); place < end; place++) {
        const old = before[place] ?? Number.NaN;
        // w − ½·w − 1
        if (moves) expect(next.parameters[place]).toBeCloseTo(old / 2 - 1, 5);
        else expect(next.parameters[place]).toBe(old);
      }
    }
    expect(parameters).toEqual(before);
    expect(next.optimiserState.steps).toBe(1);
    expect(next.optimiserState.first).toHaveLength(count);
  });

  test("is made in new arrays, whatever room there is; where all is trained, in that room", () => {
    const roomOf = (length: number) => ({
      ...{ mean: new Float64Array(length), first: new Float64Array(length), parameters: new Float32Array(length) },
    });
    const room = roomOf(count);
    expect(applySum({ ...step, room })).toEqual(applySum(step));
    expect(room).toEqual(roomOf(count));
    const whole = { plan, release: 0, survivors: 3, optimiserState: null };
    const all = { ...whole, sum: new Uint32Array(dimension).fill(100_000), parameters: new Float32Array(dimension) };
    const own = roomOf(dimension);
    const next = applySum({ ...all, room: own });
    expect(next).toEqual(applySum(all));
    expect(next.parameters).toBe(own.parameters);
    expect(own.mean).toEqual(new Float64Array(dimension).fill(1));
  });
});

test("an extension's optimiser has its numbers from the plan, and is told of the noise; fedavg doesn't ask for it", () => {
  registerExtension({
    name: "by-noise",
    optimiser: {
      defaults: { learningRate: 1, numbers: { gain: 1 } },
      direction: ({ numbers, before, gradient, noiseVariance }) => ({
        direction: gradient.map((g) => g * noiseVariance * (numbers["gain"] ?? Number.NaN)),
        first: before.first,
        second: before.second,
      }),
    },
  });
  const decimal = (text: string) => text as Plan["epsilon"];
  const optimiser: Plan["optimiser"] = {
    name: "extension",
    ...{ extension: "by-noise", learningRate: decimal("0.5"), weightDecay: decimal("0.25"), numbers: { gain: decimal("8") } },
  };
  expect(optimiserOf({ optimiser })).toEqual({
    ...{ name: "extension", extension: "by-noise", learningRate: 0.5, weightDecay: 0.25, numbers: { gain: 8 } },
  });
  const sum = new Uint32Array(dimension).fill(100_000); // a mean gradient of one
  const step = { release: 0, sum, survivors: 4, parameters: new Float32Array(dimension), optimiserState: null };
  const noise = noiseVarianceOf(plan, 0, 4);
  expect(applySum({ ...step, plan: { ...plan, optimiser } }).parameters[0]).toBeCloseTo(-0.5 * 8 * noise, 6);
  // where the coordinator adds the noise, a node's share of it is not defined
  const central: Plan = { ...plan, noiseMode: "central" };
  expect(applySum({ ...step, plan: central }).parameters[0]).toBe(-1);
  expect(() => applySum({ ...step, plan: { ...central, optimiser } })).toThrowError(
    expect.objectContaining({ code: "TRB_PLAN_CENTRAL_NOISE" }),
  );
});

test("what a node does before it clips is what the plan says, in numbers", () => {
  const local = { learningRate: "0.5", proximal: "0.125", epochs: 2, batchSize: 16 } as unknown as Plan["local"];
  expect(localUpdatesOf({ unit: "node", caps: { ...plan.caps, localSteps: 3 }, local })).toEqual({
    ...{ unit: "node", steps: 3, learningRate: 0.5, proximal: 0.125, epochs: 2, batchSize: 16 },
  });
});

describe("two rounds of a plan, with the optimiser's state stored between them", () => {
  const rates = { learningRate: "0.5", beta1: "0.9", beta2: "0.99" } as const;
  const plans = [
    { name: "fedavg", learningRate: "1", momentum: "0.9", l1: "0.01" },
    { name: "fedadam", ...rates, epsilon: "0.001", l2: "0.1" },
    { name: "adamw", ...rates, epsilon: "0.001", weightDecay: "0.1" },
    { name: "fedyogi", ...rates, epsilon: "0.001" },
    { name: "fedadagrad", learningRate: "0.5", beta1: "0.9", epsilon: "0.001" },
    { name: "rmsprop", learningRate: "0.5", decay: "0.9", epsilon: "0.001" },
    { name: "dpadam", ...rates, floor: "0.000001" },
  ].map((optimiser): Plan => ({ ...plan, optimiser: optimiserSchema.parse(optimiser) }));

  test.each(plans.map((one) => [one.optimiser.name, one] as const))("%s goes down the sum twice", (_name, one) => {
    const sum = new Uint32Array(dimension).fill(100_000); // a mean gradient of one
    const first = applySum({
      plan: one,
      release: 0,
      sum,
      survivors: 3,
      parameters: new Float32Array(dimension),
      optimiserState: null,
    });
    const stored = decodeOptimiserState(optimiserOf(one), encodeOptimiserState(first.optimiserState));
    const second = applySum({ ...first, plan: one, release: 0, sum, survivors: 4, optimiserState: stored });
    expect(second.optimiserState.steps).toBe(2);
    for (let i = 0; i < dimension; i++) {
      expect(first.parameters[i]).toBeLessThan(0);
      expect(second.parameters[i]).toBeLessThan(first.parameters[i] ?? Number.NaN);
    }
  });
});

describe("the noise that dpadam is told of", () => {
  const [training] = plan.releases as [Plan["releases"][number]];
  const wide = 40_000;
  const text = (value: number) => String(value) as Plan["epsilon"];
  const noisy = (change: Partial<Plan>): Plan => ({
    ...plan,
    releases: [
      { ...training, dimension: wide, touched: wide, noiseMultiplier: text(0.7), samplingRate: text(0.05), scale: text(300) },
    ],
    ...change,
  });

  test("follows the formula", () => {
    // Δ = 1000·(1 + 2⁻¹⁰) + √24, z = 1, three honest nodes; 1000 units of scale · 0.1 · 1000 customers
    const sensitivity = 1000 * (1 + 2 ** -10) + Math.sqrt(dimension);
    expect(noiseVarianceOf(plan, 0, 3) / (sensitivity / 100_000) ** 2).toBeCloseTo(1, 6);
    expect(noiseVarianceOf(plan, 0, 4) / noiseVarianceOf(plan, 0, 3)).toBeCloseTo(4 / 3, 12);
    const local = { ...plan, noiseMode: "local" as const };
    expect(noiseVarianceOf(local, 0, 3) / noiseVarianceOf(plan, 0, 3)).toBeCloseTo(3, 6);
  });

  test.each([
    ["five survivors, three of them counted on", noisy({ minCohort: 4, maxCorrupt: 1 }), 5],
    ["local noise", noisy({ noiseMode: "local" }), 4],
  ])("is the variance of a mean update's coordinates: %s", (name, round, survivors) => {
    const parameters = roundParameters(round, 0);
    const total = new Uint32Array(wide);
    for (let node = 0; node < survivors; node++) {
      const stream = (purpose: string) =>
        randomSourceFromSeed(crypto, new Uint8Array(32).fill(7), purpose, name, node, "noise variance");
      const random = { rounding: stream("rounding"), noise: stream("noise") };
      const vector = noisyVector(new Float64Array(wide), parameters, random); // no customer was sampled
      for (let i = 0; i < wide; i++) total[i] = (total[i] ?? 0) + (vector[i] ?? 0);
    }
    const start = new Float32Array(wide);
    const still = { ...round, optimiser: { name: "fedavg", learningRate: text(1), momentum: text(0) } as const };
    const mean = applySum({
      plan: still,
      release: 0,
      sum: total,
      survivors,
      parameters: start,
      optimiserState: null,
    }).parameters;
    const variance = mean.reduce((squares, x) => squares + x * x, 0) / wide;
    // a mean of 40,000 squares of Gaussians is within 6.2·√(2/40000) = 4.4 % of its expectation but for a chance of 1e-9
    expect(Math.abs(variance / noiseVarianceOf(round, 0, survivors) - 1)).toBeLessThan(0.044);
  });
});

test("what training takes from the plan is what the ledger states", () => {
  const { clampBound, honestNodes, customerQuota, nodeVariance, grid } = roundParameters(plan, 0);
  expect({ clampBound, honestNodes, customerQuota }).toEqual({ clampBound: 64 * 1000 * 16, honestNodes: 3, customerQuota: 64 });
  expect(grid.unitsPerOne).toBe(16_000);
  // σ_u² = z²Δ²/h with Δ = 1000·(1 + 2⁻¹⁰) + √24, rounded up at 2⁻²⁰
  const sensitivity = 1000 * (1 + 2 ** -10) + Math.sqrt(dimension);
  expect(Number(nodeVariance.numerator) / Number(nodeVariance.denominator)).toBeCloseTo(sensitivity ** 2 / 3, 2);
});

test("everybody draws the same negatives in a round, and others in the next", () => {
  const bytes = (round: number, hash = plan.graphHash) => {
    const out = new Uint8Array(32);
    negativesSource(crypto, hash, round).fill(out);
    return [...out];
  };
  expect(bytes(1)).toEqual(bytes(1));
  expect(bytes(1)).not.toEqual(bytes(2));
  expect(bytes(1)).not.toEqual(bytes(1, plan.catalogueHash));
  // the worked example of docs/protocol.md
  expect(toHex(Uint8Array.from(bytes(7, "01".repeat(32) as Sha256).slice(0, 16)))).toBe("2b4bdfbf8ea405c62dcd62a85246fa02");
});

test("an upload of another length ends the sum", async () => {
  const sum = {
    round: 1,
    length: 3,
    uploads: [{ node: "node-a", sha256: plan.graphHash }],
    unmasking: { ownMasks: [], pairMasks: [] },
  };
  const asked = { ...sum, uploads: sum.uploads as unknown as Parameters<typeof sumUploads>[0]["uploads"] };
  await expect(sumUploads(asked, async () => new Uint32Array(4), crypto)).rejects.toMatchObject({
    code: "TRB_SECAGG_VECTOR_MISMATCHED",
  });
});
