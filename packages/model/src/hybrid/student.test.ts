import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { openScorer } from "../evaluation/scorer.ts";
import { cosineOf } from "../statistics/item-similarity.ts";
import { addProjected, projectedContent } from "./item-vectors.ts";
import { releasedStudent } from "./released-student.ts";
import { historiesOf, ringItems, ringRecipe, ringSimilarity, ringStatistics } from "./ring-market.fixture.ts";
import { biasPlaces, startStudent, studentSpec, trainStudent } from "./student.ts";

const served = ringStatistics();
const spec = studentSpec(ringItems, { width: 16, blocks: 1, heads: 1, length: 10, dropout: 0 });
const executor = onnxruntimeExecutor();
const start = startStudent(spec, { popularity: served.popularity, seed: 3 });
const training = { epochs: 2, batch: 16, learningRate: 0.01, seed: 5 };

describe("a student", () => {
  test("begins with ln p in every score, whatever was seen", async () => {
    const unbiased = startStudent(spec, { popularity: new Float32Array(ringItems).fill(1), seed: 3 });
    const rows = async (parameters: Float32Array) => {
      const scorer = await openScorer(spec, parameters, executor);
      const { rows: scores } = await scorer.score(historiesOf([[4, 9, 2]]), [{ begin: 0, end: 3 }]);
      await scorer.close();
      return scores;
    };
    // the same item vectors but for the bias; hidden states differ by what the bias adds as an input, so look at what a zero body gives
    const zeroed = (parameters: Float32Array) => {
      const out = parameters.slice();
      const frozen = new Set(biasPlaces(spec));
      for (let place = 0; place < out.length; place++) if (!frozen.has(place)) out[place] = 0;
      return out;
    };
    const biased = await rows(zeroed(start.parameters));
    const flat = await rows(zeroed(unbiased.parameters));
    const logarithms = Array.from(served.popularity, Math.log);
    const mean = logarithms.reduce((sum, value) => sum + value, 0) / ringItems;
    for (const [i, score] of biased.entries()) expect(score).toBeCloseTo((logarithms[i] as number) - mean, 4);
    for (const score of flat) expect(score).toBeCloseTo(0, 5);
  });

  test("keeps its bias while everything else learns, and equal seeds give equal bytes", async () => {
    const sequences = historiesOf(Array.from({ length: 64 }, (_, c) => [1 + (c % 20), 2 + (c % 20), 3 + (c % 20)]));
    const trained = await trainStudent(start, sequences, executor, training);
    const frozen = new Set(biasPlaces(spec));
    for (const place of frozen) expect(trained.parameters[place]).toBe(start.parameters[place]);
    const moved = trained.parameters.filter((value, place) => !frozen.has(place) && value !== start.parameters[place]);
    expect(moved.length).toBeGreaterThan(0.9 * (start.parameters.length - frozen.size));
    expect((await trainStudent(start, sequences, executor, training)).parameters).toEqual(trained.parameters);
    const other = await trainStudent(start, sequences, executor, { ...training, seed: 6 });
    expect(other.parameters).not.toEqual(trained.parameters);
  });

  test("learns from released tables alone what follows what", async () => {
    const options = { walks: 300, repeats: "mask", recipe: { ...ringRecipe, contentWeight: 0.5 }, executor } as const;
    const student = await releasedStudent(served, ringSimilarity, { ...options, ...training, epochs: 12, start });
    const scorer = await openScorer(spec, student.parameters, executor);
    let right = 0;
    for (let item = 3; item < 22; item++) {
      const history = historiesOf([[item - 2, item - 1, item]]);
      const { rows } = await scorer.score(history, [{ begin: 0, end: 3 }]);
      const unseen = [...rows.keys()].filter((place) => place < item - 3 || place > item - 1);
      const best = unseen.reduce((a, b) => ((rows[b] as number) > (rows[a] as number) ? b : a));
      if (best === item) right += 1; // place of item + 1
    }
    await scorer.close();
    expect(right).toBeGreaterThanOrEqual(16); // of 19; by chance less than one
  });

  test("refuses models that a bias coordinate has no place in, popularity of other items, and sequences of one item", async () => {
    const code = (name: string) => expect.objectContaining({ code: name });
    const popularity = served.popularity;
    expect(() => startStudent({ ...spec, output: "separate" }, { popularity, seed: 1 })).toThrow(
      code("TRB_TRAINING_SPEC_INVALID"),
    );
    expect(() => startStudent(spec, { popularity: popularity.subarray(1), seed: 1 })).toThrow(
      code("TRB_MODEL_LENGTH_MISMATCH"),
    );
    await expect(trainStudent(start, historiesOf([[1], [2]]), executor, training)).rejects.toMatchObject({
      code: "TRB_TRAINING_CENTRAL_INVALID",
    });
  });
});

describe("public vectors as item vectors", () => {
  test("projections keep cosines: within 5/√width for every pair, and on average", () => {
    const width = 255;
    const { values } = projectedContent(ringSimilarity, width, 7);
    let error = 0;
    for (let i = 1; i <= ringItems; i++) {
      for (let j = 1; j <= ringItems; j++) {
        let product = 0;
        for (let k = 0; k < width; k++) product += (values[(i - 1) * width + k] ?? 0) * (values[(j - 1) * width + k] ?? 0);
        const difference = product - cosineOf(ringSimilarity, i, j);
        expect(Math.abs(difference)).toBeLessThan(5 / Math.sqrt(width));
        error += difference;
      }
    }
    expect(Math.abs(error) / ringItems ** 2).toBeLessThan(0.02);
  });

  test("imported vectors of any width are centred, scaled and added; items of which nothing is known keep what they have", () => {
    const values = Float32Array.from({ length: ringItems * 3 }, (_, n) => (n < 3 ? 0 : 1 + Math.sin(n)));
    const parameters = new Float32Array(start.parameters.length);
    addProjected(parameters, spec, { values, width: 3 }, { norm: 0.8, seed: 1 });
    for (let i = 0; i < ringItems; i++) {
      const row = parameters.subarray(i * 16, i * 16 + 15);
      expect(Math.hypot(...row)).toBeCloseTo(i === 0 ? 0 : 0.8, 5);
      expect(parameters[i * 16 + 15]).toBe(0);
    }
    expect(parameters.subarray(ringItems * 16).every((value) => value === 0)).toBe(true);
  });

  test("other rows than items, or numbers that are none, are refused", () => {
    const refused = (values: Float32Array, width: number) =>
      expect(() =>
        addProjected(new Float32Array(start.parameters.length), spec, { values, width }, { norm: 1, seed: 1 }),
      ).toThrow(expect.objectContaining({ code: "TRB_MODEL_CONTENT_FEATURES" }));
    refused(new Float32Array(10), 2);
    refused(new Float32Array(0), 0);
    refused(new Float32Array(2 * ringItems).fill(Number.NaN), 2);
  });
});
