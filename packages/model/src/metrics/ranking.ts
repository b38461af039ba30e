/**
 * How well a list is ordered: where the relevant items stand among all candidates. Exact where candidates are the whole
 * catalogue; figures against sampled negatives compare models only roughly (Krichene & Rendle, KDD 2020).
 */
import { fail } from "@tributary/errors";

/** Means over customers with one relevant item each. */
export interface RankMetrics {
  /** How many ranks were averaged. */
  readonly count: number;
  /** Share of ranks ≤ k. */
  readonly hitRatio: number;
  /** Mean of 1/log₂(1 + rank) where rank ≤ k, else 0: with one true item the ideal gain is 1. */
  readonly ndcg: number;
  /** Mean of 1/rank, not cut off. */
  readonly mrr: number;
}

/** Relevant items from the best placed to the worst. */
export interface RelevantRanks {
  /** [relevant] places in the scores. */
  readonly places: Int32Array;
  /** [relevant] counted from 1, never falling. */
  readonly ranks: Float64Array;
}

/** What `relevantRanks` looks at. */
export interface RankQuestion {
  /** Scores of items, one after the other; those of this customer start at `first`. */
  readonly scores: ArrayLike<number>;
  readonly first: number;
  /** How many items there are: places 0 … items − 1. */
  readonly items: number;
  /** Places of the items that are right, at least one, each once. */
  readonly relevant: ArrayLike<number>;
}

const nobody: ReadonlySet<number> = new Set();

/**
 * The relevant items' ranks. The j-th best of them stands at
 *
 *   j + (candidates above that are not relevant) + ½·(candidates level with it that are not relevant)
 *
 * so ties count half: a constant score gives the middle of the list, whatever the order of the catalogue. Relevant items that are
 * level with each other cost each other nothing. One pass over the scores, and nothing is sorted but the relevant items.
 * @param excluded places that are no candidates (a masked history); relevant items are candidates all the same
 * @throws TRB_MODEL_SCORE_NAN
 */
export function relevantRanks(question: RankQuestion, excluded: ReadonlySet<number> = nobody): RelevantRanks {
  const { scores, first, items, relevant } = question;
  const tally = openTally(question);
  if (relevant.length === 1) countAgainstOne(scores, first, items, tally);
  else {
    const { least } = tally;
    for (let i = 0; i < items; i++) {
      const score = scores[first + i] as number;
      if (!(score < least)) tally.count(score, i, 1); // a NaN is not below anything either
    }
  }
  for (let r = 0; r < relevant.length; r++) tally.count(scores[first + (relevant[r] as number)] as number, 0, -1);
  for (const i of excluded) {
    if (i < items && !isAmong(relevant, i)) tally.count(scores[first + i] as number, i, -1);
  }
  return tally.ranks();
}

/**
 * The same among a few candidates only: the relevant items and those at `negatives`.
 * @param negatives places, each once, none of them relevant
 * @throws TRB_MODEL_SCORE_NAN
 */
export function ranksAmong(question: RankQuestion, negatives: ArrayLike<number>): RelevantRanks {
  const tally = openTally(question);
  for (let n = 0; n < negatives.length; n++) {
    const place = negatives[n] as number;
    tally.count(question.scores[question.first + place] as number, place, 1);
  }
  return tally.ranks();
}

interface Tally {
  /** The smallest score of a relevant item: what lies below it counts nowhere. */
  readonly least: number;
  /** The largest threshold's own counts: [score above it, score level with it]. */
  readonly above: Float64Array;
  readonly level: Float64Array;
  count(score: number, place: number, weight: number): void;
  ranks(): RelevantRanks;
}

/**
 * Counts scores between the relevant items' own scores t₀ ≥ t₁ ≥ …: `above[j]` those strictly between t_j and the next larger one,
 * `level[j]` those equal to t_j (kept at the first of equal thresholds).
 */
function openTally({ scores, first, relevant }: RankQuestion): Tally {
  const scoreOf = (place: number) => scores[first + place] as number;
  const places = Int32Array.from(relevant);
  for (const place of places) if (Number.isNaN(scoreOf(place))) throw fail("TRB_MODEL_SCORE_NAN", { place });
  places.sort((a, b) => scoreOf(b) - scoreOf(a) || a - b);
  const thresholds = Float64Array.from(places, scoreOf);
  const above = new Float64Array(places.length);
  const level = new Float64Array(places.length);
  const count = (score: number, place: number, weight: number) => {
    // the first threshold that is not above the score
    let low = 0;
    let high = thresholds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((thresholds[middle] as number) > score) low = middle + 1;
      else high = middle;
    }
    if (Number.isNaN(score)) throw fail("TRB_MODEL_SCORE_NAN", { place });
    if (low === thresholds.length) return;
    const counts = thresholds[low] === score ? level : above;
    counts[low] = (counts[low] as number) + weight;
  };
  const ranks = (): RelevantRanks => {
    const out = new Float64Array(places.length);
    let better = 0;
    let head = 0; // the first of the equal thresholds
    for (let j = 0; j < places.length; j++) {
      if (j === 0 || thresholds[j] !== thresholds[j - 1]) {
        if (j > 0) better += level[head] as number;
        head = j;
        better += above[j] as number;
      }
      out[j] = j + 1 + better + (level[head] as number) / 2;
    }
    return { places, ranks: out };
  };
  return { least: thresholds.at(-1) as number, above, level, count, ranks };
}

/** The common case, without a search and without branches, which would be guessed wrong half the time. */
function countAgainstOne(scores: ArrayLike<number>, first: number, items: number, { least, above, level }: Tally): void {
  let larger = 0;
  let equal = 0;
  let smaller = 0;
  for (let i = 0; i < items; i++) {
    const score = scores[first + i] as number;
    larger += Number(score > least);
    equal += Number(score === least);
    smaller += Number(score < least);
  }
  if (larger + equal + smaller !== items) throw notANumber(scores, first, items);
  above[0] = larger;
  level[0] = equal;
}

function notANumber(scores: ArrayLike<number>, first: number, items: number) {
  const place = Array.from({ length: items }, (_, i) => i).find((i) => Number.isNaN(scores[first + i]));
  return fail("TRB_MODEL_SCORE_NAN", { place: place ?? -1 });
}

function isAmong(places: ArrayLike<number>, place: number): boolean {
  for (let i = 0; i < places.length; i++) if (places[i] === place) return true;
  return false;
}

/**
 * The true item's place, counted from 1, among the candidates: `relevantRanks` of one item.
 * @param scores of all candidates
 * @param target place of the true item in `scores`
 * @param excluded places that are no candidates (a masked history); the target is a candidate all the same
 * @throws TRB_MODEL_SCORE_NAN
 */
export function rankOf(scores: ArrayLike<number>, target: number, excluded?: ReadonlySet<number>): number {
  const { ranks } = relevantRanks({ scores, first: 0, items: scores.length, relevant: [target] }, excluded);
  return ranks[0] as number;
}

/** @param ranks counted from 1, halves where ties were split */
export function rankMetrics(ranks: ArrayLike<number>, k = 10): RankMetrics {
  let hits = 0;
  let gain = 0;
  let reciprocal = 0;
  for (let i = 0; i < ranks.length; i++) {
    const rank = ranks[i] as number;
    reciprocal += 1 / rank;
    if (rank > k) continue;
    hits += 1;
    gain += 1 / Math.log2(1 + rank);
  }
  const count = ranks.length;
  const mean = (sum: number) => (count === 0 ? 0 : sum / count);
  return { count, hitRatio: mean(hits), ndcg: mean(gain), mrr: mean(reciprocal) };
}
