/**
 * What to show one customer next, by everything that a hybrid has: the model's weights in the graph, the tables in memory. Opened from a hybrid that was
 * just made or from its files (`checkpoint/hybrid-files.ts`); both serve alike.
 */
import type { Executor, OnnxExecutor } from "@tributary/tensor";
import { blend, type Hybrid, mixtureOf, popularityOf, sourcesOf } from "../hybrid/hybrid.ts";
import { partsOf } from "../in-house/mixture.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import { bestWithout, openScores, type Recommender } from "./recommender.ts";

/**
 * Rows are items. Scores are those of `hybridScorer`: they order items, and mean nothing between customers.
 * @throws as `openRecommender`
 */
export async function openHybridRecommender(
  hybrid: Hybrid,
  similarity: ItemSimilarity,
  executor: Executor | OnnxExecutor,
): Promise<Recommender> {
  const { student, weights } = hybrid;
  const model = await openScores(student.spec, student.parameters, executor);
  const sources = sourcesOf(hybrid, similarity);
  const popularity = popularityOf(sources);
  const choose = bestWithout(similarity.items);
  const scores = new Float64Array(similarity.items);
  return {
    async top(events, count, { exclude = [] } = {}) {
      const attention = await model.scores(events);
      mixtureOf(partsOf(sources, events.items, events.topics), popularity, weights, scores);
      blend(scores, attention, weights.attention);
      return choose(scores, count, exclude);
    },
    close: () => model.close(),
  };
}
