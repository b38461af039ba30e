/**
 * Scores of all items for one customer, by whatever is there to score with: released tables, own counts, attention, the customer's own history. What a
 * node serves from: it ranks, filters and explains by these scores (`hybrid/hybrid.ts` has the formula).
 *
 * A customer without an item yet is scored by popularity, whatever the weights are: no other part knows anything of nobody. One who has searched for
 * something that the catalogue names is scored by that and popularity, where topics weigh anything.
 */
import { withOwnItems } from "@tributary/events/histories";
import type { Executor, OnnxExecutor } from "@tributary/tensor";
import { blend, type Hybrid, type HybridWeights, popularityOf, sourcesOf } from "../hybrid/hybrid.ts";
import type { Student } from "../hybrid/student.ts";
import { emptyPairs } from "../hybrid/walks.ts";
import { partsOf, type Sources } from "../in-house/mixture.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import { itemRow } from "../rows.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import { stepsOf } from "../statistics/pair-query.ts";
import { addPairs, scoreNext } from "../statistics/scoring.ts";
import { addTopics, hasTopic } from "../statistics/topic-scores.ts";
import { type CustomerEvents, type HeadScores, openScores } from "./recommender.ts";

/** A hybrid, with attention only where there is a model. */
export interface RankerTables extends Omit<Hybrid, "student"> {
  /** The model whose scores are z, and which has the heads. */
  readonly student: Student | undefined;
}

export interface RankerOptions {
  readonly similarity: ItemSimilarity;
  readonly executor: Executor | OnnxExecutor;
  /** What is publicly known of items, where the model reads it. */
  readonly content?: ItemContent | undefined;
}

/** What speaks for an item: parts of M(j), each times its weight, and the attention's z(j) less the mean over all items, times w. */
export interface ScoreParts {
  readonly content: number;
  readonly releasedPairs: number;
  readonly ownPairs: number;
  readonly ownHistory: number;
  /** By how much the others are raised because the customer's latest searches and category pages were about the like. */
  readonly topics: number;
  readonly popularity: number;
  readonly attention: number;
}

/** Larger is better, and nothing is meant between customers. */
export interface ItemScores {
  /** [items], item j at place j − 1 */
  readonly values: Float64Array;
  /** `counts`: M(j) itself. `logarithms`: where attention is in it. */
  readonly unit: "counts" | "logarithms";
}

export interface Ranker {
  readonly items: number;
  scores(events: CustomerEvents): Promise<ItemScores>;
  /**
   * The same without an array of their own: they are overwritten by the next customer's as soon as `use` returns, so it may keep nothing of them. At thousands of items and
   * hundreds of customers a second, arrays that are thrown away are what the garbage collector stops the process for.
   */
  withScores<Result>(events: CustomerEvents, use: (scores: ItemScores) => Result): Promise<Result>;
  /** @param item counted from 1 */
  parts(events: CustomerEvents, item: number): Promise<ScoreParts>;
  /** What the model's other heads say; undefined where there is no model or no event. */
  heads(events: CustomerEvents): Promise<HeadScores | undefined>;
  close(): Promise<void>;
}

/** @throws as `openRecommender` */
export async function openRanker(tables: RankerTables, options: RankerOptions): Promise<Ranker> {
  const { weights, student } = tables;
  const { similarity, executor, content } = options;
  const { items } = similarity;
  const model = student && (await openScores(student.spec, student.parameters, executor, content));
  const rowOf =
    student && items > student.spec.items
      ? Int32Array.from({ length: items }, (_, place) => itemRow(place + 1, student.spec) - 1)
      : undefined;
  const sources = sourcesOf(tables, similarity);
  const popularity = popularityOf(sources);
  const scratch = new Float64Array(items);
  const mixture = mixtureScores(sources, weights, scratch);

  const attention = async (events: CustomerEvents): Promise<Float32Array | Float64Array | undefined> => {
    if (model === undefined || weights.attention === 0) return undefined;
    const rows = await model.scores(events);
    return rowOf === undefined ? rows : Float64Array.from(rowOf, (row) => rows[row] as number);
  };
  const known = (events: CustomerEvents) => events.items.some((item) => item > 0);
  const says = (events: CustomerEvents) => (weights.mixture.topics ?? 0) > 0 && hasTopic(events.topics);

  const withScores: Ranker["withScores"] = async (given, use) => {
    const events = withOwnItems(given);
    const z = known(events) ? await attention(events) : undefined;
    // from here on nobody else's turn comes before `use` has returned
    if (!known(events) && !says(events)) scratch.set(popularity);
    else mixture(events);
    if (z === undefined) return use({ values: scratch, unit: "counts" });
    blend(scratch, z, weights.attention);
    return use({ values: scratch, unit: "logarithms" });
  };

  return {
    items,
    scores: (given) => withScores(given, ({ values, unit }) => ({ values: values.slice(), unit })),
    withScores,
    async parts(given, item) {
      const events = withOwnItems(given);
      const z = known(events) ? await attention(events) : undefined;
      const { content: like, released, own, history, topics } = partsOf(sources, events.items, events.topics);
      const at = (values: ArrayLike<number>) => values[item - 1] as number;
      const { mixture } = weights;
      const raised = (mixture.topics ?? 0) * (topics === undefined ? 0 : at(topics));
      let total = 0;
      for (let j = 0; j < items; j++) total += z?.[j] ?? 0;
      const sum = popularity.reduce((total, p) => total + p, 0);
      const said = {
        content: mixture.content * at(like),
        releasedPairs: mixture.released * at(released),
        ownPairs: mixture.own * at(own),
        ownHistory: mixture.history * at(history),
        popularity: (weights.popularity * items * at(popularity)) / sum,
      };
      return {
        ...said,
        topics: raised * Object.values(said).reduce((all, part) => all + part, 0),
        attention: z === undefined ? 0 : weights.attention * (at(z) - total / items),
      };
    },
    async heads(events) {
      return model === undefined || events.items.length === 0 ? undefined : model.heads(events);
    },
    async close() {
      await model?.close();
    },
  };
}

/**
 * M(j) of `hybrid/hybrid.ts`, added up in one array: `partsOf` has an array a part, for whoever looks at them apart, and at thousands of items those
 * arrays cost more than what is in them.
 */
function mixtureScores(
  sources: Sources,
  { mixture, popularity: q }: HybridWeights,
  scores: Float64Array,
): (events: CustomerEvents) => void {
  const { similarity, recipe, served, own } = sources;
  const { items } = similarity;
  const popularity = popularityOf(sources);
  const sum = popularity.reduce((total, p) => total + p, 0);
  const prior = q === 0 ? undefined : popularity.map((p) => (q * items * p) / sum);
  const content = { popularity, pairs: emptyPairs(items) };
  const weighted = { ...recipe, contentWeight: mixture.content };
  const topicWeight = mixture.topics ?? 0;
  const about = new Float64Array(topicWeight > 0 ? items : 0);
  return ({ items: history, topics }) => {
    if (mixture.content === 0) scores.fill(0);
    else scoreNext(content, similarity, history, weighted, scores);
    const latest = stepsOf(history).slice(-recipe.latest).reverse();
    for (const [age, item] of latest.entries()) {
      const weight = recipe.decay ** age;
      if (served !== undefined && mixture.released > 0) addPairs(served.pairs, item, weight * mixture.released, scores);
      if (mixture.own > 0) addPairs(own.pairs, item, weight * mixture.own, scores);
      if (item <= items) scores[item - 1] = (scores[item - 1] as number) + weight * mixture.history;
    }
    if (prior !== undefined) for (let j = 0; j < items; j++) scores[j] = (scores[j] as number) + (prior[j] as number);
    if (topicWeight > 0 && hasTopic(topics)) {
      about.fill(0);
      addTopics(similarity, history, topics, recipe, about);
      for (let j = 0; j < items; j++) scores[j] = (scores[j] as number) * (1 + topicWeight * (about[j] as number));
    }
  };
}

/** [items] what scores say of the next item: shares that add up to 1. */
export function sharesOf({ values, unit }: ItemScores): Float64Array {
  const most = values.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY);
  const shares = unit === "logarithms" ? values.map((score) => Math.exp(score - most)) : Float64Array.from(values);
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum > 0 ? shares.map((share) => share / sum) : shares.fill(1 / shares.length);
}
