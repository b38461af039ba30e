/**
 * What a merchant makes of everything that it has, for its own customers:
 *
 *   score(j) = (κ·softmax_j(14·cos(profile, j) + ln p_j) + a·Σ .5^k·D[i_k, j] + b·Σ .5^k·C[i_k, j] + h·Σ .5^k·[i_k = j])·(1 + t·T(j))
 *
 * D and p are what the federation released, C the merchant's own exact pair counts, the last sum the customer's own history, and T what its latest
 * searches and category pages were about (`statistics/topic-scores.ts`). The weights are
 * tuned on the merchant's own validation customers and never leave it. Without a federation p is the merchant's own popularity and a = 0: the
 * baseline that joining has to beat, tuned in the same way.
 */
import { type HeldOut, type Histories, leaveLastOut } from "@tributary/events/histories";
import type { ItemScorer } from "../evaluation/item-scorer.ts";
import { evaluatedCustomers, ownPlaces, type Repeats } from "../evaluation/result-block.ts";
import { rankMetrics } from "../metrics/ranking.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import { stepsOf } from "../statistics/pair-query.ts";
import type { PairTable, ServedStatistics } from "../statistics/rounds.ts";
import { addPairs, type ServingRecipe, scoreNext } from "../statistics/scoring.ts";
import { addTopics, hasTopic } from "../statistics/topic-scores.ts";
import { type MixtureCase, type MixtureParts, type MixtureWeights, mixtureCase, rankUnder } from "./mixture-cases.ts";
import { type OwnStatistics, ownStatistics } from "./own-statistics.ts";

export interface InHouseOptions {
  readonly similarity: ItemSimilarity;
  readonly recipe: ServingRecipe & { readonly window: number };
  readonly repeats: Repeats;
  /** Undefined: the merchant is alone. */
  readonly served?: ServedStatistics | undefined;
  readonly minSupport?: number;
  /** Customers whose last item the weights are tuned on, at most. */
  readonly validationCustomers?: number;
}

export interface InHouse {
  readonly weights: MixtureWeights;
  /** NDCG@10 on the merchant's own validation. */
  readonly validation: number;
  readonly score: ItemScorer;
}

/** Each weight's values; without a federation content and own counts only matter against each other. */
const grid: Readonly<Record<keyof MixtureWeights, readonly number[]>> = {
  content: [2, 4, 8, 12, 20, 40, 80],
  released: [0, 0.5, 1, 2],
  own: [0, 0.25, 0.5, 1, 2, 4],
  history: [0, 0.5, 2, 8, 32, 128, 512],
  topics: [0, 1, 3, 10, 30, 100, 300, 1000],
};
const passes = 2;
/**
 * h where nothing is tuned: at least `least`, and so many times what the likeliest partner of an item counts, since counts grow with the
 * customers and going back to an item does not become less likely. Found on the synthetic market; where repeats are masked it changes nothing.
 */
const historyWeight = { least: 32, ofLargest: 8 } as const;

/**
 * Tunes one weight after the other, twice, on the last item of the merchant's own training histories, with counts of what comes before.
 *
 * With a federation there is something to lose: it starts from what was found to serve well (`releasedScorer`), and a few hundred customers tell
 * little. So half of them look for better weights, and the others have to confirm them. What was released has seen their last items, if through
 * noise, so it is never given more weight against public content than it had. Alone, the best on all of them is taken.
 * @param train the merchant's training histories: nothing held out is in them
 */
export function tuneInHouse(train: Histories, options: InHouseOptions): InHouse {
  const { similarity, recipe, repeats, served, validationCustomers = 500 } = options;
  const counting = { window: recipe.window, ...(options.minSupport === undefined ? {} : { minSupport: options.minSupport }) };
  const inner = leaveLastOut(train);
  const cases = validationCases(inner, validationCustomers, {
    ...{ similarity, recipe, served, repeats },
    own: ownStatistics(inner.train, similarity.items, counting),
  });
  const weights =
    served === undefined ? climb(cases, aloneWeights(recipe)) : confirmed(cases, releasedWeights(recipe, served.pairs));
  const own = ownStatistics(train, similarity.items, counting);
  return { weights, validation: meanGain(cases, weights), score: mixtureScorer({ similarity, recipe, served, own }, weights) };
}

/** From one set of weights to one that does better on these customers: each weight in turn, twice. */
function climb(cases: readonly MixtureCase[], start: MixtureWeights): MixtureWeights {
  let [weights, best] = [start, meanGain(cases, start)];
  const told = cases.some(({ topics }) => topics !== undefined);
  const parts = (Object.keys(grid) as (keyof MixtureWeights)[]).filter(
    (part) => (part !== "released" || start.released > 0) && (part !== "topics" || told),
  );
  for (let pass = 0; pass < passes; pass++) {
    for (const part of parts) {
      for (const value of grid[part]) {
        if (!isTold(part, value, start)) continue;
        const candidate = { ...weights, [part]: value };
        const gain = value === (weights[part] ?? 0) ? best : meanGain(cases, candidate);
        if (gain > best) [weights, best] = [candidate, gain];
      }
    }
  }
  return weights;
}

/** Whether validation can tell: nothing that was released gains on public content. */
function isTold(part: keyof MixtureWeights, value: number, start: MixtureWeights): boolean {
  if (start.released === 0) return true;
  return part === "released" ? value <= start.released : part !== "content" || value >= start.content;
}

/** What half of the customers find, if the other half is better off with it. */
function confirmed(cases: readonly MixtureCase[], start: MixtureWeights): MixtureWeights {
  const [finding, confirming] = [0, 1].map((half) => cases.filter((_, n) => n % 2 === half));
  const found = climb(finding ?? [], start);
  return meanGain(confirming ?? [], found) > meanGain(confirming ?? [], start) ? found : start;
}

/**
 * What a merchant serves who adds nothing of its own: released statistics, public content, and each customer's own history, which is nobody
 * else's. Nothing is tuned; a merchant's own weights are `tuneInHouse`'s.
 */
export function releasedScorer(served: ServedStatistics, similarity: ItemSimilarity, recipe: ServingRecipe): ItemScorer {
  const { items } = similarity;
  const own = { popularity: served.popularity, pairs: none(items) };
  return mixtureScorer({ similarity, recipe, served, own }, releasedWeights(recipe, served.pairs));
}

const aloneWeights = ({ contentWeight }: ServingRecipe): MixtureWeights => ({
  ...{ content: contentWeight, released: 0, own: 1, history: 0 },
});

/** @param pairs what was released */
export const releasedWeights = ({ contentWeight }: ServingRecipe, pairs: PairTable): MixtureWeights => ({
  ...{ content: contentWeight, released: 1, own: 0 },
  history: Math.max(historyWeight.least, historyWeight.ofLargest * meanLargest(pairs)),
});

/** The largest cell of each item that has one, on average. */
function meanLargest({ offsets, values }: PairTable): number {
  let [sum, items] = [0, 0];
  for (let item = 0; item + 1 < offsets.length; item++) {
    const cells = values.subarray(offsets[item], offsets[item + 1]);
    if (cells.length === 0) continue;
    sum += cells.reduce((most, cell) => Math.max(most, cell), 0);
    items += 1;
  }
  return items === 0 ? 0 : sum / items;
}

export interface Sources {
  readonly similarity: ItemSimilarity;
  readonly recipe: ServingRecipe;
  readonly served: ServedStatistics | undefined;
  readonly own: OwnStatistics;
}

/**
 * @param history item numbers in time order, 0 for events without
 * @param topics `[events]` what those are about; undefined where the log never says
 */
export function partsOf(
  { similarity, recipe, served, own }: Sources,
  history: ArrayLike<number>,
  topics?: ArrayLike<number>,
): MixtureParts {
  const { items } = similarity;
  const popularity = served?.popularity ?? own.popularity;
  const content = scoreNext({ popularity, pairs: none(items) }, similarity, history, { ...recipe, contentWeight: 1 });
  const [released, ownPairs, past] = [new Float64Array(items), new Float64Array(items), new Float64Array(items)];
  const latest = stepsOf(history).slice(-recipe.latest).reverse();
  for (const [age, item] of latest.entries()) {
    const weight = recipe.decay ** age;
    if (served !== undefined) addPairs(served.pairs, item, weight, released);
    addPairs(own.pairs, item, weight, ownPairs);
    if (item <= items) past[item - 1] = (past[item - 1] as number) + weight;
  }
  if (!hasTopic(topics)) return { content, released, own: ownPairs, history: past };
  const about = new Float64Array(items);
  addTopics(similarity, history, topics, recipe, about);
  return { content, released, own: ownPairs, history: past, topics: about };
}

const none = (items: number): PairTable => ({
  offsets: new Uint32Array(items + 1),
  places: new Uint32Array(0),
  values: new Float32Array(0),
});

/** (Σ weight·part)·(1 + t·T) into `out`. */
export function mix(parts: MixtureParts, weights: MixtureWeights, out: Float64Array): void {
  const { content, released, own, history, topics } = parts;
  const topicWeight = weights.topics ?? 0;
  for (let j = 0; j < out.length; j++) {
    const sum =
      weights.content * (content[j] as number) +
      weights.released * (released[j] as number) +
      weights.own * (own[j] as number) +
      weights.history * (history[j] as number);
    out[j] = sum * (1 + topicWeight * (topics?.[j] ?? 0));
  }
}

function mixtureScorer(sources: Sources, weights: MixtureWeights): ItemScorer {
  const { items } = sources.similarity;
  return ({ items: events, topics }, stretches) => {
    const rows = new Float64Array(stretches.length * items);
    for (const [row, { begin, end }] of stretches.entries()) {
      const parts = partsOf(sources, events.subarray(begin, end), topics?.subarray(begin, end));
      mix(parts, weights, rows.subarray(row * items, (row + 1) * items));
    }
    return rows;
  };
}

/** Evenly spread over the customers who have something to be judged by. */
function validationCases(
  heldOut: HeldOut,
  most: number,
  sources: Sources & { readonly repeats: Repeats },
): readonly MixtureCase[] {
  const { train, targets } = heldOut;
  const able = evaluatedCustomers(heldOut);
  const every = Math.max(1, able.length / most);
  return Array.from({ length: Math.min(most, able.length) }, (_, n) => {
    const customer = able[Math.floor(n * every)] as number;
    const [begin, end] = [train.offsets[customer], train.offsets[customer + 1]];
    const [history, topics] = [train.items.subarray(begin, end), train.topics?.subarray(begin, end)];
    const masked = sources.repeats === "mask" ? ownPlaces(train, customer) : undefined;
    return mixtureCase(partsOf(sources, history, topics), (targets[customer] as number) - 1, masked);
  });
}

/** NDCG@10 of these customers, one relevant item each. */
function meanGain(cases: readonly MixtureCase[], weights: MixtureWeights): number {
  return rankMetrics(cases.map((one) => rankUnder(one, weights))).ndcg;
}
