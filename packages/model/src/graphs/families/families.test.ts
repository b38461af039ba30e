/** Every family's graphs: gradients against finite differences, and what serves against what was trained. */
import type { Histories } from "@tributary/events/histories";
import { clipNormInput, type Feeds, type FeedTensor, float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { extension as stepByStep } from "../../../../../examples/extensions/step-by-step.ts";
import { feedsOf } from "../../evaluation/scorer.ts";
import { actionId, itemId } from "../../event-ids.ts";
import { registerExtension } from "../../extensions/extension.ts";
import { graphParameters, parameterCount } from "../../parameters.ts";
import type { ModelSpec } from "../../spec.ts";
import { BucketSum } from "../../training/bucket-sum.ts";
import { type Example, exampleFeeds, exampleOf, inputsOf } from "../../training/examples/examples.ts";
import { familyModels, market, parametersOf, sequence, source } from "../../training/family-models.fixture.ts";
import { drawNegatives } from "../../training/negatives.ts";
import { dropoutInput, dropoutPlaces } from "../dropout.ts";
import { inferenceGraph } from "../inference.ts";
import { trainingGraph } from "../training.ts";
import { weightFeeds } from "../weights.ts";

registerExtension(stepByStep);
const { name: extension } = stepByStep;
const shared = familyModels.find(({ family }) => family === "sasrec") as ModelSpec;
// an extension's model is held to everything that ours are
const models = [...familyModels, { ...shared, family: "extension" as const, extension }].map((spec) => ({
  name: spec.family,
  spec,
}));

/** What every run of a round is fed with beside examples. */
function commonFeeds(spec: ModelSpec, parameters: Float32Array): Record<string, FeedTensor> {
  const feeds = weightFeeds(spec, parameters);
  const count = spec.nextItem.negatives;
  if (count > 0) {
    const { rows, slotOf } = drawNegatives(spec, source(1));
    feeds["negatives"] = { shape: [count], data: rows };
    feeds["slotOf"] = { shape: [spec.items + 1], data: slotOf };
    feeds["correction"] = { shape: [count], data: new Float32Array(count).fill(-1) };
  }
  return feeds;
}

function examplesOf(spec: ModelSpec, histories: Histories, seed = 1): readonly Example[] {
  return histories.customers.flatMap((_, customer) => exampleOf(spec, histories, customer, seed) ?? []);
}

const lengthOf = (examples: readonly Example[]) => Math.max(...examples.map(inputsOf));

/** The same feeds with every weight moved by `step` times a direction, in float64. */
function moved(spec: ModelSpec, feeds: Feeds, direction: ReadonlyMap<string, Float64Array>, step: number): Feeds {
  const changed: Record<string, FeedTensor> = { ...feeds };
  for (const { name } of graphParameters(spec)) {
    const feed = feeds[name];
    const along = direction.get(name);
    if (feed && along) changed[name] = { ...feed, data: Float64Array.from(feed.data, (x, i) => x + step * (along[i] ?? 0)) };
  }
  return changed;
}

describe.each(models)("$name", ({ spec }) => {
  const histories = market(spec, 40, 3);
  const everyone = examplesOf(spec, histories);
  const examples = everyone.slice(0, 4);
  const feeds = { ...commonFeeds(spec, parametersOf(spec, 5)), ...exampleFeeds(spec, histories, examples, lengthOf(examples)) };

  test("the summed gradient is the slope of the summed loss, tensor by tensor", async () => {
    const { graph, pieces } = trainingGraph(spec, { length: spec.length, clipped: false });
    const session = await float64Interpreter().load(graph);
    const lossAt = async (at: Feeds) => sumOf((await session.run(at))["loss"]?.data ?? []);
    const bucket = new BucketSum(graphParameters(spec), pieces, parameterCount(spec));
    bucket.add(pieces, await session.run(feeds), feeds);
    const gradient = new Float64Array(parameterCount(spec));
    bucket.flush(gradient, { unitsPerOne: 2 ** 48 });
    const next = sequence(9);
    for (const { name, shape, parts } of graphParameters(spec)) {
      const [rows = 1, columns = rows] = shape.length === 1 ? [1, shape[0]] : shape;
      const direction = Float64Array.from({ length: rows * columns }, () => next() - 0.5);
      let slope = 0;
      let first = 0;
      for (const { offset, width } of parts) {
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < width; column++) {
            const along = direction[row * columns + first + column] ?? 0;
            slope += ((gradient[offset + row * width + column] ?? 0) / 2 ** 48) * along;
          }
        }
        first += width;
      }
      const step = 1e-5;
      const along = new Map([[name, direction]]);
      const rise = (await lossAt(moved(spec, feeds, along, step))) - (await lossAt(moved(spec, feeds, along, -step)));
      // truncation to the grid, and the third derivative over step²
      expect(Math.abs(rise / (2 * step) - slope), name).toBeLessThan(1e-7 * Math.max(1, Math.abs(slope)));
    }
    await session.close();
  });

  test("what serves gives the losses that training sees where it predicts what comes next", async () => {
    const quiet: ModelSpec = { ...spec, dropout: 0, nextItem: { loss: "softmax", negatives: 0, calibration: 0 } };
    const weights = weightFeeds(quiet, parametersOf(quiet, 5));
    const asked = everyone.flatMap((example) => askedOf(quiet, histories, example) ?? []);
    expect(asked.length).toBeGreaterThan(5);
    const chosen = asked.map(({ example }) => example);
    const fed = exampleFeeds(quiet, histories, chosen, lengthOf(chosen));
    const weight = onlyAt(asked, fed["itemWeights"]);
    const training = await onnxruntimeExecutor().load(trainingGraph(quiet, { length: 6, clipped: false }).graph);
    const { loss } = await training.run({ ...weights, ...fed, itemWeights: weight, actionWeights: weight });
    const inference = await onnxruntimeExecutor().load(inferenceGraph(quiet));
    const stretches = asked.map(({ example: { begin }, event }) => ({ begin, end: event }));
    const served = await inference.run({ ...weights, ...feedsOf(quiet, histories, stretches) });
    for (const [row, { event }] of asked.entries()) {
      const entropy = (name: string, width: number, place: number) =>
        crossEntropy(served[name]?.data.slice(row * width, (row + 1) * width) ?? [], place);
      const item = entropy("scores", quiet.items, itemId(quiet, histories, event) - 1);
      const action = entropy("actionLogits", quiet.actions, histories.actions[event] ?? 0);
      expect(Math.abs((loss?.data[row] ?? 0) - item - 0.3 * action)).toBeLessThan(1e-5);
    }
    await Promise.all([training.close(), inference.close()]);
  });

  test("a customer's scores depend neither on padding nor on who else is in the run", async () => {
    const session = await onnxruntimeExecutor().load(inferenceGraph(spec));
    const weights = weightFeeds(spec, parametersOf(spec, 5));
    const stretches = everyone.map(({ begin, end }) => ({ begin, end }));
    const together = (await session.run({ ...weights, ...feedsOf(spec, histories, stretches) }))["scores"]?.data ?? [];
    expect(new Set(stretches.map(({ begin, end }) => end - begin)).size).toBeGreaterThan(3);
    for (const [row, stretch] of stretches.entries()) {
      const alone = (await session.run({ ...weights, ...feedsOf(spec, histories, [stretch]) }))["scores"]?.data ?? [];
      for (const [i, score] of alone.entries())
        expect(Math.abs(score - (together[row * spec.items + i] ?? 9))).toBeLessThan(1e-5);
    }
    await session.close();
  });

  test("of a long history the latest events are read, as many as there are positions", () => {
    const events = spec.length + 4;
    const items = Int32Array.from({ length: events }, (_, event) => event + 1);
    const long = { customers: ["a"], offsets: Uint32Array.of(0, events), items };
    const histories = { ...long, actions: new Uint8Array(events), times: new Float64Array(events) };
    const fed = feedsOf(spec, histories, [{ begin: 0, end: events }]);
    const places = Array.from({ length: spec.length }, (_, i) => i + 1);
    expect([...(fed["positions"]?.data ?? [])]).toEqual(places);
    const latest = [...items.slice(-spec.length)];
    expect([...(fed["items"]?.data ?? [])]).toEqual(spec.family === "bert4rec" ? [...latest.slice(1), 0] : latest);
  });

  test("dropout stands where the list of places says, in training alone", () => {
    const masks = ({ inputs }: { inputs: readonly { name: string }[] }) =>
      inputs.map(({ name }) => name).filter((name) => name.startsWith("dropout:"));
    const dropping = { ...spec, dropout: 100 };
    const places = dropoutPlaces(spec).map(({ name }) => dropoutInput(name));
    expect(masks(trainingGraph(dropping, { length: 6, clipped: true }).graph)).toEqual(places);
    expect(masks(trainingGraph({ ...spec, dropout: 0 }, { length: 6, clipped: true }).graph)).toEqual([]);
    expect(masks(inferenceGraph(dropping))).toEqual([]);
  });

  test("masks that keep everything change nothing; those of a round do", async () => {
    const dropping = { ...spec, dropout: 100 };
    const common = { ...commonFeeds(spec, parametersOf(spec, 5)), [clipNormInput]: { shape: [], data: Float32Array.of(1) } };
    const run = async (model: ModelSpec, keepAll: boolean) => {
      const session = await float64Interpreter().load(trainingGraph(model, { length: 6, clipped: true }).graph);
      const fed = exampleFeeds(model, histories, examples, lengthOf(examples));
      for (const [name, { shape, data }] of Object.entries(fed)) {
        if (keepAll && name.startsWith("dropout:")) fed[name] = { shape, data: data.map(() => 1) };
      }
      const { loss, norm } = await session.run({ ...common, ...fed });
      return [...(loss?.data ?? []), ...(norm?.data ?? [])];
    };
    const plain = await run({ ...spec, dropout: 0 }, false);
    expect(await run(dropping, true)).toEqual(plain);
    const dropped = await run(dropping, false);
    expect(dropped.filter((value, i) => value !== plain[i]).length).toBeGreaterThan(examples.length);
  });
});

/** An event that training predicts from just what serving reads: which, and in which column of its row. */
interface Asked {
  readonly example: Example;
  readonly event: number;
  readonly column: number;
}

function askedOf(spec: ModelSpec, histories: Histories, example: Example): Asked | undefined {
  const { begin, end, inputs } = example;
  const event = spec.family === "seq2seq" ? begin + inputs : end - 1;
  if (itemId(spec, histories, event) === 0 || actionId(spec, histories, event) === 0) return undefined;
  if (spec.family !== "bert4rec") return { example, event, column: spec.family === "seq2seq" ? 0 : inputs - 1 };
  for (let seed = 0; seed < 100; seed++) {
    const drawn = { ...example, seed };
    const wanted = exampleFeeds(spec, histories, [drawn], inputs)["hiddenPositions"]?.data ?? [];
    if (wanted[0] === spec.length) return { example: drawn, event, column: 0 }; // a round that hides the last event alone
  }
  return undefined;
}

/** Weights that are 1 where something is asked. */
function onlyAt(asked: readonly Asked[], { shape = [0], data = new Float32Array(0) }: Partial<FeedTensor> = {}): FeedTensor {
  const columns = data.length / asked.length;
  const weights = new Float32Array(data.length);
  for (const [row, { column }] of asked.entries()) weights[row * columns + column] = 1;
  return { shape, data: weights };
}

function sumOf(values: Iterable<number>): number {
  return [...values].reduce((sum, value) => sum + value, 0);
}

function crossEntropy(logits: Iterable<number>, place: number): number {
  const list = [...logits];
  return Math.log(sumOf(list.map((value) => Math.exp(value - (list[place] ?? 0)))));
}
