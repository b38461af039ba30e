import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, it } from "vitest";
import { evaluate } from "../evaluation/evaluate.ts";
import { resultBlock } from "../evaluation/result-block.ts";
import { itemContent } from "../item-content/item-content.ts";
import { threadTeam } from "../workers/index.ts";
import { soloTeam } from "./team.ts";
import { type CentralOptions, type EpochReport, trainCentrally } from "./train-centrally.ts";
import { walkerSpec, walkerTask } from "./walkers.fixture.ts";

const task = walkerTask();
const options: CentralOptions = {
  epochs: 30,
  batch: 16,
  schedule: { learningRate: 0.01, warmUpSteps: 10, decay: "cosine", floor: 0 },
  negatives: { power: 0, correction: 0 },
  seed: 1,
  validateEvery: 2,
  patience: 5,
};

describe("central training", () => {
  it("learns who walks where, so that the right item comes first", async () => {
    const team = await soloTeam(task, onnxruntimeExecutor());
    const training = await trainCentrally(task, team, options);
    const { ranks } = await team.ranks("test");
    await team.close();
    expect(ranks.filter((rank) => rank === 1).length / ranks.length).toBeGreaterThan(0.9);
    expect(training.validation.ndcg10).toBeGreaterThan(0.9);
    expect(training.bestEpoch).toBeGreaterThan(0);
  });

  it("gives equal weights for equal seeds, in this thread, in one and in two, and others for another seed", async () => {
    const short = { ...options, epochs: 3 };
    const solo = await soloTeam(task, onnxruntimeExecutor());
    const alone = await trainCentrally(task, solo, short);
    const other = await (async () => {
      const team = await soloTeam(task, onnxruntimeExecutor());
      const training = await trainCentrally(task, team, { ...short, seed: 2 });
      await team.close();
      return training.parameters;
    })();
    await solo.close();
    expect(other).not.toEqual(alone.parameters);
    for (const threads of [1, 2]) {
      const team = await threadTeam(task, threads);
      const training = await trainCentrally(task, team, short);
      expect(training.parameters).toEqual(alone.parameters);
      expect(training.validation).toEqual(alone.validation);
      await team.close();
    }
  });

  it("learns from items' public content alone, in threads as well", async () => {
    const item = { ids: "none", attributes: [{ name: "property", values: 30 }], features: 0 } as const;
    const spec = { ...walkerSpec, item };
    const content = itemContent(
      spec,
      Array.from({ length: 30 }, (_, i) => ({ attributes: [`place-${i}`] })),
    );
    const walk = { ...walkerTask(spec), content };
    const team = await threadTeam(walk, 2);
    await trainCentrally(walk, team, { ...options, epochs: 24 });
    const { ranks } = await team.ranks("test");
    await team.close();
    expect(ranks.filter((rank) => rank === 1).length / ranks.length).toBeGreaterThan(0.9);
    await expect(soloTeam(walkerTask(spec), onnxruntimeExecutor())).rejects.toMatchObject({
      code: "TRB_MODEL_CONTENT_MISSING",
    });
  });

  it("keeps the weights of the best validation and stops when there is none better", async () => {
    const team = await soloTeam(task, onnxruntimeExecutor());
    const reports: EpochReport[] = [];
    // far too fast: what it learns, it loses again
    const wild: CentralOptions = {
      ...options,
      epochs: 40,
      schedule: { learningRate: 0.25, warmUpSteps: 0, decay: "constant", floor: 1 },
      validateEvery: 1,
      patience: 3,
      onEpoch: (report) => reports.push(report),
    };
    const training = await trainCentrally(task, team, wild);
    const judged = reports.map(({ validation }) => validation ?? 0);
    expect(training.stopped).toBe("patience");
    expect(training.epochs).toBe(training.bestEpoch + 3);
    expect(training.validation.ndcg10).toBe(Math.max(...judged, training.bestEpoch === 0 ? training.validation.ndcg10 : 0));
    expect(judged.at(-1)).toBeLessThan(training.validation.ndcg10);
    expect(resultBlock(await team.ranks("validation"))).toEqual(training.validation);
    expect(team.parameters).toEqual(training.parameters);
    await team.close();
  });

  it("ends after the epoch in which time runs out, and says so", async () => {
    const team = await soloTeam(task, onnxruntimeExecutor());
    const training = await trainCentrally(task, team, { ...options, validateEvery: 9, deadline: () => true });
    expect(training).toMatchObject({ epochs: 1, stopped: "deadline" });
    await team.close();
  });

  it("ranks as the evaluation of reports does, with own items masked", async () => {
    const team = await soloTeam(task, float64Interpreter());
    const { test } = task.heldOut;
    if (test === undefined) throw new Error("the task holds out a test item");
    const expected = await evaluate(walkerSpec, task.initial, float64Interpreter(), test, { items: 30, repeats: "mask" });
    expect(await team.ranks("test")).toEqual(expected);
    await team.close();
  });

  it("refuses histories with nothing to learn from, and a training that has lost its numbers", async () => {
    const team = await soloTeam(task, onnxruntimeExecutor());
    const single = { ...task.train, customers: ["a"], offsets: Uint32Array.of(0, 1) };
    const refusal = { code: "TRB_TRAINING_CENTRAL_INVALID" };
    await expect(trainCentrally({ ...task, train: single }, team, options)).rejects.toMatchObject(refusal);
    const hot: CentralOptions = { ...options, schedule: { learningRate: 1e30, warmUpSteps: 0, decay: "constant", floor: 1 } };
    await expect(trainCentrally(task, team, hot)).rejects.toMatchObject(refusal);
    await team.close();
  });
});

describe("a team of threads", () => {
  it("hands on what a member refuses, with its code", async () => {
    const team = await threadTeam(task, 2);
    await expect(team.ranks("nothing")).rejects.toMatchObject({ code: "TRB_TRAINING_CENTRAL_INVALID" });
    expect((await team.ranks("test")).ranks).toHaveLength(120);
    await team.close();
    await expect(team.ranks("test")).rejects.toMatchObject({ code: "TRB_TRAINING_THREAD_FAILED" });
    await team.close();
  });

  it("does not start on weights that are not numbers, or too few", async () => {
    const broken = task.initial.slice();
    broken[3] = Number.NaN;
    const refusal = { code: "TRB_TRAINING_PARAMETERS_NOT_FINITE" };
    await expect(threadTeam({ ...task, initial: broken }, 2)).rejects.toMatchObject(refusal);
    const short = { code: "TRB_TRAINING_PARAMETERS_WRONG_LENGTH" };
    await expect(threadTeam({ ...task, initial: broken.subarray(1) }, 2)).rejects.toMatchObject(short);
  });
});
