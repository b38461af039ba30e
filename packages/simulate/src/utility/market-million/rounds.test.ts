/** A round's sums, before the optimiser: what noise adds to a clipped sum, and that clipping is the only other difference. */

import { startStudent } from "@tributary/model";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import { marketLog } from "../../scale/market-log.ts";
import { splitLog } from "../../scale/split.ts";
import { trainingPlan } from "./noise.ts";
import { type RoundsWay, trainInRounds } from "./rounds.ts";
import { attentionModel, millionSettings } from "./settings.ts";

const crypto = nodeCrypto();
const seed = new Uint8Array(32).fill(9);
const usual = millionSettings({ seed: 5, customers: 1500 });
const settings = {
  ...{ ...usual, market: { customers: 1500, items: 40, categories: 4 }, nodes: 5 },
  model: { ...attentionModel(40), width: 16, length: 8 },
  training: { ...usual.training, rounds: 1, cohort: 300, clipNorm: 0.5 },
};
const log = marketLog({ ...settings.market, seed: 5 });
const population = splitLog(log, { nodes: 5, seed: 5, sizeZipf: 0, disjointCatalogues: false });
const plan = trainingPlan(settings, log.catalogue, crypto, seed);

/** Of one round, from the first moment (1 − β₁)·g that it leaves. */
async function meanUpdate(way: RoundsWay): Promise<Float64Array> {
  const { parameters } = startStudent(settings.model, { popularity: new Float32Array(40).fill(1), seed: 1 });
  const { optimiserState } = await trainInRounds({
    ...{ way, plan, training: settings.training, population, seed, threads: 1, crypto, executor: onnxruntimeExecutor() },
    from: { rounds: 0, parameters, optimiserState: null },
    onRound() {},
  });
  const rest = 1 - settings.training.optimiser.beta1;
  return (optimiserState?.first ?? new Float64Array()).map((value) => value / rest);
}

const norm = (of: Float64Array) => Math.sqrt(of.reduce((sum, value) => sum + value * value, 0));

test("noise has the variance that the plan promises, and no more (fixed seed; 7 standard errors, a false-alarm rate of 3e-12)", async () => {
  const [noisy, clipped] = [await meanUpdate("private"), await meanUpdate("clipped")];
  const dimension = noisy.length;
  expect(dimension).toBe(plan.releases[0]?.dimension);
  const { cohort, clipNorm } = settings.training;
  const [release] = plan.releases;
  const sensitivity = clipNorm * (1 + 2 ** -10) + Math.sqrt(dimension) / Number(release?.scale);
  const deviation = (Number(release?.noiseMultiplier) * sensitivity) / cohort;
  const noise = noisy.map((value, i) => (value - (clipped[i] as number)) / deviation);
  const [mean, square] = [noise.reduce((sum, x) => sum + x, 0) / dimension, norm(noise) ** 2 / dimension];
  expect(Math.abs(mean)).toBeLessThan(7 / Math.sqrt(dimension));
  expect(Math.abs(square - 1)).toBeLessThan(7 * Math.sqrt(2 / dimension));
});

test("without noise a mean update is no longer than the clip norm, without clipping it is, and the same seed gives the same", async () => {
  const [clipped, plain] = [await meanUpdate("clipped"), await meanUpdate("plain")];
  const most = settings.training.clipNorm * 1.3; // a sample is larger than expected now and then
  expect(norm(clipped)).toBeLessThan(most);
  expect(norm(plain)).toBeGreaterThan(norm(clipped) * 1.2);
  expect(await meanUpdate("plain")).toEqual(plain);
});
