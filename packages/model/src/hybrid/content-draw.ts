/**
 * Draws from the content softmax of `scoring.ts`, softmax_j(sharpness·cos(profile, j) + ln p_j), without making it: most items have nothing in common
 * with a profile, and among them it is the popularity. So only the others are looked at, and a draw among the rest is one by popularity, repeated while it
 * hits one of the others. Held to the softmax itself by the statistical test of `walks.test.ts`.
 */
import type { SeededRandom } from "@tributary/events/histories";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import type { ServingRecipe } from "../statistics/scoring.ts";

/** Sums up to each place, for `drawn`. */
export function cumulative(weights: Float32Array | Float64Array): Float64Array {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i] as number;
    sums[i] = sum;
  }
  return sums;
}

/** A place in proportion to its weight: the first whose sum is above a uniform number, so never one of weight 0. */
export function drawn(sums: Float64Array, random: SeededRandom): number {
  const bound = random.fraction() * (sums.at(-1) ?? 0);
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] as number) > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

export interface ContentDraw {
  /** [items] sums of the popularity. */
  readonly popularity: Float64Array;
  /**
   * @param steps item numbers, the latest last; the profile is of the last few
   * @param visited item numbers that are not drawn
   * @returns an item number; 0 where nothing is left
   */
  draw(steps: readonly number[], visited: ReadonlySet<number>, random: SeededRandom): number;
}

/** How often a draw among unlike items may hit another before they are counted out one by one. */
const patience = 64;

export function contentDraw(
  popularity: Float32Array,
  similarity: ItemSimilarity,
  { contentSharpness, decay, latest }: Pick<ServingRecipe, "contentSharpness" | "decay" | "latest">,
): ContentDraw {
  const { items } = similarity;
  const all = cumulative(popularity);
  const unlike = Math.exp(-contentSharpness);
  /** Cosines of the draw that is going on; zero between draws. */
  const cosines = new Float64Array(items);
  const isOther = new Uint8Array(items);
  const touched = new Int32Array(items);
  const sums = new Float64Array(items);
  return {
    popularity: all,
    draw(steps, visited, random) {
      const count = scatter(similarity, steps.slice(-latest).reverse(), decay, { cosines, isOther, touched }, visited);
      let alike = 0;
      let rest = all.at(-1) ?? 0;
      for (let n = 0; n < count; n++) {
        const place = touched[n] as number;
        const p = popularity[place] as number;
        rest -= p;
        if (!visited.has(place + 1)) alike += Math.exp(contentSharpness * ((cosines[place] as number) - 1)) * p;
        sums[n] = alike;
      }
      const isAlike = random.fraction() * (alike + unlike * Math.max(0, rest)) < alike;
      const place = isAlike
        ? (touched[drawn(sums.subarray(0, count), random)] as number)
        : amongOthers(all, popularity, isOther, random);
      for (let n = 0; n < count; n++) {
        cosines[touched[n] as number] = 0;
        isOther[touched[n] as number] = 0;
      }
      return place + 1;
    },
  };
}

interface Scratch {
  readonly cosines: Float64Array;
  /** 1 for what has something in common with the profile, or is visited. */
  readonly isOther: Uint8Array;
  readonly touched: Int32Array;
}

/** Writes cos(profile, j), and which places are touched. @param latest item numbers, the latest first */
function scatter(
  similarity: ItemSimilarity,
  latest: readonly number[],
  decay: number,
  { cosines, isOther, touched }: Scratch,
  visited: ReadonlySet<number>,
): number {
  const { offsets, attributes, values, holderOffsets, holders, holderValues } = similarity;
  const profile = new Map<number, number>();
  for (const [age, item] of latest.entries()) {
    for (let n = offsets[item - 1] as number; n < (offsets[item] as number); n++) {
      const attribute = attributes[n] as number;
      profile.set(attribute, (profile.get(attribute) ?? 0) + decay ** age * (values[n] as number));
    }
  }
  const norm = Math.hypot(...profile.values());
  let count = 0;
  const touch = (place: number) => {
    if (isOther[place] === 1) return;
    isOther[place] = 1;
    touched[count++] = place;
  };
  for (const [attribute, sum] of profile) {
    for (let h = holderOffsets[attribute] as number; h < (holderOffsets[attribute + 1] as number); h++) {
      const place = holders[h] as number;
      touch(place);
      cosines[place] = (cosines[place] as number) + (sum / norm) * (holderValues[h] as number);
    }
  }
  for (const item of visited) touch(item - 1);
  return count;
}

/** By popularity among those that are no others; −1 where there is none. */
function amongOthers(all: Float64Array, popularity: Float32Array, isOther: Uint8Array, random: SeededRandom): number {
  for (let tries = 0; tries < patience; tries++) {
    const place = drawn(all, random);
    if (isOther[place] === 0) return place;
  }
  const left = cumulative(popularity.map((p, place) => (isOther[place] === 1 ? 0 : p)));
  return (left.at(-1) ?? 0) > 0 ? drawn(left, random) : -1;
}
