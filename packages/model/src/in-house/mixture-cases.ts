/**
 * Validation customers of a mixture, kept so that a candidate's weights cost next to nothing: content gives every item a number, the other
 * parts a few hundred at most. So content is sorted once, and for each candidate only what the other parts name is looked at one by one.
 *
 * Topics multiply what the others say of an item, and name the items that they are of.
 *
 *   items above the target = items whose κ·content is, by bisection, corrected for those that other parts or the mask change
 */

/** What each part says of every item. [items] each */
export interface MixtureParts {
  readonly content: Float64Array;
  readonly released: Float64Array;
  readonly own: Float64Array;
  readonly history: Float64Array;
  /** Undefined: no event of the history says what it is about. */
  readonly topics?: Float64Array | undefined;
}

/** Parts that every history has. */
type UsualPart = "content" | "released" | "own" | "history";

/** What each part's numbers are multiplied by. */
export type MixtureWeights = { readonly [Part in UsualPart]: number } & {
  /** Absent: 0. */
  readonly topics?: number;
};

export interface MixtureCase {
  /** [items] content, ascending. */
  readonly sorted: Float64Array;
  /** [named] items that another part names, or that are masked; the target is the first. */
  readonly content: Float64Array;
  readonly released: Float64Array;
  readonly own: Float64Array;
  readonly history: Float64Array;
  readonly topics: Float64Array | undefined;
  /** [named] 1 where the item is no candidate. */
  readonly masked: Uint8Array;
}

/**
 * @param target place of the item that came next: a candidate whatever is masked
 * @param masked places that are no candidates
 */
export function mixtureCase(parts: MixtureParts, target: number, masked: ReadonlySet<number> = new Set()): MixtureCase {
  const { content, released, own, history, topics } = parts;
  const named = [target];
  for (let j = 0; j < content.length; j++) {
    const isNamed = released[j] !== 0 || own[j] !== 0 || history[j] !== 0 || (topics?.[j] ?? 0) !== 0;
    if (j !== target && (isNamed || masked.has(j))) named.push(j);
  }
  const of = (part: Float64Array) => Float64Array.from(named, (j) => part[j] as number);
  return {
    sorted: content.slice().sort(),
    ...{ content: of(content), released: of(released), own: of(own), history: of(history), topics: topics && of(topics) },
    masked: Uint8Array.from(named, (j) => (j !== target && masked.has(j) ? 1 : 0)),
  };
}

/** The target's rank under these weights, ties counting half, as `rankOf` has it. @param weights `content` above 0 */
export function rankUnder(one: MixtureCase, weights: MixtureWeights): number {
  const { sorted, content, released, own, history, topics, masked } = one;
  const topicWeight = weights.topics ?? 0;
  const base = (n: number) => weights.content * (content[n] as number);
  const full = (n: number) =>
    (base(n) +
      weights.released * (released[n] as number) +
      weights.own * (own[n] as number) +
      weights.history * (history[n] as number)) *
    (1 + topicWeight * (topics?.[n] ?? 0));
  const score = full(0);
  const [notBelow, above] = [countFrom(sorted, weights.content, score, true), countFrom(sorted, weights.content, score, false)];
  let higher = above;
  let level = notBelow - above;
  const count = (value: number, by: number) => {
    if (value > score) higher += by;
    else if (value === score) level += by;
  };
  for (let n = 0; n < content.length; n++) {
    count(base(n), -1);
    if (n > 0 && masked[n] === 0) count(full(n), 1);
  }
  return 1 + higher + level / 2;
}

/** How many of the sorted numbers, times `by`, are above a bound, or also those level with it. */
function countFrom(sorted: Float64Array, by: number, bound: number, level: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = by * (sorted[middle] as number);
    if (value > bound || (level && value === bound)) high = middle;
    else low = middle + 1;
  }
  return sorted.length - low;
}
