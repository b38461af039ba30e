/**
 * Every evaluated customer's relevant items ranked by anything that scores items: a model, popularity, item-kNN. One code for all of
 * them, so that their figures differ by nothing but the scores.
 *
 * In memory of whoever holds the histories; a node or coordinator that released such figures would have to pay for them.
 */
import { fail } from "@tributary/errors";
import type { HeldOut, Histories, TimeSplit } from "@tributary/events/histories";
import { invalidK, type RankedCustomers } from "../metrics/lists.ts";
import { ranksAmong, relevantRanks } from "../metrics/ranking.ts";
import { type ItemScorer, likeLengths } from "./item-scorer.ts";
import { ownPlaces, type Ranks, type Repeats } from "./result-block.ts";
import { negativeSampler, type SampledNegatives } from "./sampled-negatives.ts";
import type { Stretch } from "./scorer.ts";

export interface RankingOptions {
  /** How many items the catalogue has. */
  readonly items: number;
  /** Default `keep`. Relevant items are candidates all the same. */
  readonly repeats?: Repeats;
  /** Customers a call of the scorer; default 64. */
  readonly batch?: number;
  /** Absent: all items are candidates. */
  readonly sampled?: SampledNegatives;
  /** k: how much of the catalogue do everybody's first k cover (of all items, also with sampled negatives)? Absent: not looked at. */
  readonly coverageAt?: number;
}

/** `Ranks` as well, with one entry for each relevant item; `resultBlock` takes it where there is one a customer (leave-one-out). */
export interface CustomerRanks extends RankedCustomers, Ranks {
  /** `[evaluated]`: places of the customers in the histories, ascending. */
  readonly customers: Int32Array;
  /** Catalogue coverage@k: the share of all items that are among the first k of at least one customer (level ones: the lower number). */
  readonly coverage?: number;
}

/**
 * @param split from `leaveLastOut` (one relevant item) or `splitByTime` (the items of all events after the cut, each once). Evaluated
 *   are the customers with an item event before it and a relevant item after it.
 * @throws TRB_MODEL_TARGET_OUTSIDE, TRB_MODEL_SCORE_NAN, TRB_MODEL_EVALUATION_INVALID
 */
export async function rankCustomers(
  score: ItemScorer,
  split: HeldOut | TimeSplit,
  options: RankingOptions,
): Promise<CustomerRanks> {
  const { items, repeats = "keep", batch = 64, sampled, coverageAt } = options;
  if (coverageAt !== undefined && (!Number.isInteger(coverageAt) || coverageAt < 1)) throw invalidK(coverageAt);
  const { train } = split;
  const draw = sampled && negativeSampler(sampled, items);
  const { customers, offsets, relevant } = relevantItems(split, items);
  const ranks = new Float64Array(relevant.length);
  const isNew = new Uint8Array(relevant.length);
  const candidates = new Float64Array(customers.length);
  const shown = new Uint8Array(coverageAt === undefined ? 0 : items);
  const stretches = Array.from(customers, (customer) => stretchOf(train, customer));
  for (const chosen of likeLengths(stretches, batch)) {
    const scores = await score(
      train,
      chosen.map((e) => stretches[e] as Stretch),
    );
    const columns = scores.length / chosen.length;
    if (!(columns >= items))
      throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "A row of scores", found: columns, expected: items });
    chosen.forEach((e, row) => {
      const customer = customers[e] as number;
      const [from, to] = [offsets[e] as number, offsets[e + 1] as number];
      const own = ownPlaces(train, customer);
      const right = relevant.subarray(from, to);
      const masked = repeats === "mask" ? own : new Set<number>();
      const question = { scores, first: row * columns, items, relevant: right };
      const negatives = draw?.(train.customers[customer] as string, new Set([...masked, ...right]));
      const placed = negatives === undefined ? relevantRanks(question, masked) : ranksAmong(question, negatives);
      ranks.set(placed.ranks, from);
      placed.places.forEach((place, j) => {
        isNew[from + j] = own.has(place) ? 0 : 1;
      });
      const hidden =
        negatives === undefined ? [...masked].filter((place) => place < items && !right.includes(place)).length : 0;
      candidates[e] = negatives === undefined ? items - hidden : right.length + negatives.length;
      if (coverageAt === undefined) return;
      for (const place of best(scores, question.first, items, coverageAt, (i) => masked.has(i) && !right.includes(i))) {
        shown[place] = 1;
      }
    });
  }
  const ranked = { customers, offsets, ranks, isNew, candidates };
  return coverageAt === undefined ? ranked : { ...ranked, coverage: shown.reduce((sum, one) => sum + one, 0) / items };
}

/** Places of the relevant items, ascending and each once, of the customers who are evaluated. */
function relevantItems(split: HeldOut | TimeSplit, items: number) {
  const { train } = split;
  const customers: number[] = [];
  const offsets = [0];
  const relevant: number[] = [];
  for (let customer = 0; customer < train.customers.length; customer++) {
    const found =
      "targets" in split ? heldOutPlace(split, customer) : [...ownPlaces(split.test, customer)].sort((a, b) => a - b);
    if (found.length === 0 || ownPlaces(train, customer).size === 0) continue;
    for (const place of found) if (place >= items) throw fail("TRB_MODEL_TARGET_OUTSIDE", { item: place + 1, items });
    customers.push(customer);
    relevant.push(...found);
    offsets.push(relevant.length);
  }
  return { customers: Int32Array.from(customers), offsets: Uint32Array.from(offsets), relevant: Int32Array.from(relevant) };
}

function heldOutPlace({ targets }: HeldOut, customer: number): readonly number[] {
  const item = targets[customer] as number;
  return item > 0 ? [item - 1] : [];
}

function stretchOf({ offsets }: Histories, customer: number): Stretch {
  return { begin: offsets[customer] as number, end: offsets[customer + 1] as number };
}

/** The first k candidates: one pass that keeps the k best so far, the best first. */
function best(
  scores: ArrayLike<number>,
  first: number,
  items: number,
  k: number,
  isHidden: (place: number) => boolean,
): readonly number[] {
  const kept: number[] = [];
  const scoreOf = (place: number) => scores[first + place] as number;
  let least = Number.NaN; // until k are kept nothing is at most this
  for (let i = 0; i < items; i++) {
    const score = scores[first + i] as number;
    if (score <= least || isHidden(i)) continue;
    let at = kept.length;
    while (at > 0 && scoreOf(kept[at - 1] as number) < score) at -= 1;
    kept.splice(at, 0, i);
    if (kept.length > k) kept.pop();
    if (kept.length === k) least = scoreOf(kept[k - 1] as number);
  }
  return kept;
}
