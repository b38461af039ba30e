import { type Histories, leaveLastOut } from "@tributary/events/histories";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, it } from "vitest";
import { initialParameters } from "../checkpoint/initial-parameters.ts";
import { evaluate } from "../evaluation/evaluate.ts";
import { resultBlock } from "../evaluation/result-block.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { trainLocally } from "./local-training.ts";

const items = 30;
const spec: ModelSpec = modelSpec({
  items,
  length: 8,
  width: 16,
  blocks: 1,
  heads: 1,
  feedForward: 1,
  activation: "relu",
  positions: "learned",
  actions: 0,
  timeGaps: 0,
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
});

/** A shop in which everyone walks on from item i to item i + 1: nothing that popularity or own history could know. */
const walkers: Histories = {
  customers: Array.from({ length: 120 }, (_, c) => `c${c}`),
  offsets: Uint32Array.from({ length: 121 }, (_, c) => 6 * c),
  items: Int32Array.from({ length: 720 }, (_, e) => 1 + ((Math.floor(e / 6) * 7 + (e % 6)) % items)),
  actions: new Uint8Array(720),
  times: Float64Array.from({ length: 720 }, (_, e) => e),
};
let byte = 0;
const initial = initialParameters(spec, {
  fill(out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.imul(++byte, 2654435761) >>> 24;
  },
});

describe("a merchant alone", () => {
  const executor = onnxruntimeExecutor();

  it("learns what its own customers show, tuned on its own validation", { timeout: 60_000 }, async () => {
    const heldOut = leaveLastOut(walkers);
    const trained = await trainLocally(spec, executor, heldOut.train, { items, initial, seed: 1, batch: 32, mostEpochs: 25 });
    const ndcg = async (parameters: Float32Array) =>
      resultBlock(await evaluate(spec, parameters, executor, heldOut, { items })).ndcg10;
    expect(await ndcg(trained.parameters)).toBeGreaterThan(0.9);
    expect(await ndcg(initial)).toBeLessThan(0.5);
    expect(trained.chosen.tried).toHaveLength(4);
    expect(trained.chosen.validation).toBe(Math.max(...trained.chosen.tried.map(({ validation }) => validation)));
  });

  it("keeps the first model when time is up before anything is better, and says so", async () => {
    const { train } = leaveLastOut(walkers);
    const options = { items, initial, seed: 1, deadline: () => true };
    const { parameters, chosen } = await trainLocally(spec, executor, train, options);
    expect(parameters).toEqual(initial);
    expect(chosen).toMatchObject({ epochs: 0, stopped: "deadline" });
  });
});
