/** When training begins from released statistics, and with which weights: those that anybody makes of the same statistics. */
import { itemSimilarity, modelSpec, type PublicItem, parameterShapes } from "@tributary/model";
import type { Decimal, Plan, Release } from "@tributary/protocol";
import { expect, test } from "vitest";
import { float64Interpreter } from "../../tensor/src/index.ts";
import { type FederationModel, initialFederationModel } from "./agreed-model.ts";
import { crypto, identity, planOf } from "./parties.test-support.ts";
import { nextModel } from "./release.ts";
import { warmStarted, warmStartOf } from "./warm-start.ts";

const decimal = (text: string) => text as Decimal;
const catalogue: readonly PublicItem[] = Array.from({ length: 6 }, (_, i) => ({ category: i < 3 ? "left" : "right" }));
const similarity = () => itemSimilarity(catalogue);
const surroundings = { executor: float64Interpreter(), similarity };
const base = planOf(identity("coordinator").key, { model: modelSpec({ items: 6, length: 4, width: 4 }) });
const statistic = (kind: "popularity" | "pairs", dimension: number): Release => ({
  ...{ kind, arithmetic: "exact", clipNorm: decimal("1"), samplingRate: decimal("1"), noiseMultiplier: decimal("4") },
  ...{ rounds: 1, dimension, touched: 4, scale: decimal("1000"), fractionBits: 4 },
});
const walks: NonNullable<Plan["warmStart"]> = {
  ...{ walks: 8, epochs: 1, batch: 4, learningRate: decimal("0.01"), repeats: "keep", seed: 5 },
};
const plan: Plan = {
  ...base,
  caps: { maxEvents: 9, maxItems: 4, maxPairs: 4, localSteps: 1 },
  releases: [statistic("popularity", 6), statistic("pairs", 15), ...base.releases],
  warmStart: walks,
  statistics: {
    ...{ window: 3, weighBy: "probability", latest: 20 },
    ...{ firstPopularity: decimal("0.5"), firstContent: decimal("2"), firstNorm: decimal("1.5") },
    ...{ aliveAbove: decimal("0.001"), weightFloor: decimal("0.1"), weightPower: decimal("0.5"), laterNorm: decimal("0.5") },
    ...{ priorMean: decimal("3"), priorPopularity: decimal("1"), roundOdds: decimal("1"), finalOdds: decimal("0.5") },
    ...{ roundContent: decimal("2"), finalContent: decimal("1"), keepAbove: decimal("0.02"), targetPopularity: decimal("0") },
    ...{ contentWeight: decimal("12"), contentSharpness: decimal("14"), decay: decimal("0.5") },
  },
};
const sumOf = (dimension: number) => new Uint32Array(dimension).map((_, i) => 1000 * (1 + (i % 5)));
const step = { plan, survivors: 3, optimiserState: null, similarity };
const start = initialFederationModel(crypto, plan);
const counted = nextModel({ ...step, release: 0, sum: sumOf(6), model: start }).model;
const complete = nextModel({ ...step, release: 1, sum: sumOf(15), model: counted }).model;
const started = (before: FederationModel, after: FederationModel, of: Plan = plan) =>
  warmStarted(of, before, after, surroundings);

test("weights are a student's of the statistics that have just become complete: whoever makes them has the same", async () => {
  const begun = await started(counted, complete);
  expect(begun.statistics).toBe(complete.statistics);
  expect(begun.parameters).toEqual(await warmStartOf(plan, complete, surroundings));
  expect(begun.parameters).not.toEqual(complete.parameters);
  const size = parameterShapes(base.model).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  expect(begun.parameters).toHaveLength(size);
  expect(begun.parameters.every(Number.isFinite)).toBe(true);
  const faster = { ...plan, warmStart: { ...walks, learningRate: decimal("0.1") } };
  expect(await warmStartOf(faster, complete, surroundings)).not.toEqual(begun.parameters);
});

test("a model is left as it is before its statistics are complete, once they have been, and where the plan says nothing", async () => {
  expect(await started(start, counted)).toBe(counted);
  expect(await started(complete, complete)).toBe(complete);
  const { warmStart: _, ...without } = plan;
  expect(await started(counted, complete, without)).toBe(complete);
  const bare = { ...start, statistics: undefined };
  expect(await started(bare, bare)).toBe(bare);
});

test("there is nothing to begin from without a rule, or without statistics", async () => {
  const unfit = { code: "TRB_PLAN_WARM_START_UNFIT" };
  const { warmStart: _, ...without } = plan;
  await expect(warmStartOf(without, complete, surroundings)).rejects.toMatchObject(unfit);
  await expect(warmStartOf(plan, { statistics: undefined }, surroundings)).rejects.toMatchObject(unfit);
});
