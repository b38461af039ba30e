/**
 * What the coordinator does between rounds: from what has been released so far to the next query, and at the end to the tables that serve.
 * Only post-processing of released sums and public content, so it costs nothing; nothing private is an argument.
 *
 *   startStatistics ──▶ popularity round ──▶ afterPopularity ──▶ pair round ──▶ afterPairs ──▶ pair round … ──▶ finishStatistics
 *
 * Pair sums are kept in count units. A pair's weight g in a vector of norm 1 counts g/√(g² + N²) where the rest of a typical customer's vector has norm
 * N; with A_r that number and s_r the noise of round r, a cell's best estimate is
 *
 *   c = Σ_r A_r·x_r/s_r² / Σ_r A_r²/s_r²,   with standard deviation (Σ_r A_r²/s_r²)^−½.
 */
import { fail } from "@tributary/errors";
import { candidateCells } from "./candidates.ts";
import { cosineOf, type ItemSimilarity } from "./item-similarity.ts";
import type { PairQuery } from "./pair-query.ts";
import { releasedPopularity } from "./popularity-query.ts";
import { meanIfReal, probabilityReal } from "./posterior.ts";
import type { StatisticsRecipe } from "./recipe.ts";

/** What rounds so far say of cells; those of the next query are among them. */
export interface PairEvidence {
  readonly firsts: Uint32Array;
  readonly seconds: Uint32Array;
  /** Σ A·x/s² */
  readonly weighted: Float32Array;
  /** Σ A²/s² */
  readonly precision: Float32Array;
}

/** Everything released so far, and what is asked for next. */
export interface ReleasedStatistics {
  /** How many sums have been released: the place of the next one in `statisticsReleases`. */
  readonly released: number;
  /** [items] p, mean 1; absent before its round. */
  readonly popularity?: Float32Array;
  readonly evidence?: PairEvidence;
  /** The next pair query; absent before the popularity is known and when all rounds are done. */
  readonly query?: PairQuery;
}

/** Symmetric and sparse: row i holds what follows item i. */
export interface PairTable {
  /** `[items + 1]`: entries of item i are `offsets[i − 1]` up to `offsets[i]`. */
  readonly offsets: Uint32Array;
  /** Places in the catalogue: item − 1, ascending within a row. */
  readonly places: Uint32Array;
  /** Expected counts, above 0. */
  readonly values: Float32Array;
}

/** What serves. */
export interface ServedStatistics {
  readonly popularity: Float32Array;
  readonly pairs: PairTable;
}

const noEvidence: PairEvidence = {
  firsts: new Uint32Array(0),
  seconds: new Uint32Array(0),
  weighted: new Float32Array(0),
  precision: new Float32Array(0),
};

/** Nothing is released; the popularity is asked for. */
export const startStatistics = (): ReleasedStatistics => ({ released: 0 });

/**
 * @param sum [items] of the popularity round, in units of customers' vectors
 * @param deviation standard deviation of its noise, same units
 * @throws TRB_MODEL_LENGTH_MISMATCH
 */
export function afterPopularity(
  recipe: StatisticsRecipe,
  similarity: ItemSimilarity,
  sum: ArrayLike<number>,
  deviation: number,
): ReleasedStatistics {
  checkLength("A popularity", sum.length, similarity.items);
  const popularity = releasedPopularity(sum, deviation);
  if (recipe.rounds === 0) return { released: 1, popularity, evidence: noEvidence };
  const cells = candidateCells(popularity, similarity, recipe);
  const weights = Float32Array.from(cells.firsts, (first, c) => {
    const second = cells.seconds[c] as number;
    const product = (popularity[first - 1] as number) * (popularity[second - 1] as number);
    return product ** recipe.firstPopularity * Math.exp(recipe.firstContent * cosineOf(similarity, first, second));
  });
  const empty = { weighted: new Float32Array(weights.length), precision: new Float32Array(weights.length) };
  return { released: 1, popularity, evidence: { ...cells, ...empty }, query: { ...cells, weights } };
}

/**
 * @param released as it was when the round began
 * @param sum [at least the query's cells]; coordinates beyond them were not asked for and are not looked at
 * @param deviation standard deviation of its noise, same units
 * @throws TRB_MODEL_LENGTH_MISMATCH
 */
export function afterPairs(
  recipe: StatisticsRecipe,
  similarity: ItemSimilarity,
  released: ReleasedStatistics,
  sum: ArrayLike<number>,
  deviation: number,
): ReleasedStatistics {
  const { popularity, evidence, query } = released;
  if (popularity === undefined || evidence === undefined || query === undefined)
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "A pair query", found: 0, expected: 1 });
  if (sum.length < query.firsts.length)
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "A pair sum", found: sum.length, expected: query.firsts.length });
  const norm = released.released === 1 ? recipe.firstNorm : recipe.laterNorm;
  const known = withSum(evidence, query, sum, deviation, norm);
  const done = released.released + 1;
  if (done > recipe.rounds) return { released: done, popularity, evidence: known };
  const { evidence: kept, query: next } = nextQuery(recipe, similarity, popularity, known);
  return { released: done, popularity, evidence: kept, query: next };
}

/** The last posterior, as tables. @throws TRB_MODEL_LENGTH_MISMATCH before the popularity is known */
export function finishStatistics(
  recipe: StatisticsRecipe,
  similarity: ItemSimilarity,
  { popularity, evidence = noEvidence }: ReleasedStatistics,
): ServedStatistics {
  if (popularity === undefined)
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "A popularity", found: 0, expected: similarity.items });
  const prior = priorOf(recipe, similarity, popularity, "final");
  const cells: { first: number; second: number; value: number }[] = [];
  for (let c = 0; c < evidence.firsts.length; c++) {
    const precision = evidence.precision[c] as number;
    if (!(precision > 0)) continue;
    const [first, second] = [evidence.firsts[c] as number, evidence.seconds[c] as number];
    const x = (evidence.weighted[c] as number) / precision;
    const s = precision ** -0.5;
    const real = probabilityReal(x, s, prior(first, second), recipe.priorMean);
    const value = real * meanIfReal(x, s, recipe.priorMean);
    if (value > recipe.keepAbove) cells.push({ first, second, value });
  }
  const toward = (item: number) => (popularity[item - 1] as number) ** recipe.targetPopularity;
  return { popularity, pairs: pairTable(similarity.items, cells, toward) };
}

/** The evidence with one round's sum added. Cells of the query are among those of the evidence, in the same order. */
function withSum(
  { firsts, seconds, weighted, precision }: PairEvidence,
  query: PairQuery,
  sum: ArrayLike<number>,
  deviation: number,
  norm: number,
): PairEvidence {
  const [more, sharper] = [weighted.slice(), precision.slice()];
  const variance = deviation * deviation;
  let cell = 0;
  for (let c = 0; c < query.firsts.length; c++) {
    while (firsts[cell] !== query.firsts[c] || seconds[cell] !== query.seconds[c]) cell++;
    const weight = query.weights[c] as number;
    const counts = weight / Math.sqrt(weight * weight + norm * norm);
    more[cell] = (more[cell] as number) + (counts * (sum[c] as number)) / variance;
    sharper[cell] = (sharper[cell] as number) + (counts * counts) / variance;
  }
  return { firsts, seconds, weighted: more, precision: sharper };
}

/** Log prior odds of a cell. */
function priorOf(
  recipe: StatisticsRecipe,
  similarity: ItemSimilarity,
  popularity: Float32Array,
  stage: "round" | "final",
): (first: number, second: number) => number {
  const odds = Math.log(stage === "round" ? recipe.roundOdds : recipe.finalOdds);
  const content = stage === "round" ? recipe.roundContent : recipe.finalContent;
  const logs = Float64Array.from(popularity, (p) => recipe.priorPopularity * Math.log(p));
  return (first, second) =>
    odds + (logs[first - 1] as number) + (logs[second - 1] as number) + content * cosineOf(similarity, first, second);
}

/** Asks on for what may be real: at most `laterCells`, the likeliest, weighted by how likely or how large. Nothing else is kept. */
function nextQuery(
  recipe: StatisticsRecipe,
  similarity: ItemSimilarity,
  popularity: Float32Array,
  evidence: PairEvidence,
): { readonly evidence: PairEvidence; readonly query: PairQuery } {
  const { aliveAbove, laterCells, priorMean, weighBy, weightFloor, weightPower } = recipe;
  const prior = priorOf(recipe, similarity, popularity, "round");
  const real = new Float64Array(evidence.firsts.length);
  for (let c = 0; c < real.length; c++) {
    const precision = evidence.precision[c] as number;
    if (!(precision > 0)) continue;
    const x = (evidence.weighted[c] as number) / precision;
    real[c] = probabilityReal(
      x,
      precision ** -0.5,
      prior(evidence.firsts[c] as number, evidence.seconds[c] as number),
      priorMean,
    );
  }
  const alive = likeliest(real, aliveAbove, laterCells);
  const kept: PairEvidence = {
    firsts: alive.map((c) => evidence.firsts[c] as number),
    seconds: alive.map((c) => evidence.seconds[c] as number),
    weighted: Float32Array.from(alive, (c) => evidence.weighted[c] as number),
    precision: Float32Array.from(alive, (c) => evidence.precision[c] as number),
  };
  const raw = Float64Array.from(alive, (c, n) => {
    const probability = real[c] as number;
    const precision = kept.precision[n] as number;
    const x = (kept.weighted[n] as number) / precision;
    const of = weighBy === "probability" ? probability : probability * meanIfReal(x, precision ** -0.5, priorMean);
    return (of + weightFloor) ** weightPower;
  });
  const likely = raw.filter((_, n) => (real[alive[n] as number] as number) > 0.1);
  const unit = median(likely.length > 0 ? likely : raw);
  return {
    evidence: kept,
    query: { firsts: kept.firsts, seconds: kept.seconds, weights: Float32Array.from(raw, (g) => g / unit) },
  };
}

/** Places of the `most` largest values above `above`, ascending; of level ones the first. */
function likeliest(values: Float64Array, above: number, most: number): Uint32Array {
  const places = Uint32Array.from(placesAbove(values, above));
  if (places.length <= most) return places;
  const byValue = places.slice().sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
  return byValue.slice(0, most).sort();
}

function* placesAbove(values: Float64Array, above: number): Generator<number> {
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > above) yield i;
}

function median(values: Float64Array): number {
  if (values.length === 0) return 1;
  const sorted = values.slice().sort();
  return sorted[sorted.length >> 1] as number;
}

/** Each cell in both rows. */
export function pairTable(
  items: number,
  cells: readonly { readonly first: number; readonly second: number; readonly value: number }[],
  toward: (item: number) => number = () => 1,
): PairTable {
  const offsets = new Uint32Array(items + 1);
  for (const { first, second } of cells) {
    offsets[first] = (offsets[first] as number) + 1;
    offsets[second] = (offsets[second] as number) + 1;
  }
  for (let i = 0; i < items; i++) offsets[i + 1] = (offsets[i + 1] as number) + (offsets[i] as number);
  const next = offsets.slice();
  const places = new Uint32Array(2 * cells.length);
  const values = new Float32Array(2 * cells.length);
  const put = (from: number, to: number, value: number) => {
    const at = next[from - 1] as number;
    places[at] = to - 1;
    values[at] = value * toward(to);
    next[from - 1] = at + 1;
  };
  // by first, then second: lower neighbours of a row come before higher ones, each ascending
  for (const { first, second, value } of cells) put(second, first, value);
  for (const { first, second, value } of cells) put(first, second, value);
  return { offsets, places, values };
}

function checkLength(what: string, found: number, expected: number): void {
  if (found !== expected) throw fail("TRB_MODEL_LENGTH_MISMATCH", { what, found, expected });
}
