import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { hybridScorer } from "../hybrid/hybrid.ts";
import { hybridInHouse, releasedOnlyHybrid } from "../hybrid/in-house.ts";
import {
  historiesOf,
  ringItems,
  ringRecipe,
  ringSimilarity,
  ringStatistics,
  ringWalkers,
} from "../hybrid/ring-market.fixture.ts";
import { startStudent, studentSpec } from "../hybrid/student.ts";
import { parameterCount } from "../parameters.ts";
import { openHybridRecommender } from "../serving/hybrid-recommender.ts";
import { type HybridFiles, inHouseLimit, readHybrid, writeHybrid } from "./hybrid-files.ts";
import { intendedUse, knownLimits, type ModelCard } from "./model-card.ts";
import { readTensors, writeTensors } from "./safetensors.ts";

const executor = onnxruntimeExecutor();
const served = ringStatistics();
const spec = studentSpec(ringItems, { width: 8, blocks: 1, heads: 1, length: 10, dropout: 0 });
const released = { served, student: startStudent(spec, { popularity: served.popularity, seed: 3 }) };
const card: ModelCard = {
  format: "tributary-model-card",
  version: 1,
  federation: "ring",
  planHash: "a".repeat(64),
  ledgerHead: "b".repeat(64),
  round: 6,
  modelHash: "c".repeat(64),
  graphVersion: 1,
  graphHash: "d".repeat(64),
  parameters: parameterCount(spec),
  model: spec,
  privacy: { unit: "customer", epsilon: "2", delta: "0.000001", limit: "2", conditional: null },
  metrics: null,
  licence: "none",
  provenance: "Walks from released statistics.",
  intendedUse,
  limits: knownLimits,
};
const only = releasedOnlyHybrid(released, ringRecipe);
const inHouse = () =>
  hybridInHouse(ringWalkers(60, 2), {
    ...{ similarity: ringSimilarity, recipe: ringRecipe, repeats: "keep", executor, seed: 4, released },
    ...{ serve: { mode: "inHouse" }, fineTuning: { epochs: 1, batch: 32, learningRate: 0.01 } },
  });

const withTables = (files: HybridFiles, change: (data: ReturnType<typeof readTensors>) => ReturnType<typeof readTensors>) => ({
  ...files,
  "tables.safetensors": writeTensors(change(readTensors(files["tables.safetensors"]))),
});

const code = (name: string) => expect.objectContaining({ code: name });

describe("a hybrid's files", () => {
  test("give back what was written, and the same bytes for it, released or in-house", async () => {
    const made = await inHouse();
    const whole = { ...made, weights: { ...made.weights, popularity: 0.1, attention: 0.3 } };
    for (const [hybrid, scope] of [
      [only, "released"],
      [whole, "in-house"],
    ] as const) {
      const files = writeHybrid(hybrid, ringSimilarity, card, scope);
      const opened = readHybrid(files);
      expect(opened.scope).toBe(scope);
      expect(opened.similarity).toEqual(ringSimilarity);
      expect(opened.hybrid.weights).toEqual(hybrid.weights);
      expect(opened.hybrid.served).toEqual(served);
      expect(opened.hybrid.own).toEqual(hybrid.own);
      expect(opened.hybrid.student).toEqual(hybrid.student);
      expect(writeHybrid(opened.hybrid, opened.similarity, opened.card, scope)).toEqual(files);
      expect(files["modelcard.md"].includes("never leaves the merchant")).toBe(scope === "in-house");
      expect(opened.card.limits.includes(inHouseLimit)).toBe(scope === "in-house");
    }
  });

  test("serve what the hybrid itself ranks first, to customers of any length, without what is excluded", async () => {
    const made = await inHouse();
    const whole = { ...made, weights: { ...made.weights, popularity: 0.1, attention: 0.3 } };
    const { hybrid, similarity } = readHybrid(writeHybrid(whole, ringSimilarity, card, "in-house"));
    const recommender = await openHybridRecommender(hybrid, similarity, executor);
    const scorer = await hybridScorer(whole, ringSimilarity, executor);
    for (const history of [[3], [7, 8, 9], Array.from({ length: 15 }, (_, e) => 1 + e)]) {
      const { customers: _names, offsets: _ends, ...events } = historiesOf([history]);
      const { rows, scores } = await recommender.top(events, 5, { exclude: history });
      const all = await scorer.score(historiesOf([history]), [{ begin: 0, end: history.length }]);
      const expected = [...all.keys()]
        .filter((place) => !history.includes(place + 1))
        .sort((a, b) => (all[b] as number) - (all[a] as number) || a - b)
        .slice(0, 5);
      expect([...rows]).toEqual(expected.map((place) => place + 1));
      for (const [n, place] of expected.entries()) expect(scores[n]).toBeCloseTo(all[place] as number, 5);
    }
    const nobody = { items: new Int32Array(), actions: new Uint8Array(), times: new Float64Array() };
    await expect(recommender.top(nobody, 3)).rejects.toMatchObject({ code: "TRB_MODEL_HISTORY_EMPTY" });
    await recommender.close();
    await scorer.close();
  });

  test("of two models, with negative weights, or with tables that name items that don't exist are refused", () => {
    const files = writeHybrid(only, ringSimilarity, card, "released");
    const other = writeHybrid(only, ringSimilarity, { ...card, round: 7 }, "released");
    expect(() => readHybrid({ ...files, "model.onnx": other["model.onnx"] })).toThrow(code("TRB_MODEL_CARD_CONTRADICTED"));
    const settings = (change: (text: string) => string) =>
      withTables(files, (file) => ({ ...file, metadata: { ...file.metadata, hybrid: change(file.metadata["hybrid"] ?? "") } }));
    const malformed = code("TRB_MODEL_FILE_MALFORMED");
    expect(readHybrid(settings((text) => text)).hybrid.weights).toEqual(only.weights);
    expect(() => readHybrid(settings((text) => text.replace('"released":1', '"released":-1')))).toThrow(malformed);
    expect(() => readHybrid(settings((text) => text.replace('"attention":0.25', '"attention":1.5')))).toThrow(malformed);
    expect(() => readHybrid(settings(() => "{"))).toThrow(malformed);
    expect(() => readHybrid(settings((text) => text.replace('"scope":"released"', '"scope":"any"')))).toThrow(malformed);
    // the last four bytes of U32 and F32 tensors that follow each other: break the largest place of every table in turn
    const { tensors, data } = readTensors(files["tables.safetensors"]);
    let begin = 0;
    for (const { name, dtype, shape } of tensors) {
      const end = begin + (dtype === "F64" ? 8 : 4) * (shape[0] ?? 0);
      const broken = data.slice();
      broken.fill(0xff, end - (dtype === "F64" ? 8 : 4), end); // a huge place, or no number
      expect(() => readHybrid(withTables(files, (file) => ({ ...file, data: broken }))), name).toThrow(malformed);
      begin = end;
    }
  });

  test("that are called released hold no own counts, and the card is the student's", async () => {
    const made = await inHouse();
    expect(() => writeHybrid(made, ringSimilarity, card, "released")).toThrow(code("TRB_MODEL_FILE_MALFORMED"));
    const larger = { ...card, parameters: card.parameters + 1 };
    expect(() => writeHybrid(only, ringSimilarity, larger, "released")).toThrow(code("TRB_MODEL_CARD_INVALID"));
  });
});
