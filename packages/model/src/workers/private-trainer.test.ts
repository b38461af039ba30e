import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { benchHistories, benchParameters, benchSource } from "../bench/configurations.ts";
import { modelSpec } from "../spec.ts";
import { createTrainer, type SumRequest, type Trainer } from "../training/trainer.ts";
import { createThreadTrainer } from "./private-trainer.ts";

const spec = modelSpec({
  items: 40,
  length: 20,
  width: 8,
  heads: 2,
  nextItem: { loss: "softmax", negatives: 6, calibration: 0 },
});
const [long, short] = [benchHistories(spec, 90, "long"), benchHistories(spec, 90, "beauty")];

function requestOf(histories = long, changes: Partial<SumRequest> = {}): SumRequest {
  return {
    parameters: benchParameters(spec),
    histories,
    sampled: Uint32Array.from(histories.customers.keys()),
    clipNorm: 0.5,
    scale: 2 ** 22,
    fractionBits: 8,
    customerQuota: 4096,
    negatives: benchSource(3),
    ...changes,
  };
}

describe.each([1, 2, 3])("%i threads", (threads) => {
  let spread: Trainer;
  let single: Trainer;
  beforeAll(async () => {
    [spread, single] = [await createThreadTrainer(spec, threads), await createTrainer(spec, onnxruntimeExecutor())];
  });
  afterAll(async () => {
    await Promise.all([spread.close(), single.close()]);
  });

  test("sum to the same bits as one, over whatever histories, also two sums at once", async () => {
    for (const histories of [long, short, long]) {
      const expected = await single.sum(requestOf(histories));
      expect(expected.total.some((value) => value !== 0)).toBe(true);
      expect(await spread.sum(requestOf(histories))).toEqual(expected);
    }
    const both = await Promise.all([spread.sum(requestOf(short)), spread.sum(requestOf(long, { clipNorm: 0.1 }))]);
    expect(both[0]).toEqual(await single.sum(requestOf(short)));
    expect(both[1]).toEqual(await single.sum(requestOf(long, { clipNorm: 0.1 })));
  });

  test("out of time, at once or in between, nobody is in the sum, and the next one is whole", async () => {
    for (const after of [0, 1, 3]) {
      let asked = 0;
      const { total, counts } = await spread.sum(requestOf(long, { deadline: () => asked++ >= after }));
      expect(total.every((value) => value === 0)).toBe(true);
      expect(counts).toEqual({ customers: 0, zeroed: 0, skipped: 90 });
    }
    const inTime = await spread.sum(requestOf(long, { deadline: () => false }));
    expect(inTime).toEqual(await single.sum(requestOf(long)));
  });

  test("what one refuses, several refuse", async () => {
    await expect(spread.sum(requestOf(long, { clipNorm: 0 }))).rejects.toMatchObject({ code: "TRB_TRAINING_REQUEST_INVALID" });
    const wrong = requestOf(long, { parameters: new Float32Array(7) });
    await expect(spread.sum(wrong)).rejects.toMatchObject({ code: "TRB_TRAINING_PARAMETERS_WRONG_LENGTH" });
    expect(await spread.sum(requestOf())).toEqual(await single.sum(requestOf()));
  });
});

test("a model that can't be trained is refused at the start, and a closed trainer afterwards", async () => {
  const bad = { ...spec, width: 6, heads: 2 };
  await expect(createThreadTrainer(bad, 2)).rejects.toMatchObject({ code: "TRB_TRAINING_SPEC_INVALID" });
  const closed = await createThreadTrainer(spec, 2);
  await closed.close();
  await expect(closed.sum(requestOf())).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|THREAD_FAILED/) });
});
