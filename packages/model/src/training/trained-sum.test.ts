/** Sums of some tensors alone: what a plan with `trained` releases, held to every customer's gradient taken apart by hand. */
import { seededRandom } from "@tributary/events/histories";
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphDigestInput, trainingGraph, trainingGraphs } from "../graphs/training.ts";
import { itemContent } from "../item-content/item-content.ts";
import { parameterCount } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import {
  putTrained,
  type TrainedGroup,
  takeTrained,
  trainedCount,
  trainedGroups,
  trainedNames,
  trainedTensors,
} from "../trained-tensors.ts";
import { createThreadTrainer } from "../workers/private-trainer.ts";
import { familyModels, market, parametersOf, source } from "./family-models.fixture.ts";
import { openTrainer } from "./local-updates.ts";
import { roundSeed } from "./round-seed.ts";
import { bytesOf } from "./seeded-bytes.ts";
import { createTrainer, type SumRequest, type Trainer } from "./trainer.ts";

const attributed = modelSpec({
  ...{ items: 40, length: 9, width: 8, blocks: 2, heads: 2, feedForward: 2, actions: 4, timeGaps: 6 },
  item: { ids: "own", attributes: [{ name: "brand", values: 5 }], features: 0 },
  nextItem: { loss: "softmax", negatives: 6, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 300, churn: 0, purchase: 0 },
});
const catalogue = Array.from({ length: 40 }, (_, item) => ({ brand: String(item % 5) }));
const clipNorm = 0.01;
const grid = 2 ** 32;
const length = (vector: ArrayLike<number>) => Math.hypot(...Array.from(vector));
const distance = (a: Float64Array, b: Float64Array) => length(a.map((value, i) => value - (b[i] ?? 0)));
const contentOf = (spec: ModelSpec) => (spec === attributed ? itemContent(spec, catalogue) : undefined);

function requestFor(spec: ModelSpec, customers: number, change: Partial<SumRequest> = {}): SumRequest {
  const histories = market(spec, customers, 5);
  return {
    ...{ histories, parameters: parametersOf(spec, 11), sampled: Uint32Array.from(histories.customers.keys()) },
    ...{ clipNorm, scale: 2 ** 22, fractionBits: 10, customerQuota: 128, negatives: source(3), ...change },
  };
}

const subsets: readonly [string, ModelSpec, readonly TrainedGroup[]][] = [
  ...familyModels.flatMap((spec) =>
    (["blocks", "inputs", "heads", "items"] as const).map((group): [string, ModelSpec, readonly TrainedGroup[]] => [
      `${spec.family}, ${group}`,
      spec,
      [group],
    ]),
  ),
  ["sasrec, norms", attributed, ["norms"]],
  ["sasrec, attributes", attributed, ["attributes"]],
  ["sasrec, attributes and blocks", attributed, ["attributes", "blocks"]],
];

describe.each(subsets)("%s", (_, spec, groups) => {
  const trained = trainedNames(spec, groups);
  const tensors = trainedTensors(spec, trained);
  const content = contentOf(spec);
  let some: Trainer;
  let all: Trainer;
  beforeAll(async () => {
    some = await createTrainer(spec, onnxruntimeExecutor(), { content, trained });
    all = await createTrainer(spec, float64Interpreter(), { content, clipped: false });
  });
  afterAll(async () => {
    await some.close();
    await all.close();
  });

  test("the sum is of each customer's whole gradient, cut to these tensors and then clipped", async () => {
    const request = requestFor(spec, 24);
    const expected = new Float64Array(trainedCount(spec, trained));
    let clipped = 0;
    for (const customer of request.sampled) {
      const { total } = await all.sum({ ...request, negatives: source(3), sampled: Uint32Array.of(customer) });
      const own = Float64Array.from(tensors.flatMap(({ inModel, size }) => Array.from(total.slice(inModel, inModel + size))));
      const factor = Math.min(1, (clipNorm * grid) / Math.max(1, length(own)));
      if (factor < 1) clipped += 1;
      for (const [i, value] of own.entries()) expected[i] = (expected[i] ?? 0) + factor * value;
    }
    const { total, counts } = await some.sum(request);
    expect(clipped).toBeGreaterThan(3);
    expect(counts.customers).toBe(24);
    expect(total).toHaveLength(expected.length);
    expect(expected.length).toBeLessThan(parameterCount(spec));
    expect(length(expected)).toBeGreaterThan(clipNorm * grid);
    expect(distance(total, expected)).toBeLessThan(1e-5 * length(expected));
  });

  test("the graph is another one, and reads every weight", () => {
    const whole = trainingGraph(spec, { length: spec.length, clipped: true });
    const part = trainingGraph(spec, { length: spec.length, clipped: true, trained });
    expect(graphDigestInput(spec, trained)).not.toEqual(graphDigestInput(spec));
    expect(part.graph.inputs.map(({ name }) => name)).toEqual(whole.graph.inputs.map(({ name }) => name));
    expect(part.graph.nodes.length).toBeLessThan(whole.graph.nodes.length);
    const read = new Set([...part.graph.nodes.flatMap(({ inputs }) => inputs), ...part.graph.outputs.map(({ name }) => name)]);
    expect(
      part.graph.nodes.filter(({ attributes, outputs }) => !attributes["body"] && !outputs.some((name) => read.has(name))),
    ).toEqual([]);
  });
});

test("all tensors by their names are the whole model: the same graphs, the same sum", async () => {
  const trained = ["*"];
  expect(trainingGraphs(attributed, trained)).toEqual(trainingGraphs(attributed));
  expect(trainedCount(attributed, trained)).toBe(parameterCount(attributed));
  const groups = trainedGroups.filter((group) => group !== "norms");
  expect(trainedCount(attributed, trainedNames(attributed, groups))).toBe(parameterCount(attributed));
});

test("several local steps move these tensors alone, each from where the one before left them", async () => {
  const trained = trainedNames(attributed, ["norms", "attributes"]);
  const [tensors, content] = [trainedTensors(attributed, trained), contentOf(attributed)];
  const [rate, pull] = [0.4, 0.5];
  const local = { unit: "customer", steps: 3, epochs: 1, batchSize: 1, learningRate: rate, proximal: pull } as const;
  const trainer = await openTrainer(attributed, onnxruntimeExecutor(), local, { content, trained });
  const gradients = await createTrainer(attributed, onnxruntimeExecutor(), { content, clipped: false });
  const request = { ...requestFor(attributed, 12), clipNorm: 64, scale: 2 ** 20, fractionBits: 8, sampled: Uint32Array.of(7) };
  const { total } = await trainer.sum(request);
  const seed = roundSeed(source(3));
  const model = request.parameters.slice();
  const start = takeTrained(tensors, model);
  let update = new Float64Array(start.length);
  for (let step = 0; step < 3; step++) {
    const negatives = bytesOf(seededRandom(seed, "negatives", step));
    const whole = await gradients.sum({ ...request, parameters: model, negatives });
    const gradient = takeTrained(
      tensors,
      Float32Array.from(whole.total, (units) => units / 2 ** 28),
    );
    const weights = takeTrained(tensors, model);
    update = update.map((u, i) => u + (gradient[i] ?? 0) + pull * ((weights[i] ?? 0) - (start[i] ?? 0)));
    putTrained(
      tensors,
      Float32Array.from(start, (w, i) => w - rate * (update[i] ?? 0)),
      model,
    );
  }
  await trainer.close();
  await gradients.close();
  expect(length(update)).toBeGreaterThan(0.1);
  expect(
    distance(
      Float64Array.from(total, (units) => units / 2 ** 28),
      update,
    ),
  ).toBeLessThan(1e-5 * length(update));
});

test("threads give the same bits", async () => {
  const trained = trainedNames(attributed, ["blocks"]);
  const content = contentOf(attributed);
  const alone = await createTrainer(attributed, onnxruntimeExecutor(), { content, trained });
  const team = await createThreadTrainer(attributed, 2, { content, trained });
  const [one, two] = [await alone.sum(requestFor(attributed, 60)), await team.sum(requestFor(attributed, 60))];
  const late = await team.sum({ ...requestFor(attributed, 60), deadline: () => true });
  await alone.close();
  await team.close();
  expect(two.total).toEqual(one.total);
  expect(length(one.total)).toBeGreaterThan(grid * clipNorm);
  expect(late.total).toEqual(new Float64Array(trainedCount(attributed, trained)));
});

test.each([
  ["a name that is no tensor's", ["block0.norm1.gain", "blocks.*"]],
  ["a third of a matrix that is trained as one", ["block0.self.query.*"]],
])("%s is refused", (_, trained) => {
  expect(() => trainedTensors(attributed, trained)).toThrow(expect.objectContaining({ code: "TRB_PLAN_TRAINED_UNFIT" }));
});

test("a group that the model has nothing of is refused", () => {
  expect(() => trainedNames(modelSpec({ items: 5, length: 4, width: 4 }), ["attributes"])).toThrow(
    expect.objectContaining({ code: "TRB_PLAN_TRAINED_UNFIT" }),
  );
});
