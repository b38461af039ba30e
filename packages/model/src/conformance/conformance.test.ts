/**
 * The models against PyTorch: `test/vectors/models.json`, made by PyTorch's own modules and autograd in float64 (the file names its
 * source), on every executor; and other sizes, numbers of heads, blocks and steps, a single customer, and targets that are not what
 * comes next: `models-varied.json`.
 */
import { readFileSync } from "node:fs";
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { onnxruntimeWebExecutor } from "@tributary/tensor/onnxruntime-web";
import { tensorflowExecutor } from "@tributary/tensor/tensorflow";
import { describe, expect, test } from "vitest";
import { trainingGraph } from "../graphs/training.ts";
import { modelSpec } from "../spec.ts";
import { type ConformanceResult, conformance, conformanceTolerance, goldenGraph } from "./conformance.ts";
import type { GoldenCase } from "./golden-case.ts";

function read(name: string): readonly GoldenCase[] {
  const document: { readonly cases: readonly GoldenCase[] } = JSON.parse(
    readFileSync(new URL(`../../../../test/vectors/${name}`, import.meta.url), "utf8"),
  );
  return document.cases;
}

const cases = read("models.json");
const varied = read("models-varied.json");
const interpreter = float64Interpreter();
const executors = [interpreter, onnxruntimeExecutor(), onnxruntimeWebExecutor(), await tensorflowExecutor()];

function expectWithin(result: ConformanceResult | undefined): void {
  expect(result?.float32.maxError, result?.name).toBeLessThan(conformanceTolerance.float32);
  if (result?.executor === "interpreter") expect(result.float64?.maxError).toBeLessThan(conformanceTolerance.float64);
  else expect(result).not.toHaveProperty("float64");
}

describe.each(executors)("on $name", (executor) => {
  test.each(cases)("$name: hidden states, losses, norms and the clipped sum are PyTorch's", async (golden) => {
    const [result] = await conformance([golden], [executor]);
    expect(result).toMatchObject({ name: golden.name, executor: executor.name });
    expectWithin(result);
  });

  test("so they are at other sizes", async () => {
    // ONNX Runtime takes a tenth of a second to load a graph; the smallest sizes are where its kernels differ most
    const some = executor.name.startsWith("onnx") && process.env["TRIBUTARY_LONG"] !== "1";
    const chosen = some ? varied.filter(({ name }) => name.includes("1 position")) : varied;
    const results = await conformance(chosen, [executor]);
    expect(results).toHaveLength(some ? 7 : 21);
    for (const result of results) expectWithin(result);
  });
});

test("every family is among the cases", () => {
  expect(cases.map(({ name }) => name)).toEqual([
    "causal-relu-1head-learned",
    "causal-sampled-softmax",
    "causal-gelu-2heads-sinusoidal",
    "bidirectional-cloze",
    "encoder-decoder",
    "lstm",
    "gru",
  ]);
});

test.each(["sasrec", "bert4rec", "seq2seq", "lstm", "gru"] as const)(
  "what is measured is the training graph of %s, with one more output",
  (family) => {
    const spec = modelSpec({ family, items: 9, length: 4, width: 8 });
    const { graph, pieces } = goldenGraph({ spec }, 4);
    const { nodes, outputs } = graph;
    const training = trainingGraph(spec, { length: 4, clipped: true });
    expect({ ...graph, nodes: nodes.slice(0, -1), outputs: outputs.slice(0, -1) }).toEqual(training.graph);
    expect(pieces).toEqual(training.pieces);
    expect(outputs.at(-1)?.name).toBe("hidden");
  },
);

/** Every number of a tree, one of them moved by a thousandth of the largest. */
function moved<Tree>(tree: Tree): Tree {
  const numbers: number[] = [];
  const visit = (value: unknown): void => {
    if (typeof value === "number") numbers.push(value);
    else if (typeof value === "object" && value !== null) for (const part of Object.values(value)) visit(part);
  };
  visit(tree);
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let place = 0;
  const last = numbers.length - 1;
  return JSON.parse(JSON.stringify(tree), (_, value) =>
    typeof value === "number" && place++ === last ? value + largest / 1000 : value,
  );
}

describe.each(cases.filter(({ name }) => /sampled|decoder/.test(name)))("$name: a number that is off shows", (golden) => {
  const { hidden, losses, gradientNorms, clippedSum } = golden;
  const [first = [], ...rest] = hidden;
  const changes: [string, Partial<GoldenCase>][] = [
    ["hidden states", { hidden: [moved(first), ...rest] }],
    ["losses", { losses: moved(losses) }],
    ["norms", { gradientNorms: moved(gradientNorms) }],
    ["the clipped sum", { clippedSum: moved(clippedSum) }],
  ];
  test.each(changes)("%s", async (_, change) => {
    const [result] = await conformance([{ ...golden, ...change }], [interpreter]);
    expect(result?.float64?.maxError).toBeGreaterThan(1e-4);
    expect(result?.float64?.maxError).toBeLessThan(1.1e-3);
  });
});

test("a gradient of padding, which we have no row for, is an error of its size", async () => {
  const [golden] = cases;
  const [first, ...rows] = golden?.clippedSum["item.weight"] ?? [];
  const row = Array.isArray(first) ? first.map(() => 100) : [];
  const clippedSum = { ...golden?.clippedSum, "item.weight": [row, ...rows.filter((other) => Array.isArray(other))] };
  const [result] = await conformance(golden ? [{ ...golden, clippedSum }] : [], [interpreter]);
  expect(result?.float64?.maxError).toBeGreaterThan(1);
});

describe("a case that does not fit together is refused, naming the key", () => {
  const [causal, , , cloze, decoder, lstm] = cases;
  const faults: [string, string, GoldenCase | undefined, (golden: GoldenCase) => Partial<GoldenCase>][] = [
    [
      "a target of padding",
      "inputs.targets[2][0]",
      causal,
      ({ inputs }) => ({ inputs: { ...inputs, targets: inputs.targets.map((row, b) => (b === 2 ? row.map(() => 1) : row)) } }),
    ],
    ["another epsilon", "config.layerNormEpsilon", causal, ({ config }) => ({ config: { ...config, layerNormEpsilon: 1e-3 } })],
    ["another width", "hidden[0]", causal, ({ config }) => ({ config: { ...config, width: 16 } })],
    [
      "a mask token where there is none",
      "inputs.items",
      causal,
      ({ inputs }) => ({ inputs: { ...inputs, items: inputs.items.map((row) => row.map(() => 12)) } }),
    ],
    ["a clip norm of zero", "clipNorm", cloze, () => ({ clipNorm: 0 })],
    ["an unknown family", "parameters", cloze, () => ({ parameters: { "item.weight": [[1]] } })],
    ["no decoder items", "inputs.decoderItems", decoder, ({ inputs: { items, targets } }) => ({ inputs: { items, targets } })],
    [
      "a start token in the middle",
      "inputs.decoderItems[0][1]",
      decoder,
      ({ inputs }) => ({ inputs: { ...inputs, decoderItems: (inputs.decoderItems ?? []).map((row) => row.map(() => 12)) } }),
    ],
    [
      "weights of no gates",
      "parameters.recurrent.hidden.weight",
      lstm,
      ({ parameters }) => ({ parameters: { ...parameters, "recurrent.hidden.weight": [[1]] } }),
    ],
    [
      "ragged rows",
      "clippedSum.recurrent.hidden.weight",
      lstm,
      ({ clippedSum }) => ({
        clippedSum: {
          ...clippedSum,
          "recurrent.hidden.weight": Array.from({ length: 32 }, (_, i) => Array.from({ length: i === 3 ? 7 : 8 }, () => 0)),
        },
      }),
    ],
  ];
  test.each(faults)("%s", async (_, key, golden, change) => {
    const broken = golden ? [{ ...golden, ...change(golden) }] : [];
    await expect(conformance(broken, [interpreter])).rejects.toMatchObject({
      code: "TRB_MODEL_VECTORS_UNFIT",
      details: { key },
    });
  });
});
