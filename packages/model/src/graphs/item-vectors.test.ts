/**
 * Composed item vectors, all inputs and all heads: gradients against finite differences of the loss, per-customer norms and the clipped sum
 * against customers run alone, in float64.
 */
import type { Histories } from "@tributary/events/histories";
import { clipNormInput, type FeedTensor, float64Interpreter, type Outputs, type Session } from "@tributary/tensor";
import { describe, expect, test } from "vitest";
import { itemContent } from "../item-content/item-content.ts";
import { graphParameters, parameterCount } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { type Example, exampleFeeds, exampleOf } from "../training/examples/examples.ts";
import { drawNegatives } from "../training/negatives.ts";
import { inferenceGraph } from "./inference.ts";
import { type TrainingGraph, trainingGraph } from "./training.ts";
import { weightFeeds } from "./weights.ts";

const items = 9;
const catalogue = Array.from({ length: items }, (_, i) => ({
  ...(i === 4 ? {} : { category: `c${i % 3}` }), // item 5 has no category
  brand: `b${(i * 7) % 4}`,
  price: 1.5 ** i,
}));
const vectors = { width: 5, values: Float32Array.from({ length: items * 5 }, (_, i) => Math.sin(3 * i)) };
const categories = { name: "category", values: 3 };
const brands = { name: "brand", values: 4 };
const day = 86_400;

/** Searches without item, repeats, several sessions, unknown dwell times and prices. */
const histories: Histories = {
  customers: ["a", "b", "c"],
  offsets: Uint32Array.of(0, 6, 8, 12),
  items: Int32Array.of(3, 0, 5, 3, 9, 5, 1, 2, 5, 5, 0, 7),
  actions: Uint8Array.of(0, 4, 1, 0, 3, 0, 0, 3, 2, 0, 5, 0),
  times: Float64Array.of(0, 60, 120, 9000, 9060, 9 * day, 5, 10, 0, day, 3 * day, 3 * day + 1),
  dwells: Float32Array.of(1, 5, Number.NaN, 0, 70, 4000, 3, 3, 8, 2, 2, 0.5),
  prices: Float32Array.of(10, Number.NaN, 3, 10, 99, 3, 1, 2, 3, 3, Number.NaN, 700),
  topics: Int32Array.of(0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0), // brand b1, category c0: both of items that are looked at as well
};
const now = 30 * day;

const base = { items, length: 5, width: 8, heads: 2 };
const everyInput = { actions: 6, timeGaps: 14, dwells: 13, prices: 20 };
const everyHead = { weights: { nextItem: 700, nextAction: 300, churn: 250, purchase: 400 }, churnDays: 2 };
const composedItems = { ids: "own", attributes: [categories, brands], features: 5 } as const;
const sampled = { loss: "softmax", negatives: 4, calibration: 0 } as const;
const gbce = { loss: "gbce", negatives: 4, calibration: 750 } as const;

const variants: readonly [string, ModelSpec][] = [
  ["every part, every input, every head", modelSpec({ ...base, ...everyInput, ...everyHead, item: composedItems })],
  ["every part under sampled softmax", modelSpec({ ...base, item: composedItems, nextItem: sampled })],
  ["every part under gBCE", modelSpec({ ...base, item: composedItems, nextItem: gbce })],
  ["attributes alone", modelSpec({ ...base, item: { ids: "none", attributes: [categories, brands], features: 0 } })],
  [
    "attributes alone, sampled, gru",
    modelSpec({ ...base, family: "gru", item: { ids: "none", attributes: [categories], features: 0 }, nextItem: sampled }),
  ],
  ["features alone", modelSpec({ ...base, item: { ids: "none", attributes: [], features: 5 }, nextItem: gbce })],
  [
    "own vectors and features in a lstm with every head",
    modelSpec({ ...base, ...everyInput, ...everyHead, family: "lstm", item: { ids: "own", attributes: [], features: 5 } }),
  ],
  [
    "prices of items in buckets",
    modelSpec({ ...base, item: { ids: "own", attributes: [{ name: "price", values: 20 }], features: 0 } }),
  ],
  ["a separate output", modelSpec({ ...base, item: composedItems, output: "separate", nextItem: sampled })],
  [
    "a separate output and no item vectors",
    modelSpec({ ...base, ...everyInput, item: { ids: "none", attributes: [], features: 0 }, output: "separate" }),
  ],
  ["every part in bert4rec", modelSpec({ ...base, ...everyInput, family: "bert4rec", item: composedItems })],
  [
    "every part in seq2seq",
    modelSpec({ ...base, ...everyInput, family: "seq2seq", steps: 2, item: composedItems, nextItem: gbce }),
  ],
  [
    "topics beside every part, every input, every head",
    modelSpec({ ...base, ...everyInput, ...everyHead, item: composedItems, topics: 7 }),
  ],
  [
    "topics of attributes alone, sampled, gru",
    modelSpec({
      ...{ ...base, family: "gru", topics: 7, nextItem: sampled },
      item: { ids: "none", attributes: [categories, brands], features: 0 },
    }),
  ],
  ["topics in bert4rec", modelSpec({ ...base, family: "bert4rec", item: composedItems, topics: 7 })],
  [
    "topics in seq2seq, with a separate output",
    modelSpec({ ...base, family: "seq2seq", steps: 2, item: composedItems, output: "separate", topics: 7 }),
  ],
  [
    "only churn and purchase",
    modelSpec({ ...base, weights: { nextItem: 0, nextAction: 0, churn: 1000, purchase: 500 }, churnDays: 2, actions: 4 }),
  ],
];

function wide(feeds: Readonly<Record<string, FeedTensor>>): Record<string, FeedTensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { shape, data }]) => [
      name,
      { shape, data: data instanceof Float32Array ? Float64Array.from(data) : data },
    ]),
  );
}

function feedsOf(spec: ModelSpec, examples: readonly Example[]): Record<string, FeedTensor> {
  const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => 0.5 * Math.sin(1 + 7.13 * i));
  const content = itemContent(spec, catalogue, vectors);
  const negatives = drawNegatives(spec, { fill: (out) => out.fill(3) });
  const count = spec.nextItem.negatives;
  return wide({
    ...weightFeeds(spec, parameters, content),
    ...exampleFeeds(spec, histories, examples, 5),
    negatives: { shape: [count], data: negatives.rows },
    slotOf: { shape: [items + 1], data: negatives.slotOf },
    correction: { shape: [count], data: new Float32Array(count).fill(-0.7) },
    [clipNormInput]: { shape: [], data: Float32Array.of(0.75) },
  });
}

const examplesOf = (spec: ModelSpec) => [0, 1, 2].flatMap((customer) => exampleOf(spec, histories, customer, 5, now) ?? []);

const sessions = new Map<TrainingGraph, Promise<Session>>();

async function run(training: TrainingGraph, feeds: Record<string, FeedTensor>): Promise<Outputs> {
  const session = sessions.get(training) ?? float64Interpreter().load(training.graph);
  sessions.set(training, session);
  return (await session).run(feeds);
}

/** All gradients of a run, each as one flat array. */
function gradientsOf(spec: ModelSpec, { pieces }: TrainingGraph, outputs: Outputs, feeds: Record<string, FeedTensor>) {
  const found = new Map(
    graphParameters(spec).map(({ name, shape }) => [name, new Float64Array(shape.reduce((a, b) => a * b, 1))]),
  );
  for (const piece of pieces) {
    const [gradient, values] = [found.get(piece.parameter), outputs[piece.output]?.data];
    if (gradient === undefined || values === undefined) throw new Error(`nothing for ${piece.parameter}`);
    if (piece.kind === "dense") {
      gradient.forEach((value, i) => {
        gradient[i] = value + (values[piece.offset + i] ?? Number.NaN);
      });
      continue;
    }
    const ids = (feeds[piece.ids] ?? outputs[piece.ids])?.data ?? [];
    for (const [place, id] of ids.entries()) {
      for (let j = 0; id > 0 && j < spec.width; j++) {
        const cell = (id - 1) * spec.width + j;
        gradient[cell] = (gradient[cell] ?? Number.NaN) + (values[place * spec.width + j] ?? Number.NaN);
      }
    }
  }
  return found;
}

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);

describe.each(variants)("%s", (_name, spec) => {
  const plain = trainingGraph(spec, { length: 5, clipped: false });
  const examples = examplesOf(spec);

  test("gradients are the loss's finite differences", async () => {
    const feeds = feedsOf(spec, examples);
    const gradients = gradientsOf(spec, plain, await run(plain, feeds), feeds);
    const step = 1e-5;
    for (const [name, gradient] of gradients) {
      expect(Math.max(...gradient.map(Math.abs)), name).toBeGreaterThan(0);
      const feed = feeds[name];
      const stride = Math.max(1, Math.floor(gradient.length / 2));
      for (let place = gradient.length % stride; place < gradient.length; place += stride) {
        const lossAt = async (shift: number) => {
          const data = Float64Array.from(feed?.data ?? []);
          data[place] = (data[place] ?? 0) + shift;
          return sum((await run(plain, { ...feeds, [name]: { shape: feed?.shape ?? [], data } }))["loss"]?.data ?? []);
        };
        const slope = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
        expect(Math.abs((gradient[place] ?? 0) - slope), `${name}[${place}]`).toBeLessThan(1e-7);
      }
    }
  });

  test.each([1, 1000])("norms and the clipped sum are those of customers run alone, laid out for %i", async (length) => {
    const clipped = trainingGraph(spec, { length, clipped: true });
    const feeds = feedsOf(spec, examples);
    const outputs = await run(clipped, feeds);
    const sums = gradientsOf(spec, clipped, outputs, feeds);
    const expected = new Map([...sums].map(([name, { length: size }]) => [name, new Float64Array(size)]));
    for (const [place, example] of examples.entries()) {
      const alone = feedsOf(spec, [example]);
      const gradients = gradientsOf(spec, plain, await run(plain, alone), alone);
      const norm = Math.hypot(...[...gradients.values()].map((gradient) => Math.hypot(...gradient)));
      expect(Math.abs((outputs["norm"]?.data[place] ?? 0) - norm)).toBeLessThan(1e-10);
      for (const [name, gradient] of gradients) {
        const total = expected.get(name);
        gradient.forEach((value, i) => {
          if (total) total[i] = (total[i] ?? 0) + Math.min(1, 0.75 / norm) * value;
        });
      }
    }
    for (const [name, total] of expected) {
      const worst = Math.max(...total.map((value, i) => Math.abs(value - (sums.get(name)?.[i] ?? Number.NaN))));
      expect(worst, name).toBeLessThan(1e-10);
    }
  });
});

test("an item's score is its own vector's, its attributes' and its features', and an item never seen has one", async () => {
  const spec = modelSpec({ ...base, item: composedItems });
  const content = itemContent(spec, catalogue, vectors);
  const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => Math.sin(1 + 7.13 * i));
  const weights = weightFeeds(spec, parameters, content);
  const session = await float64Interpreter().load(inferenceGraph(spec));
  const ids = { shape: [1, 2], data: Int32Array.of(3, 5) };
  const outputs = await session.run({ ...weights, items: ids, positions: { shape: [1, 2], data: Int32Array.of(4, 5) } });
  const row = (name: string, place: number) => weights[name]?.data.subarray(place * 8, (place + 1) * 8) ?? new Float32Array(0);
  const category = [1, 2, 3, 1, 0, 3, 1, 2, 3];
  const brand = [0, 7, 14, 21, 28, 35, 42, 49, 56].map((n) => 1 + (n % 4));
  for (let item = 0; item < items; item++) {
    const parts = [row("item.weight", item), row("attribute.brand.weight", (brand[item] ?? 0) - 1)];
    if ((category[item] ?? 0) > 0) parts.push(row("attribute.category.weight", (category[item] ?? 0) - 1));
    for (let f = 0; f < 5; f++) {
      parts.push(row("feature.weight", f).map((value) => value * (vectors.values[item * 5 + f] ?? 0)));
    }
    const vector = Array.from({ length: 8 }, (_, j) => sum(parts.map((part) => part[j] ?? Number.NaN)));
    const score = sum(vector.map((value, j) => value * (outputs["hidden"]?.data[j] ?? Number.NaN)));
    expect(outputs["scores"]?.data[item]).toBeCloseTo(score, 4);
  }
});

test.each(["bert4rec", "seq2seq"] as const)(
  "%s sees the future of its positions and refuses heads that ask for it",
  (family) => {
    for (const head of ["churn", "purchase"] as const) {
      const weights = { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0, [head]: 500 };
      const spec = modelSpec({ ...base, family, actions: 4, weights, churnDays: head === "churn" ? 30 : 0 });
      for (const build of [() => trainingGraph(spec, { length: 5, clipped: true }), () => inferenceGraph(spec)]) {
        expect(build).toThrowError(expect.objectContaining({ code: "TRB_TRAINING_SPEC_INVALID" }));
      }
    }
  },
);
