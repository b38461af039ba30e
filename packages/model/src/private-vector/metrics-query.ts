/**
 * Metrics as a sum query: how well a released model predicts one held-out customer's last item event, from the events before it.
 *
 *   rank r of the last item among the whole catalogue, ties counting half
 *   (1, [r ≤ 10], [r ≤ 10]/log₂(1 + r), 1/r, min(loss, bound)/bound, and the first three again where the item is new to the customer)
 *
 * Each number is from 0 to 1, so the vector's norm is at most √8. The model scores one customer at a time, so that nobody's numbers
 * depend on who else is judged. A customer with fewer than two item events, or whose last item isn't in the catalogue, is not judged.
 */
import type { SparseVector } from "@tributary/dp";
import { withOwnItems } from "@tributary/events/histories";
import type { ItemScorer } from "../evaluation/item-scorer.ts";
import { relevantRanks } from "../metrics/ranking.ts";
import type { QueriedEvents, SumQuery } from "./sum-query.ts";

/** In the order of the vector; the plan's own list (`metricCoordinates` of `@tributary/protocol`) is the same. */
export const metricsVectorNames = [
  "count",
  "hits10",
  "gains10",
  "reciprocalRank",
  "loss",
  "newCount",
  "newHits10",
  "newGains10",
] as const;

export interface MetricsQueryOptions {
  readonly score: ItemScorer;
  /** How many items the catalogue has. */
  readonly items: number;
  /** Nats. */
  readonly lossBound: number;
  /** What a score is: a logit, or a number from 0 on of which the item's share of all is its probability. */
  readonly scores: "logits" | "shares";
}

const nobody: SparseVector = { coordinates: new Uint32Array(0), values: new Float64Array(0) };
const everywhere = Uint32Array.from(metricsVectorNames.keys());

/** @returns answers that fail with TRB_MODEL_SCORE_NAN where the model has no number for an item */
export function metricsQuery({ score, items, lossBound, scores: kind }: MetricsQueryOptions): SumQuery<Promise<SparseVector>> {
  return {
    async answer(given) {
      const events = withOwnItems(given);
      const last = lastItem(events.items, events.items.length);
      const known = last < 0 ? -1 : lastItem(events.items, last);
      const target = last < 0 ? 0 : (events.items[last] as number);
      if (known < 0 || target > items) return nobody;
      const alone = historyOf(events, last);
      const scores = await score(alone, [{ begin: 0, end: last }]);
      const [rank = Number.NaN] = relevantRanks({ scores, first: 0, items, relevant: [target - 1] }).ranks;
      const loss = kind === "logits" ? logitLoss(scores, items, target - 1) : shareLoss(scores, items, target - 1);
      const [hit, isNew] = [rank <= 10 ? 1 : 0, alone.items.includes(target) ? 0 : 1];
      const gain = hit / Math.log2(1 + rank);
      const clipped = Math.min(loss, lossBound) / lossBound;
      return {
        coordinates: everywhere,
        values: Float64Array.of(1, hit, gain, 1 / rank, clipped, isNew, isNew * hit, isNew * gain),
      };
    },
  };
}

/** The last place before `end` that has an item; −1: none. */
function lastItem(items: Int32Array, end: number): number {
  let place = end - 1;
  while (place >= 0 && (items[place] as number) <= 0) place--;
  return place;
}

/** The events before the last one, as histories of one customer. */
function historyOf({ items, actions, times, dwells, prices, topics }: QueriedEvents, end: number) {
  return {
    customers: [""],
    offsets: Uint32Array.of(0, end),
    items: items.subarray(0, end),
    actions: actions.subarray(0, end),
    times: times.subarray(0, end),
    ...(dwells === undefined ? {} : { dwells: dwells.subarray(0, end) }),
    ...(prices === undefined ? {} : { prices: prices.subarray(0, end) }),
    ...(topics === undefined ? {} : { topics: topics.subarray(0, end) }),
  };
}

/** −ln softmax, nats. */
function logitLoss(scores: ArrayLike<number>, items: number, target: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < items; i++) most = Math.max(most, scores[i] as number);
  let sum = 0;
  for (let i = 0; i < items; i++) sum += Math.exp((scores[i] as number) - most);
  return most + Math.log(sum) - (scores[target] as number);
}

/** −ln of the share, nats; infinite where the score is 0. */
function shareLoss(scores: ArrayLike<number>, items: number, target: number): number {
  let sum = 0;
  for (let i = 0; i < items; i++) sum += Math.max(0, scores[i] as number);
  return sum > 0 ? -Math.log(Math.max(0, scores[target] as number) / sum) : Number.POSITIVE_INFINITY;
}
