/** What serves is what was trained: scores against the training graph's own losses. */
import type { Histories } from "@tributary/events/histories";
import { encodeOnnx, type FeedTensor } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { parameterCount } from "../parameters.ts";
import { scrambled } from "../rows.ts";
import { checkSpec, type ModelSpec, modelSpec } from "../spec.ts";
import { exampleFeeds, exampleOf } from "../training/examples/examples.ts";
import { exportOnnx, inferenceGraph } from "./inference.ts";
import { graphDigestInput, trainingGraph, trainingGraphs } from "./training.ts";
import { weightFeeds } from "./weights.ts";

const spec: ModelSpec = modelSpec({
  items: 30,
  length: 6,
  width: 8,
  blocks: 2,
  heads: 2,
  feedForward: 2,
  activation: "relu",
  positions: "sinusoidal",
  actions: 4,
  timeGaps: 14,
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 500, churn: 0, purchase: 0 },
});

const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => scrambled(i + 1) / 2 ** 32 - 0.45);
const weights = weightFeeds(spec, parameters);

/** Two customers; the last event of each is what comes next. */
const histories: Histories = {
  customers: ["a", "b"],
  offsets: Uint32Array.of(0, 4, 6),
  items: Int32Array.of(3, 0, 7, 12, 5, 30),
  actions: Uint8Array.of(0, 3, 1, 2, 0, 1),
  times: Float64Array.of(0, 10, 5000, 5001, 0, 9e6),
};

const crossEntropy = (logits: readonly number[], place: number) =>
  Math.log(logits.reduce((sum, value) => sum + Math.exp(value - (logits[place] ?? 0)), 0));

test("scores and action logits give the losses that training sees at the last position", async () => {
  const executor = onnxruntimeExecutor();
  const training = await executor.load(trainingGraph(spec, { length: 6, clipped: false }).graph);
  const inference = await executor.load(inferenceGraph(spec));
  const examples = [0, 1].flatMap((customer) => exampleOf(spec, histories, customer, 1) ?? []);
  const fed = exampleFeeds(spec, histories, examples, 6);
  // only each customer's last position counts
  const last = Float32Array.from({ length: 12 }, (_, i) => (i === 2 || i === 6 ? 1 : 0));
  const weight = { shape: [12, 1], data: last };
  const { loss } = await training.run({ ...weights, ...fed, itemWeights: weight, actionWeights: weight });
  const firsts = (name: string): FeedTensor => ({
    shape: [2, 6],
    data: Int32Array.from({ length: 12 }, (_, i) => {
      const [row, place] = [Math.floor(i / 6), i % 6];
      return place < (row === 0 ? 3 : 1) ? (fed[name]?.data[row * 7 + place] ?? 0) : 0;
    }),
  });
  const inputs = { items: firsts("items"), actions: firsts("actions"), gaps: fed["gaps"], positions: fed["positions"] };
  const outputs = await inference.run({ ...weights, ...(inputs as Record<string, FeedTensor>) });
  for (const customer of [0, 1]) {
    const scores = [...(outputs["scores"]?.data ?? [])].slice(customer * 30, (customer + 1) * 30);
    const logits = [...(outputs["actionLogits"]?.data ?? [])].slice(customer * 4, (customer + 1) * 4);
    const end = (histories.offsets[customer + 1] ?? 0) - 1;
    const expected =
      crossEntropy(scores, (histories.items[end] ?? 0) - 1) + 0.5 * crossEntropy(logits, histories.actions[end] ?? 0);
    expect(Math.abs((loss?.data[customer] ?? 0) - expected)).toBeLessThan(1e-5);
  }
  await Promise.all([training.close(), inference.close()]);
});

test("a customer's scores depend neither on padding nor on who else is in the batch", async () => {
  const session = await onnxruntimeExecutor().load(inferenceGraph(spec));
  const feed = (shape: number[], data: number[]): FeedTensor => ({ shape, data: Int32Array.from(data) });
  const alone = await session.run({
    ...weights,
    items: feed([1, 3], [3, 0, 7]),
    actions: feed([1, 3], [1, 4, 2]),
    gaps: feed([1, 3], [1, 3, 8]),
    positions: feed([1, 3], [4, 5, 6]),
  });
  const beside = await session.run({
    ...weights,
    items: feed([2, 5], [9, 9, 1, 2, 3, 3, 0, 7, 0, 0]),
    actions: feed([2, 5], [1, 1, 1, 1, 1, 1, 4, 2, 0, 0]),
    gaps: feed([2, 5], [1, 2, 2, 2, 2, 1, 3, 8, 0, 0]),
    positions: feed([2, 5], [2, 3, 4, 5, 6, 4, 5, 6, 0, 0]),
  });
  const other = beside["scores"]?.data.slice(30);
  expect(other).toHaveLength(30);
  for (const [row, score] of alone["scores"]?.data.entries() ?? []) {
    expect(Math.abs(score - (other?.[row] ?? Number.NaN))).toBeLessThan(1e-5);
  }
  await session.close();
});

describe("bytes", () => {
  test("depend on the spec alone, and on all of it", () => {
    const hex = (model: ModelSpec) => Buffer.from(graphDigestInput(model)).toString("base64");
    const bytes = hex(spec);
    expect(hex({ ...spec })).toBe(bytes);
    const others: Partial<ModelSpec>[] = [
      { items: 31 },
      { length: 7 },
      { width: 16 },
      { blocks: 1 },
      { heads: 1 },
      { feedForward: 1 },
      { activation: "gelu" },
      { positions: "learned" },
      { actions: 5 },
      { timeGaps: 0 },
      { nextItem: { loss: "softmax", negatives: 3, calibration: 0 } },
      { weights: { nextItem: 1000, nextAction: 400, churn: 0, purchase: 0 } },
    ];
    for (const change of others) expect(hex({ ...spec, ...change }), JSON.stringify(change)).not.toBe(bytes);
  });

  test("there is a second training graph where the model reads long histories", () => {
    expect(trainingGraphs(spec)).toHaveLength(1);
    expect(trainingGraphs({ ...spec, length: 50 })).toHaveLength(2);
  });

  test("the exported file holds the weights", () => {
    const full = exportOnnx(spec, parameters);
    expect(full.length).toBeGreaterThan(encodeOnnx(inferenceGraph(spec)).length);
    const head = Buffer.from(new Uint8Array(parameters.slice(0, spec.items * spec.width).buffer));
    expect(Buffer.from(full).includes(head)).toBe(true);
  });
});

test.each<[Partial<ModelSpec>, string]>([
  [{ width: 10 }, "width"],
  [{ items: 1 }, "items"],
  [{ blocks: 0 }, "blocks"],
  [{ length: 1.5 }, "length"],
  [{ family: "bert4rec", masked: 200, length: 1 }, "length"],
  [{ nextItem: { loss: "softmax", negatives: 30, calibration: 0 } }, "negatives"],
  [{ actions: 0 }, "next-action"],
])("a model with %o is refused", (change, word) => {
  const error = { code: "TRB_TRAINING_SPEC_INVALID", message: expect.stringContaining(word) };
  expect(() => checkSpec({ ...spec, ...change })).toThrow(expect.objectContaining(error));
});
