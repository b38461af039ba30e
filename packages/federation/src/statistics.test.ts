import { noiseDeviation, sumQueryParameters } from "@tributary/dp";
import {
  afterPopularity,
  itemSimilarity,
  type PublicItem,
  type ReleasedStatistics,
  type StatisticsRecipe,
  startStatistics,
} from "@tributary/model";
import { type Decimal, type Plan, type Release, sumQueryOf } from "@tributary/protocol";
import { describe, expect, expectTypeOf, test } from "vitest";
import { decodeFederationModel, encodeFederationModel, initialFederationModel } from "./agreed-model.ts";
import { crypto, identity, planOf } from "./parties.test-support.ts";
import { nextModel } from "./release.ts";
import { countedItems, nextStatistics, recipeOf, statisticsCapsOf } from "./statistics.ts";

const decimal = (text: string) => text as Decimal;
const catalogue: readonly PublicItem[] = Array.from({ length: 6 }, (_, i) => ({ category: i < 3 ? "left" : "right" }));
const similarity = itemSimilarity(catalogue);
const statistic = (kind: "popularity" | "pairs", dimension: number, rounds: number, noise: string): Release => ({
  ...{ kind, arithmetic: "exact", clipNorm: decimal("1"), samplingRate: decimal("1"), noiseMultiplier: decimal(noise) },
  ...{ rounds, dimension, touched: 4, scale: decimal("1000"), fractionBits: 4 },
});
const base = planOf(identity("coordinator").key);
const plan: Plan = {
  ...base,
  caps: { maxEvents: 9, maxItems: 4, maxPairs: 4, localSteps: 1 },
  releases: [
    statistic("popularity", 6, 1, "4"),
    statistic("pairs", 15, 1, "2"),
    statistic("pairs", 8, 2, "4"),
    ...base.releases,
  ],
  statistics: {
    ...{ window: 3, weighBy: "probability", latest: 20 },
    ...{ firstPopularity: decimal("0.5"), firstContent: decimal("2"), firstNorm: decimal("1.5") },
    ...{ aliveAbove: decimal("0.001"), weightFloor: decimal("0.1"), weightPower: decimal("0.5"), laterNorm: decimal("0.5") },
    ...{ priorMean: decimal("3"), priorPopularity: decimal("1"), roundOdds: decimal("1"), finalOdds: decimal("0.5") },
    ...{ roundContent: decimal("2"), finalContent: decimal("1"), keepAbove: decimal("0.02"), targetPopularity: decimal("0") },
    ...{ contentWeight: decimal("12"), contentSharpness: decimal("14"), decay: decimal("0.5") },
  },
};
/** A sum of these numbers of vector units, as it is unmasked. */
const sumOf = (dimension: number, units: (i: number) => number) =>
  new Uint32Array(Int32Array.from({ length: dimension }, (_, i) => Math.round(1000 * units(i))).buffer);

test("a plan says of statistics all that a recipe has, with the same fields, and no more", () => {
  type Stated = NonNullable<Plan["statistics"]>;
  type InNumbers = { readonly [Field in keyof Stated]: Stated[Field] extends Decimal ? number : Stated[Field] };
  type FromReleases = "maxItems" | "maxPairs" | "popularityShare" | "firstShare" | "rounds" | "firstCells" | "laterCells";
  expectTypeOf<InNumbers>().toEqualTypeOf<Omit<StatisticsRecipe, FromReleases>>();
  const recipe = recipeOf(plan);
  const stated = Object.entries(plan.statistics ?? {}).map(([field, value]) => {
    const isNumber = !["weighBy", "window", "latest"].includes(field);
    return [field, isNumber ? Number(value) : value];
  });
  expect(recipe).toMatchObject(Object.fromEntries(stated));
});

describe("a plan's recipe", () => {
  test("is read off releases and caps", () => {
    // 1/σ²: 1/16 for the popularity, 1/4 and twice 1/16 for pairs
    expect(recipeOf(plan)).toMatchObject({
      rounds: 3,
      maxItems: 4,
      maxPairs: 4,
      firstCells: 15,
      laterCells: 8,
      window: 3,
      priorMean: 3,
    });
    expect(recipeOf(plan).popularityShare).toBeCloseTo(1 / 7, 12);
    expect(recipeOf(plan).firstShare).toBeCloseTo(2 / 3, 12);
    expect(recipeOf(plan, 2)).toMatchObject({ firstCells: 8, laterCells: 8 }); // the first pair round is behind
    const spare = { ...plan, releases: plan.releases.map((one, i) => (i < 2 ? { ...one, rounds: 2, retries: 1 } : one)) };
    expect(recipeOf(spare)).toEqual(recipeOf(plan)); // what is only there to replace is not counted on
    expect(statisticsCapsOf(plan)).toEqual({ maxEvents: 9, maxItems: 4, maxPairs: 4, window: 3 });
    expect([countedItems(plan), countedItems(base)]).toEqual([6, 0]);
  });

  test("of popularity alone gives pairs no share and no cells; nor are there any behind the last pair round", () => {
    const alone = recipeOf({ ...plan, releases: plan.releases.slice(0, 1) });
    expect(alone).toMatchObject({ rounds: 0, popularityShare: 1, firstShare: 0, firstCells: 0, laterCells: 0 });
    expect(recipeOf(plan, 3)).toMatchObject({ rounds: 3, firstCells: 0, laterCells: 0 });
  });

  test("is refused of a plan without statistics", () => {
    const refused = expect.objectContaining({ code: "TRB_PLAN_STATISTICS_UNFIT" });
    expect(() => recipeOf(base)).toThrowError(refused);
    expect(() => statisticsCapsOf(base)).toThrowError(refused);
  });
});

describe("the model after a statistics round", () => {
  const start = initialFederationModel(crypto, plan);
  const common = { plan, survivors: 3, optimiserState: null, similarity: () => similarity };
  const popularity = sumOf(6, (i) => 6 - i);
  const afterFirst = nextModel({ ...common, release: 0, sum: popularity, model: start }).model;

  test("holds the popularity in vector units with the noise that the survivors brought, and asks for pairs", () => {
    const { nodeVariance, scale } = sumQueryParameters(sumQueryOf(plan, 0));
    const deviation = noiseDeviation(nodeVariance, 3) / scale;
    const expected = afterPopularity(recipeOf(plan), similarity, [6, 5, 4, 3, 2, 1], deviation);
    expect(afterFirst.statistics).toEqual(expected);
    expect(afterFirst.statistics?.query?.firsts).toHaveLength(15);
    expect(afterFirst.parameters).toBe(start.parameters);
  });

  test("is told from every other by its file, which gives it back", () => {
    const file = encodeFederationModel(plan, afterFirst);
    expect(decodeFederationModel(plan, file)).toEqual(afterFirst);
    expect(encodeFederationModel(plan, start)).not.toEqual(file);
    expect(initialFederationModel(crypto, base).statistics).toBeUndefined();
  });

  test("goes on to what may be real, at most as much as the next release has room for, until the rounds are done", () => {
    const pairs = nextModel({ ...common, release: 1, sum: sumOf(15, (c) => (c % 2 === 0 ? 8 : -3)), model: afterFirst }).model;
    expect(pairs.statistics?.released).toBe(2);
    expect(pairs.statistics?.query?.firsts.length).toBeLessThanOrEqual(8);
    const third = nextModel({ ...common, release: 2, sum: sumOf(8, () => 2), model: pairs }).model;
    const last = nextModel({ ...common, release: 2, sum: sumOf(8, () => 2), model: third }).model;
    expect(third.statistics?.query).toBeDefined();
    expect(last.statistics?.query).toBeUndefined();
    expect(last.statistics?.released).toBe(4);
  });

  test("of a first pair round that was lost asks its heaviest cells in the smaller round after it", () => {
    const sum = sumOf(8, (c) => c);
    const next = nextModel({ ...common, release: 2, sum, model: afterFirst }).model;
    const known = next.statistics?.evidence;
    const informed = [...(known?.precision ?? [])].filter((precision) => precision > 0).length;
    expect(informed).toBeGreaterThan(0);
    expect(informed).toBeLessThanOrEqual(8);
  });

  test("of a training round keeps the statistics, and the other way round", () => {
    const { dimension } = plan.releases[3] as Release;
    const spec = { ...common, release: 3, sum: sumOf(dimension, () => 1) };
    const model = { parameters: new Float32Array(dimension), statistics: afterFirst.statistics };
    const trained = nextModel({ ...spec, model });
    expect(trained.model.statistics).toBe(afterFirst.statistics);
    expect(trained.model.parameters).not.toEqual(model.parameters);
    expect(trained.optimiserState?.steps).toBe(1);
    const back = nextModel({ ...common, release: 0, sum: popularity, model, optimiserState: trained.optimiserState });
    expect(back.optimiserState).toBe(trained.optimiserState);
  });

  test("is refused where nothing was asked", () => {
    const refused = expect.objectContaining({ code: "TRB_MODEL_QUERY_MISSING" });
    const step = { ...common, release: 1, sum: sumOf(15, () => 0) };
    expect(() => nextModel({ ...step, model: start })).toThrowError(refused);
    const statistics: ReleasedStatistics | undefined = undefined;
    expect(() => nextModel({ ...step, model: { ...start, statistics } })).toThrowError(refused);
    expect(() => nextStatistics({ ...step, statistics: startStatistics(), similarity })).toThrowError(refused);
  });
});
