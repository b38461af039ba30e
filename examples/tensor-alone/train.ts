/** A network of two layers says which of three kinds a visit is, trained by sums over customers, each clipped to norm 1. Prints one line of JSON. */
import { backward, clipNormInput, collect, type FeedTensor, GraphBuilder, linear, relu, softmaxLoss } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";

const customers = 64;
const visits = 5;
const features = 4;
const width = 8;
const kinds = 3;
const clipNorm = 1;

// The step: customers × visits in a grid, from features to a loss, and back.
const g = new GraphBuilder("visits");
const ids = g.input("kinds", ["B", "L"], "int32"); // 1 to 3; 0 where a customer has fewer visits
g.declareTokens(ids);
const x = g.input("features", ["B*L", features]);
const weights = g.input("weights", ["B*L", 1]);
const inner = relu(g, linear(g, x, g.parameter("inner", [features, width]), g.parameter("innerBias", [width])));
const logits = linear(g, inner, g.parameter("outer", [width, kinds]), g.parameter("outerBias", [kinds]));
softmaxLoss(g, logits, ids, weights);
backward(g);
const pieces = collect(g, { clipped: true, length: visits });

// Made-up visits, the same each time: the kind is the largest of the first three features.
let state = 7;
const uniform = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const tokens = customers * visits;
const given = Float32Array.from({ length: tokens * features }, () => 2 * uniform() - 1);
const largest = (row: Float32Array): number => row.indexOf(Math.max(...row)) + 1;
const feed: Record<string, FeedTensor> = {
  kinds: {
    shape: [customers, visits],
    data: Int32Array.from({ length: tokens }, (_, i) => largest(given.subarray(i * features, i * features + 3))),
  },
  features: { shape: [tokens, features], data: given },
  weights: { shape: [tokens, 1], data: new Float32Array(tokens).fill(1 / visits) },
  [clipNormInput]: { shape: [], data: Float32Array.of(clipNorm) },
};
const parameters = new Map(
  [...g.parameters.values()].map(({ tensor: { name, shape } }) => {
    const sizes = shape.map(Number);
    const data = Float32Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, () =>
      name.endsWith("Bias") ? 0 : uniform() - 0.5,
    );
    return [name, { shape: sizes, data }];
  }),
);

const session = await onnxruntimeExecutor().load(g.graph());
const losses: number[] = [];
let longer = 0;
for (let step = 0; step < 200; step++) {
  // new objects: one that is passed again is taken to be unchanged
  const now = [...parameters].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }] as const);
  const outputs = await session.run({ ...feed, ...Object.fromEntries(now) });
  const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
  losses.push(mean(outputs["loss"]?.data ?? []));
  longer += Array.from(outputs["norm"]?.data ?? []).filter((norm) => norm > clipNorm).length;
  for (const piece of pieces) {
    if (piece.kind !== "dense") throw new Error("this network has no tables");
    const sum = outputs[piece.output]?.data;
    const parameter = parameters.get(piece.parameter)?.data;
    if (sum === undefined || parameter === undefined) throw new Error(`the graph gave no ${piece.parameter}`);
    for (let i = 0; i < parameter.length; i++) {
      parameter[i] = (parameter[i] ?? 0) - (0.5 * (sum[piece.offset + i] ?? 0)) / customers;
    }
  }
}
await session.close();
console.log(
  JSON.stringify({ lossBefore: losses[0], lossAfter: losses.at(-1), clippedShare: longer / (losses.length * customers) }),
);
