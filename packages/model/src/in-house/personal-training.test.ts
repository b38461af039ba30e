import { type Histories, leaveLastOut, sliceHistories } from "@tributary/events";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { beforeAll, describe, expect, test } from "vitest";
import { trainLocally } from "../baselines/local-training.ts";
import { initialParameters } from "../checkpoint/initial-parameters.ts";
import { evaluate } from "../evaluation/evaluate.ts";
import { resultBlock } from "../evaluation/result-block.ts";
import type { Student } from "../hybrid/student.ts";
import { modelSpec } from "../spec.ts";
import { trainedTensors } from "../trained-tensors.ts";
import { personalLayers } from "./personal-layers.ts";
import { type PersonalTrainingOptions, trainPersonally } from "./personal-training.ts";

const items = 30;
const spec = modelSpec({
  ...{ items, length: 8, width: 16, blocks: 2, heads: 1, feedForward: 1, activation: "relu", actions: 0, timeGaps: 0 },
  ...{ positions: "learned", dropout: 0 },
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
});
const executor = onnxruntimeExecutor();

/** Everyone walks on from item i to item i + step. */
function walkers(customers: number, step: number): Histories {
  return {
    customers: Array.from({ length: customers }, (_, c) => `c${c}`),
    offsets: Uint32Array.from({ length: customers + 1 }, (_, c) => 6 * c),
    items: Int32Array.from({ length: 6 * customers }, (_, e) => 1 + ((Math.floor(e / 6) * 7 + step * (e % 6)) % items)),
    actions: new Uint8Array(6 * customers),
    times: Float64Array.from({ length: 6 * customers }, (_, e) => e),
  };
}

/** This merchant's customers walk by two; the federation's, mostly by one. */
const own = walkers(90, 2);
const [learnt, kept] = [0, 1].map((part) =>
  sliceHistories(
    own,
    [...own.customers.keys()].filter((c) => (c % 3 === 0 ? 1 : 0) === part),
  ),
);
if (learnt === undefined || kept === undefined) throw new Error("there is no half");
const validation = leaveLastOut(kept);

let federated: Student;
beforeAll(async () => {
  let byte = 0;
  const initial = initialParameters(spec, {
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = Math.imul(++byte, 2654435761) >>> 24;
    },
  });
  const options = { items, initial, seed: 1, batch: 32, mostEpochs: 8, learningRates: [0.03] };
  federated = { spec, parameters: (await trainLocally(spec, executor, walkers(120, 1), options)).parameters };
}, 60_000);

const options = (change: Partial<PersonalTrainingOptions> = {}): PersonalTrainingOptions => ({
  ...{ items, layers: personalLayers(spec), validation, repeats: "keep", seed: 3, learningRates: [0.01], epochs: 12 },
  ...change,
});
const ndcg = async (parameters: Float32Array) =>
  resultBlock(await evaluate(spec, parameters, executor, validation, { items })).ndcg10;

describe("fine-tuning on a merchant's own customers", { timeout: 60_000 }, () => {
  test("learns what is the merchant's own, and says by how much; the same seed gives the same weights", async () => {
    const before = Float32Array.from(federated.parameters);
    const personal = await trainPersonally(federated, learnt, executor, options());
    expect(await ndcg(federated.parameters)).toBeLessThan(0.6);
    expect(await ndcg(personal.parameters)).toBeGreaterThan(0.75);
    expect(personal.validation).toEqual({
      federated: await ndcg(federated.parameters),
      personal: await ndcg(personal.parameters),
    });
    expect(personal.epochs).toBeGreaterThan(0);
    expect(federated.parameters).toEqual(before);
    expect((await trainPersonally(federated, learnt, executor, options())).parameters).toEqual(personal.parameters);
  });

  test("moves the chosen layers and nothing else, to the bit", async () => {
    const layers = personalLayers(spec, ["last-block"]);
    const { parameters, epochs, moved } = await trainPersonally(federated, learnt, executor, options({ layers, epochs: 3 }));
    expect(epochs).toBeGreaterThan(0);
    expect(moved).toBeGreaterThan(0);
    const chosen = trainedTensors(spec, layers);
    const isChosen = (place: number) => chosen.some(({ inModel, size }) => place >= inModel && place < inModel + size);
    const changed = [...parameters.keys()].filter((place) => parameters[place] !== federated.parameters[place]);
    expect(changed.filter((place) => !isChosen(place))).toEqual([]);
    expect(changed.length).toBeGreaterThan(0);
  });

  test("is held near the federated weights by the proximal term", async () => {
    const of = (proximal: number) =>
      trainPersonally(federated, learnt, executor, options({ proximal, epochs: 3, patience: 3 }));
    const [free, held] = [await of(0), await of(300)];
    expect(free.epochs).toBe(3);
    expect(held.moved).toBeLessThan(free.moved / 2);
  });

  test("leaves the federated weights where no epoch is better for customers who are not trained on", async () => {
    const usual = walkers(60, 1);
    // customers of another walk than those trained on: what is learnt is of no use to them
    const misled = await trainPersonally(federated, walkers(60, 11), executor, options({ validation: leaveLastOut(usual) }));
    expect(misled).toMatchObject({ epochs: 0, learningRate: 0, moved: 0 });
    expect(misled.parameters).toEqual(federated.parameters);
  });

  test("refuses numbers that mean nothing", async () => {
    const code = expect.objectContaining({ code: "TRB_TRAINING_REQUEST_INVALID" });
    for (const wrong of [{ epochs: 0 }, { batch: 1.5 }, { proximal: -1 }, { proximal: Number.NaN }]) {
      await expect(trainPersonally(federated, learnt, executor, options(wrong))).rejects.toThrow(code);
    }
  });
});
