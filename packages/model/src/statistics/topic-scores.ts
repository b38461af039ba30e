/**
 * What a customer's latest topics say of the next item: who searched for shoes, or opened their page, looks at shoes. Everything that speaks for an item
 * is raised where the item has them,
 *
 *   M(j)·(1 + t·T(j)),   T(j) = Σ_k .5^age_k·[j has topic k]
 *
 * so that among the shoes those come first that came first before. A topic's age is how many items and topics came after it: what was searched for before
 * the last five items is next to nothing. A product, since a sum of shares served worse (docs/decisions/0038).
 */
import type { ItemSimilarity } from "./item-similarity.ts";
import type { ServingRecipe } from "./scoring.ts";

/** Whether any event of a history says what it is about. */
export function hasTopic(topics: ArrayLike<number> | undefined): topics is ArrayLike<number> {
  for (let event = 0; event < (topics?.length ?? 0); event++) if ((topics?.[event] as number) > 0) return true;
  return false;
}

/**
 * Adds T(j).
 * @param items item numbers in time order, 0 for events without
 * @param topics `[events]` topic numbers, 0 for none
 * @param out [items], item j at place j − 1
 */
export function addTopics(
  { holderOffsets, holders }: Pick<ItemSimilarity, "holderOffsets" | "holders">,
  items: ArrayLike<number>,
  topics: ArrayLike<number>,
  recipe: Pick<ServingRecipe, "decay" | "latest">,
  out: Float64Array,
): void {
  for (const [topic, weight] of latestTopics(items, topics, recipe)) {
    if (topic >= holderOffsets.length) continue; // of another catalogue
    for (const place of holders.subarray(holderOffsets[topic - 1], holderOffsets[topic])) {
      out[place] = (out[place] as number) + weight;
    }
  }
}

/** Topics with what each weighs; of equal ones the latest alone. */
function latestTopics(
  items: ArrayLike<number>,
  topics: ArrayLike<number>,
  { decay, latest }: Pick<ServingRecipe, "decay" | "latest">,
): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let [age, item] = [0, 0];
  for (let event = items.length - 1; event >= 0 && age < latest; event--) {
    const [own, topic] = [items[event] as number, topics[event] as number];
    if (topic > 0 && !found.has(topic)) found.set(topic, decay ** age++);
    else if (own > 0 && own !== item) [age, item] = [age + 1, own]; // as steps are counted: not the same item twice in a row
  }
  return found;
}
