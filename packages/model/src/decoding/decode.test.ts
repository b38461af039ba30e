/** Decoding against every sequence that there is: their probabilities come from the training graph, which knows nothing of beams. */
import type { Histories } from "@tributary/events/histories";
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { openScorer } from "../evaluation/scorer.ts";
import { trainingGraph } from "../graphs/training.ts";
import { weightFeeds } from "../graphs/weights.ts";
import { modelSpec } from "../spec.ts";
import { exampleFeeds } from "../training/examples/examples.ts";
import { parametersOf } from "../training/family-models.fixture.ts";
import { continuations, type Sequence } from "./beam-search.ts";
import { decode, openDecoder } from "./decode.ts";

const spec = modelSpec({
  ...{ items: 4, length: 6, width: 8, heads: 2, feedForward: 2, actions: 3, timeGaps: 4 },
  family: "seq2seq",
  steps: 3,
});
const parameters = parametersOf(spec, 2).map((x) => 2 * x);
const histories: Histories = {
  customers: ["a", "b", "c"],
  offsets: Uint32Array.of(0, 3, 11, 12),
  items: Int32Array.of(1, 2, 3, 4, 0, 1, 1, 2, 2, 3, 4, 2),
  actions: Uint8Array.of(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 0),
  times: Float64Array.from({ length: 12 }, (_, event) => 1000 * event ** 2),
};
const stretches = [0, 1, 2].map((c) => ({ begin: histories.offsets[c] ?? 0, end: histories.offsets[c + 1] ?? 0 }));

/** Every sequence of `steps` items, the most probable first, by teacher forcing. */
async function everySequence(customer: number, steps: number): Promise<readonly Sequence[]> {
  const found: number[][] = Array.from({ length: spec.items ** steps }, (_, code) =>
    Array.from({ length: steps }, (_, step) => 1 + (Math.floor(code / spec.items ** (steps - 1 - step)) % spec.items)),
  );
  // the history of one customer, followed by each of the sequences
  const { begin, end } = stretches[customer] ?? { begin: 0, end: 0 };
  const count = end - begin + steps;
  const followed: Histories = {
    customers: found.map((_, i) => `${i}`),
    offsets: Uint32Array.from({ length: found.length + 1 }, (_, i) => i * count),
    items: Int32Array.from(found.flatMap((rows) => [...histories.items.slice(begin, end), ...rows])),
    actions: Uint8Array.from(found.flatMap((rows) => [...histories.actions.slice(begin, end), ...rows.map(() => 0)])),
    times: Float64Array.from(found.flatMap((rows) => [...histories.times.slice(begin, end), ...rows.map(() => 0)])),
  };
  const inputs = Math.min(spec.length, end - begin);
  const examples = found.map((_, i) => {
    const last = (i + 1) * count;
    return { hash: i, customer: `${i}`, seed: 0, begin: last - steps - inputs, end: last, inputs };
  });
  const feeds = exampleFeeds(spec, followed, examples, inputs);
  const session = await float64Interpreter().load(trainingGraph(spec, { length: 6, clipped: false }).graph);
  const { loss } = await session.run({ ...weightFeeds(spec, parameters), ...feeds });
  // a customer's loss is the mean over its steps
  return found
    .map((rows, i) => ({ rows, logProbability: -steps * (loss?.data[i] ?? 0) }))
    .sort((a, b) => b.logProbability - a.logProbability);
}

function expectSame(ours: readonly Sequence[] | undefined, theirs: readonly Sequence[], tolerance: number): void {
  expect(ours?.map(({ rows }) => rows)).toEqual(theirs.map(({ rows }) => rows));
  for (const [place, { logProbability }] of theirs.entries()) {
    expect(Math.abs((ours?.[place]?.logProbability ?? 9) - logProbability)).toBeLessThan(tolerance);
  }
}

test.each([1, 2, 3])(
  "over %i steps a beam wide enough to lose nothing finds the most probable of all sequences",
  async (steps) => {
    const beam = spec.items ** 2; // as many as there are before the last step
    const found = await decode(spec, parameters, float64Interpreter(), histories, stretches, { beam, steps });
    for (const customer of stretches.keys()) {
      const all = await everySequence(customer, steps);
      expect(all.reduce((sum, { logProbability }) => sum + Math.exp(logProbability), 0)).toBeCloseTo(1, 6);
      expectSame(found[customer], all.slice(0, beam), 1e-6);
    }
  },
);

test("a beam is the best of what its parents lead to, step by step", async () => {
  const found = await decode(spec, parameters, float64Interpreter(), histories, stretches, { beam: 3 });
  for (const customer of stretches.keys()) {
    let kept: readonly (readonly number[])[] = [[]];
    let best: readonly Sequence[] = [];
    for (let step = 1; step <= 3; step++) {
      const parents = new Set(kept.map((rows) => rows.join()));
      const all = await everySequence(customer, step);
      best = all.filter(({ rows }) => parents.has(rows.slice(0, -1).join())).slice(0, 3);
      kept = best.map(({ rows }) => rows);
    }
    expectSame(found[customer], best, 1e-6);
  }
});

test("a beam of one is greedy, and its first step is what the scorer ranks first", async () => {
  const greedy = await decode(spec, parameters, onnxruntimeExecutor(), histories, stretches);
  const scorer = await openScorer(spec, parameters, onnxruntimeExecutor());
  const { rows: scores } = await scorer.score(histories, stretches);
  for (const [customer, sequences] of greedy.entries()) {
    expect(sequences).toHaveLength(1);
    let prefix: readonly number[] = [];
    for (let step = 1; step <= 3; step++) {
      const [next] = (await everySequence(customer, step)).filter(({ rows }) => rows.slice(0, -1).join() === prefix.join());
      prefix = next?.rows ?? [];
    }
    expect(sequences[0]?.rows).toEqual(prefix);
    const own = [...scores.slice(customer * spec.items, (customer + 1) * spec.items)];
    expect(sequences[0]?.rows[0]).toBe(1 + own.indexOf(Math.max(...own)));
  }
  await scorer.close();
});

test("a customer's sequences do not depend on who else is decoded, nor on how many at once", async () => {
  const decoder = await openDecoder(spec, parameters, onnxruntimeExecutor());
  const many = Array.from({ length: 150 }, (_, i) => stretches[i % 3] ?? { begin: 0, end: 1 });
  const found = await decoder.decode(histories, many, { beam: 4 });
  expect(found).toHaveLength(150);
  for (const [customer, stretch] of stretches.entries()) {
    const [alone = []] = await decoder.decode(histories, [stretch], { beam: 4 });
    for (const other of [customer, customer + 147]) expectSame(found[other], alone, 1e-5);
  }
  expect(await decoder.decode(histories, [], { beam: 2 })).toEqual([]);
  await decoder.close();
});

describe("continuations", () => {
  const parent = (rows: readonly number[], logProbability: number) => ({ rows, logProbability });

  test("of equals keep the better parent, then the lower row", () => {
    const logits = Float64Array.of(0, 1, 1, 0);
    const found = continuations([parent([7], -1), parent([8], -1)], [logits, logits], 3);
    expect(found.map(({ rows }) => rows)).toEqual([
      [7, 2],
      [7, 3],
      [8, 2],
    ]);
  });

  test("are worth their parent and their share of the softmax, whatever the logits' size", () => {
    const [first] = continuations([parent([], -2)], [Float64Array.of(1000, 1001)], 1);
    expect(first?.rows).toEqual([2]);
    expect(first?.logProbability).toBeCloseTo(-2 - Math.log(1 + Math.exp(-1)), 12);
  });

  test("are as many as there are when the beam is wider", () => {
    expect(continuations([parent([], 0)], [Float64Array.of(0, 2)], 5).map(({ rows }) => rows[0])).toEqual([2, 1]);
  });
});

test.each([
  [{ beam: 0 }, spec],
  [{ beam: 1001 }, spec],
  [{ beam: 1.5 }, spec],
  [{ steps: 4 }, spec],
  [{ steps: 0 }, spec],
  [{}, modelSpec({ items: 4, length: 6, width: 8 })],
])("%o is refused", async (options, model) => {
  const decoding = decode(model, parametersOf(model, 1), float64Interpreter(), histories, stretches, options);
  await expect(decoding).rejects.toMatchObject({ code: "TRB_MODEL_DECODING_INVALID" });
});
