/**
 * The causal model against PyTorch: `test/vectors/models.json`, made by PyTorch's own modules and autograd in float64 (the file names
 * its source). The vectors pad on the left and keep a row for item 0; we pad on the right and have no such row.
 */
import { readFileSync } from "node:fs";
import {
  clipNormInput,
  type Executor,
  type FeedTensor,
  float64Interpreter,
  GraphBuilder,
  type Outputs,
} from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { type GraphParameter, gather, graphParameters, parameterCount, parameterShapes, sizeOf } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { BucketSum } from "../training/bucket-sum.ts";
import { familyOf } from "./families/families.ts";
import { trainingGraph } from "./training.ts";
import { declareParameters, sinusoids } from "./weights.ts";

interface GoldenCase {
  readonly name: string;
  readonly config: Pick<
    ModelSpec,
    "items" | "width" | "length" | "blocks" | "heads" | "feedForward" | "activation" | "positions"
  >;
  readonly inputs: {
    readonly items: readonly (readonly number[])[];
    readonly targets: readonly (readonly number[])[];
    readonly negatives?: readonly number[];
    readonly logCorrection?: readonly number[];
  };
  readonly parameters: Readonly<Record<string, readonly (number | readonly number[])[]>>;
  readonly hidden: readonly (readonly (readonly number[])[])[];
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly clipNorm: number;
  readonly clippedSum: GoldenCase["parameters"];
}

const vectors: { readonly cases: readonly GoldenCase[] } = JSON.parse(
  readFileSync(new URL("../../../../test/vectors/models.json", import.meta.url), "utf8"),
);
const cases = vectors.cases.filter(({ name }) => name.startsWith("causal-"));

function specOf({ config, inputs }: GoldenCase): ModelSpec {
  const { items, width, length, blocks, heads, feedForward, activation, positions } = config;
  const sizes = { items, width, length, blocks, heads, feedForward, activation, positions };
  const negatives = inputs.negatives?.length ?? 0;
  return modelSpec({
    ...sizes,
    actions: 0,
    timeGaps: 0,
    nextItem: { loss: "softmax", negatives, calibration: 0 },
    weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
  });
}

/** A golden parameter set as one flat vector; the row of item 0 is left out. */
function flatten(spec: ModelSpec, parameters: GoldenCase["parameters"]): Float64Array {
  const values = parameterShapes(spec).flatMap(({ name }) => {
    const golden = parameters[name] ?? [];
    return name === "item.weight" ? golden.slice(1).flat() : golden.flat();
  });
  expect(values).toHaveLength(parameterCount(spec));
  return Float64Array.from(values);
}

/** Like `gather`, in float64. */
function gather64(parameter: GraphParameter, flat: Float64Array): Float64Array {
  const order = gather(parameter, Float32Array.from(flat.keys())); // places below 2^24 are exact
  return Float64Array.from(order, (place) => flat[place] ?? Number.NaN);
}

function goldenFeeds(golden: GoldenCase, spec: ModelSpec): Record<string, FeedTensor> {
  const { items, targets, negatives, logCorrection } = golden.inputs;
  const [batch, length] = [items.length, spec.length];
  const sequence = new Int32Array(batch * (length + 1));
  const positions = new Int32Array(batch * length);
  const itemWeights = new Float64Array(batch * length);
  items.forEach((row, b) => {
    const padding = row.filter((item) => item === 0).length;
    const count = length - padding;
    for (let t = 0; t < count; t++) {
      sequence[b * (length + 1) + t] = row[padding + t] ?? 0;
      sequence[b * (length + 1) + t + 1] = targets[b]?.[padding + t] ?? 0;
      positions[b * length + t] = padding + t + 1;
      itemWeights[b * length + t] = 1 / count;
    }
  });
  const flat = flatten(spec, golden.parameters);
  const feeds: Record<string, FeedTensor> = {
    items: { shape: [batch, length + 1], data: sequence },
    positions: { shape: [batch, length], data: positions },
    itemWeights: { shape: [batch * length, 1], data: itemWeights },
    [clipNormInput]: { shape: [], data: Float64Array.of(golden.clipNorm) },
  };
  for (const parameter of graphParameters(spec)) {
    feeds[parameter.name] = { shape: parameter.shape, data: gather64(parameter, flat) };
  }
  if (spec.positions === "sinusoidal")
    feeds["position.weight"] = { shape: [length, spec.width], data: sinusoids(length, spec.width) };
  if (negatives && logCorrection) {
    const slotOf = Int32Array.from({ length: spec.items + 1 }, (_, id) => negatives.indexOf(id)).map((place) =>
      place < 0 ? negatives.length : place,
    );
    feeds["negatives"] = { shape: [negatives.length], data: Int32Array.from(negatives) };
    feeds["correction"] = { shape: [negatives.length], data: Float64Array.from(logCorrection) };
    feeds["slotOf"] = { shape: [spec.items + 1], data: slotOf };
  }
  return feeds;
}

async function runTraining(
  executor: Executor,
  golden: GoldenCase,
  length: number,
): Promise<{ outputs: Outputs; sum: Float64Array }> {
  const spec = specOf(golden);
  const { graph, pieces } = trainingGraph(spec, { length, clipped: true });
  const session = await executor.load(graph);
  const feeds = goldenFeeds(golden, spec);
  const outputs = await session.run(feeds);
  const bucket = new BucketSum(graphParameters(spec), pieces, parameterCount(spec));
  expect(bucket.add(pieces, outputs, feeds)).toBe(true);
  const sum = new Float64Array(parameterCount(spec));
  const grid = 2 ** 45; // fine enough that truncation is below the tolerances
  bucket.flush(sum, { unitsPerOne: grid });
  await session.close();
  return { outputs, sum: sum.map((value) => value / grid) };
}

function furthest(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let distance = 0;
  for (let i = 0; i < expected.length; i++)
    distance = Math.max(distance, Math.abs((found[i] ?? Number.NaN) - (expected[i] ?? 0)));
  return distance;
}

const executors = [
  { executor: float64Interpreter(), tolerance: 1e-10 },
  { executor: onnxruntimeExecutor(), tolerance: 1e-5 },
];

describe.each(cases)("$name", (golden) => {
  const spec = specOf(golden);
  describe.each(executors)("on $executor.name", ({ executor, tolerance }) => {
    // 1: Gram matrices throughout; 1000: every matrix written out
    test.each([1, 1000])("losses, norms and the clipped sum are PyTorch's (norms laid out for length %i)", async (length) => {
      const { outputs, sum } = await runTraining(executor, golden, length);
      expect(furthest(outputs["loss"]?.data ?? [], golden.losses)).toBeLessThan(tolerance);
      expect(furthest(outputs["norm"]?.data ?? [], golden.gradientNorms)).toBeLessThan(tolerance);
      expect(furthest(sum, flatten(spec, golden.clippedSum))).toBeLessThan(tolerance);
    });

    test("hidden states are PyTorch's wherever there is an item", async () => {
      const g = new GraphBuilder("hidden");
      g.output("hidden", familyOf(spec).predictions(g, spec, declareParameters(g, spec)).hidden);
      const session = await executor.load(g.graph());
      const feeds = goldenFeeds(golden, spec);
      const { length, width } = spec;
      const { hidden } = await session.run(feeds);
      golden.inputs.items.forEach((row, b) => {
        const padding = row.filter((item) => item === 0).length;
        const ours = hidden?.data.subarray(b * length * width, (b * length + length - padding) * width) ?? [];
        expect(furthest(ours, (golden.hidden[b] ?? []).slice(padding).flat())).toBeLessThan(tolerance);
      });
      await session.close();
    });
  });
});

test("all causal cases are there", () => {
  expect(cases.map(({ name }) => name)).toEqual([
    "causal-relu-1head-learned",
    "causal-sampled-softmax",
    "causal-gelu-2heads-sinusoidal",
  ]);
  expect(cases.map((golden) => sizeOf([golden.inputs.items.length, specOf(golden).length]))).toEqual([24, 24, 24]);
});
