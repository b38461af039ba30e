/**
 * Words of a customer → a topic of the public catalogue. The index is a function of the catalogue alone: there is no private vocabulary, every node has
 * the same, and nothing of what was typed is kept but a topic's number.
 *
 *   weight(w) = ln(1 + topics/topics with w)
 *   said   = Σ weights of the topic's words that the text has / Σ weights of the topic's words
 *   meant  = Σ weights of the text's words that the topic has / Σ weights of the text's words that any topic has
 *   score  = 2·said·meant/(said + meant)
 *
 * Words that no topic has (sizes, "cheap", what the catalogue doesn't sell) say nothing of the catalogue and are left out. Below a score of ½ nothing
 * matches: then less is shared than not. Of equal scores a category goes before a brand and a brand before a property; then the smaller number.
 */
import { fail } from "@tributary/errors";
import { type TopicalItem, topicKinds, topicsOf } from "./topics.ts";
import { wordsOf } from "./words.ts";

const leastScore = 0.5;
/** Texts whose topic is remembered: a shop's customers type the same few thousand things. */
const remembered = 65_536;
const longestRemembered = 100;

export interface TopicIndex {
  /** How many topics the catalogue has. */
  readonly topics: number;
  /** A topic's number, counted from 1; 0 where nothing matches. */
  match(text: string): number;
}

/** @throws TRB_EVENTS_CATALOGUE_EMPTY when there are no items */
export function topicIndex(items: readonly TopicalItem[]): TopicIndex {
  if (items.length === 0) throw fail("TRB_EVENTS_CATALOGUE_EMPTY", { file: "in memory" });
  const topics = topicsOf(items);
  const words = topics.map(({ value }) => new Set(wordsOf(value)));
  const holders = new Map<string, number[]>();
  for (const [place, own] of words.entries()) {
    for (const word of own) {
      const list = holders.get(word);
      if (list === undefined) holders.set(word, [place]);
      else list.push(place);
    }
  }
  const weights = new Map([...holders].map(([word, { length }]) => [word, Math.log(1 + topics.length / length)]));
  const weightOf = (list: Iterable<string>) => [...list].reduce((sum, word) => sum + (weights.get(word) ?? 0), 0);
  const whole = words.map(weightOf);
  const rank = topics.map(({ kind }) => topicKinds.indexOf(kind));

  const search = (text: string): number => {
    const asked = new Set(wordsOf(text).filter((word) => weights.has(word)));
    const shared = new Map<number, number>();
    for (const word of asked) {
      for (const place of holders.get(word) ?? []) shared.set(place, (shared.get(place) ?? 0) + (weights.get(word) ?? 0));
    }
    const askedWeight = weightOf(asked);
    let [best, bestScore] = [-1, 0];
    for (const [place, weight] of shared) {
      // 2·said·meant/(said + meant) with said = weight/whole and meant = weight/asked
      const score = (2 * weight) / ((whole[place] ?? 0) + askedWeight);
      if (score < leastScore || score < bestScore) continue;
      if (score > bestScore || goesBefore(place, best, rank)) [best, bestScore] = [place, score];
    }
    return best + 1;
  };
  const known = new Map<string, number>();
  return {
    topics: topics.length,
    match: (text) => {
      const before = known.get(text);
      if (before !== undefined) return before;
      const topic = search(text);
      if (known.size < remembered && text.length <= longestRemembered) known.set(text, topic);
      return topic;
    },
  };
}

const goesBefore = (place: number, other: number, rank: readonly number[]): boolean =>
  ((rank[place] ?? 0) - (rank[other] ?? 0) || place - other) < 0;
