import { seededRandom } from "@tributary/events/histories";
import { describe, expect, it } from "vitest";
import { rankCustomers } from "../evaluation/rank-customers.ts";
import { cosineOf, itemSimilarity } from "./item-similarity.ts";
import { pairVector } from "./pair-query.ts";
import { popularityVector } from "./popularity-query.ts";
import { meanIfReal, probabilityReal } from "./posterior.ts";
import { type StatisticsRecipe, statisticsRecipe, statisticsReleases } from "./recipe.ts";
import { afterPairs, afterPopularity, finishStatistics, type ReleasedStatistics, startStatistics } from "./rounds.ts";
import { contentPopularityScorer, contentScorer, scoreNext, statisticsScorer } from "./scoring.ts";
import { statisticsOf, statisticsTensors } from "./statistics-tensors.ts";

const items = 24;
const catalogue = Array.from({ length: items }, (_, i) => ({ category: `c${i % 4}`, attributes: [`a${i % 3}`] }));
const similarity = itemSimilarity(catalogue);
/** Everybody walks from an odd item to the next even one, which content doesn't know, three times, from anywhere. */
const walkers = Array.from({ length: 600 }, (_, c) => {
  const random = seededRandom(c, "walk");
  return Array.from({ length: 3 }, () => 1 + 2 * random.below(items / 2)).flatMap((odd) => [odd, odd + 1]);
});
const recipe: StatisticsRecipe = { ...statisticsRecipe(4), rounds: 3, firstCells: 276, laterCells: 50 };

/** The rounds of a recipe on exact sums that are said to have some noise. */
function run(of: StatisticsRecipe, deviation = 2, through: (released: ReleasedStatistics) => ReleasedStatistics = (r) => r) {
  const known = [through(startStatistics())];
  for (const { kind } of statisticsReleases(of, items)) {
    const before = known.at(-1) as ReleasedStatistics;
    const sum = new Float64Array(kind === "popularity" ? items : (before.query?.firsts.length ?? 0));
    for (const history of walkers) {
      const { coordinates, values } =
        before.query === undefined ? popularityVector(history, of) : pairVector(history, before.query, of);
      for (const [n, at] of coordinates.entries()) sum[at] = (sum[at] as number) + (values[n] as number);
    }
    const after =
      kind === "popularity"
        ? afterPopularity(of, similarity, sum, deviation)
        : afterPairs(of, similarity, before, sum, deviation);
    known.push(through(after));
  }
  return known;
}

const last = (known: readonly ReleasedStatistics[]) => known.at(-1) as ReleasedStatistics;

describe("a recipe's releases", () => {
  it("are the popularity and the pair rounds, whose shares add up to 1", () => {
    for (const epsilon of [0.5, 1, 2, 4, 8, 20]) {
      const releases = statisticsReleases(statisticsRecipe(epsilon), 12_101);
      expect(releases.map(({ kind }) => kind)).toEqual(["popularity", ...Array(releases.length - 1).fill("pairs")]);
      expect(releases.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
      for (const { dimension, touched } of releases) {
        expect(dimension).toBeLessThanOrEqual(8_000_000); // 32 MB
        expect(touched).toBeLessThanOrEqual(dimension);
      }
    }
    const single = statisticsReleases({ ...recipe, rounds: 1 }, items).map(({ share }) => share);
    expect(single).toEqual([recipe.popularityShare, 1 - recipe.popularityShare]);
  });
});

describe("statistics, round by round", () => {
  it("find what follows what: the pair that everybody walks is in the table, and serves", async () => {
    const known = run(recipe);
    expect(known.map(({ released }) => released)).toEqual([0, 1, 2, 3, 4]);
    expect(last(known).query).toBeUndefined();
    const served = finishStatistics(recipe, similarity, last(known));
    for (let odd = 1; odd < items; odd += 2) {
      const row = served.pairs.places.subarray(served.pairs.offsets[odd - 1], served.pairs.offsets[odd]);
      expect([...row]).toContain(odd);
    }
    const histories = {
      customers: walkers.map((_, c) => `c${c}`),
      offsets: Uint32Array.from({ length: walkers.length + 1 }, (_, c) => 5 * c),
      items: Int32Array.from(walkers.flatMap((walk) => walk.slice(0, 5))),
      actions: new Uint8Array(5 * walkers.length),
      times: new Float64Array(5 * walkers.length),
    };
    const split = { train: histories, targets: Int32Array.from(walkers, (walk) => walk[5] as number) };
    const ranked = async (score: ReturnType<typeof contentScorer>) => {
      const { ranks } = await rankCustomers(score, split, { items, repeats: "mask" });
      return ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length;
    };
    expect(await ranked(statisticsScorer(served, similarity, recipe))).toBeLessThan(1.5);
    expect(await ranked(contentScorer(similarity, recipe))).toBeGreaterThan(5);
    expect(await ranked(contentPopularityScorer(served.popularity, similarity, recipe))).toBeGreaterThan(5);
  });

  it("ask only for cells that were asked for before, each round for no more, and weigh them around 1", () => {
    const queries = run(recipe).flatMap(({ query }) => (query === undefined ? [] : [query]));
    expect(queries).toHaveLength(3);
    const names = queries.map(({ firsts, seconds }) => [...firsts].map((first, c) => `${first} ${seconds[c]}`));
    for (const [round, cells] of names.entries()) {
      if (round === 0) continue;
      for (const cell of cells) expect(names[round - 1]).toContain(cell);
      expect(cells.length).toBeLessThanOrEqual(recipe.laterCells);
    }
    const weights = [...(queries[1]?.weights ?? [])].sort((a, b) => a - b);
    expect(weights[0]).toBeLessThanOrEqual(1);
    expect(weights.at(-1)).toBeGreaterThanOrEqual(1);
  });

  it("keep the likeliest where too many are alive", () => {
    const few = run({ ...recipe, laterCells: 5, aliveAbove: 0, roundContent: 0, priorMean: 50 }, 15)[2]?.query;
    expect(few?.firsts).toHaveLength(5);
    // everybody's pairs are the likeliest
    for (const [c, first] of (few?.firsts ?? new Uint32Array(0)).entries())
      expect([first % 2, few?.seconds[c]]).toEqual([1, first + 1]);
  });

  it("count in units of customers: one round by hand", () => {
    const one = { ...recipe, rounds: 1, firstPopularity: 0, firstContent: 0, firstNorm: 2, keepAbove: 0 };
    const [, asked] = run(one);
    const query = asked?.query;
    if (asked === undefined || query === undefined) throw new Error("a popularity makes a query");
    const sum = Float64Array.from(query.firsts, (_, c) => (c === 3 ? 7 : 0));
    const done = afterPairs(one, similarity, asked, sum, 0.5);
    const counts = 1 / Math.sqrt(1 + 4); // g = 1, N = 2
    const precision = counts ** 2 / 0.25;
    expect(done.evidence?.precision[3]).toBeCloseTo(precision, 5);
    expect(done.evidence?.weighted[3]).toBeCloseTo((counts * 7) / 0.25, 4);
    const { pairs, popularity } = finishStatistics({ ...one, targetPopularity: 0 }, similarity, done);
    const [i, j] = [query.firsts[3] as number, query.seconds[3] as number];
    const product = (popularity[i - 1] as number) * (popularity[j - 1] as number);
    const place = [...pairs.places.subarray(pairs.offsets[i - 1], pairs.offsets[i])].indexOf(j - 1);
    const value = pairs.values[(pairs.offsets[i - 1] as number) + place] as number;
    const logOdds = Math.log(one.finalOdds * product ** one.priorPopularity) + one.finalContent * cosineOf(similarity, i, j);
    const [x, s] = [7 / counts, precision ** -0.5];
    expect(value).toBeCloseTo(probabilityReal(x, s, logOdds, one.priorMean) * meanIfReal(x, s, one.priorMean), 3);
    expect(value).toBeGreaterThan(10);
  });

  it("have a symmetric table, but for the popularity of where it points", () => {
    const { pairs, popularity } = finishStatistics(recipe, similarity, last(run(recipe)));
    const at = (i: number, j: number) => {
      const [from, to] = [pairs.offsets[i - 1] as number, pairs.offsets[i] as number];
      const n = pairs.places.subarray(from, to).indexOf(j - 1);
      return n < 0 ? 0 : (pairs.values[from + n] as number) / (popularity[j - 1] as number) ** recipe.targetPopularity;
    };
    for (let i = 1; i <= items; i++) for (let j = 1; j <= items; j++) expect(at(i, j)).toBeCloseTo(at(j, i), 4);
  });

  it("are the same after each round has gone through tensors and back", () => {
    const through = (released: ReleasedStatistics) => statisticsOf(statisticsTensors(released), items);
    expect(run(recipe, 2, through)).toEqual(run(recipe));
  });

  it("refuse sums and tensors that don't fit", () => {
    const coded = (code: string) => expect.objectContaining({ code });
    expect(() => afterPopularity(recipe, similarity, new Float64Array(items - 1), 1)).toThrow(
      coded("TRB_MODEL_LENGTH_MISMATCH"),
    );
    const asked = run(recipe)[1] as ReleasedStatistics;
    expect(() => afterPairs(recipe, similarity, asked, new Float64Array(3), 1)).toThrow(coded("TRB_MODEL_LENGTH_MISMATCH"));
    expect(() => afterPairs(recipe, similarity, startStatistics(), new Float64Array(3), 1)).toThrow(
      coded("TRB_MODEL_LENGTH_MISMATCH"),
    );
    expect(() => finishStatistics(recipe, similarity, startStatistics())).toThrow(coded("TRB_MODEL_LENGTH_MISMATCH"));
    const tensors = statisticsTensors(asked);
    expect(() => statisticsOf(tensors.slice(1), items)).toThrow(coded("TRB_MODEL_TENSOR_MISSING"));
    expect(() => statisticsOf(tensors, items - 1)).toThrow(coded("TRB_MODEL_FILE_MALFORMED"));
    const swapped = tensors.map((tensor) =>
      tensor.name === "statistics.pairs.first" ? { ...tensor, data: (tensor.data as Uint32Array).slice().reverse() } : tensor,
    );
    expect(() => statisticsOf(swapped, items)).toThrow(coded("TRB_MODEL_FILE_MALFORMED"));
    const typed = tensors.map((tensor) =>
      tensor.name === "statistics.popularity" ? { ...tensor, data: new Uint32Array(items) } : tensor,
    );
    expect(() => statisticsOf(typed, items)).toThrow(coded("TRB_MODEL_TENSOR_TYPE"));
  });
});

describe("scores", () => {
  const pairs = { offsets: Uint32Array.of(0, 1, 2, 2), places: Uint32Array.of(2, 2), values: Float32Array.of(3, 4) };
  const small = itemSimilarity([{ category: "x" }, { category: "y" }, { category: "x" }]);
  const serving = { contentWeight: 10, contentSharpness: 14, decay: 0.5, latest: 20 };

  it("by hand: softmax of content and popularity, and what follows the latest items", () => {
    const scores = scoreNext({ popularity: Float32Array.of(1, 1, 2), pairs }, small, [1, 2], serving);
    // the profile is y (weight 1) and x (weight ½), each one attribute
    const norm = Math.hypot(1, 0.5);
    const parts = [Math.exp((14 * 0.5) / norm), Math.exp(14 / norm), 2 * Math.exp((14 * 0.5) / norm)];
    const sum = parts.reduce((total, part) => total + part, 0);
    const expected = [
      (10 * (parts[0] as number)) / sum,
      (10 * (parts[1] as number)) / sum,
      (10 * (parts[2] as number)) / sum + 4 + 1.5,
    ];
    for (const [j, score] of scores.entries()) expect(score).toBeCloseTo(expected[j] as number, 10);
  });

  it("look at the latest items only, and repeats in a row are one", () => {
    const served = { popularity: new Float32Array(3).fill(1), pairs };
    const short = { ...serving, latest: 1 };
    expect(scoreNext(served, small, [1, 2], short)).toEqual(scoreNext(served, small, [2], short));
    expect(scoreNext(served, small, [1, 2, 0, 2], serving)).toEqual(scoreNext(served, small, [1, 2], serving));
  });

  it("follow a renaming of the items", () => {
    const known = run(recipe);
    const served = finishStatistics(recipe, similarity, last(known));
    const scores = scoreNext(served, similarity, [3, 8], recipe);
    const renamed = (item: number) => items + 1 - item;
    const mirrored = itemSimilarity([...catalogue].reverse());
    const cells: [number, number, number][] = [];
    for (let i = 1; i <= items; i++) {
      for (let n = served.pairs.offsets[i - 1] as number; n < (served.pairs.offsets[i] as number); n++) {
        cells.push([renamed(i), items - 1 - (served.pairs.places[n] as number), served.pairs.values[n] as number]);
      }
    }
    cells.sort(([a, b], [c, d]) => a - c || b - d);
    const offsets = new Uint32Array(items + 1);
    for (const [i] of cells) for (let k = i; k <= items; k++) offsets[k] = (offsets[k] as number) + 1;
    const table = {
      offsets,
      places: Uint32Array.from(cells, ([, place]) => place),
      values: Float32Array.from(cells, ([, , v]) => v),
    };
    const other = { popularity: served.popularity.slice().reverse(), pairs: table };
    const found = scoreNext(other, mirrored, [renamed(3), renamed(8)], recipe);
    for (const [j, score] of scores.entries()) expect(found[items - 1 - j]).toBeCloseTo(score, 8);
  });
});
