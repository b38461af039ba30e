/**
 * Which cells the first pair round asks for, from the catalogue and the *released* popularity alone: those whose prior odds are highest,
 *
 *   score(i, j) = al·(ln p_i + ln p_j) + kd₁·cos(i, j),
 *
 * so that a vector stays as short as the plan says. All pairs are looked at twice: once to count scores into narrow bins, which gives the
 * threshold, and once to take what is above it. Memory is the cells that are taken.
 */
import { addProducts, type ItemSimilarity } from "./item-similarity.ts";
import type { StatisticsRecipe } from "./recipe.ts";

const bins = 1 << 16;

export interface CandidateCells {
  readonly firsts: Uint32Array;
  readonly seconds: Uint32Array;
}

/** By first item, then second; at most `firstCells`, and fewer by those that share the last bin. */
export function candidateCells(
  popularity: Float32Array,
  similarity: ItemSimilarity,
  { priorPopularity, roundContent, firstCells }: Pick<StatisticsRecipe, "priorPopularity" | "roundContent" | "firstCells">,
): CandidateCells {
  const items = popularity.length;
  const logs = Float64Array.from(popularity, (p) => priorPopularity * Math.log(p));
  const everything = (items * (items - 1)) / 2;
  const [least, most] = extremes(logs);
  const [low, high] = [2 * least, 2 * most + Math.max(0, roundContent)];
  const perUnit = (bins - 1) / Math.max(high - low, 1e-9);
  const row = new Float64Array(items);
  const eachRow = (visit: (i: number) => void) => {
    for (let i = 1; i < items; i++) {
      row.fill(0, i);
      addProducts(similarity, i, roundContent, row);
      for (let place = i; place < items; place++) {
        row[place] = ((row[place] as number) + (logs[i - 1] as number) + (logs[place] as number) - low) * perUnit;
      }
      visit(i);
    }
  };
  const counts = new Uint32Array(bins);
  if (everything > firstCells) {
    eachRow((i) => {
      for (let place = i; place < items; place++) {
        const bin = Math.max(0, row[place] as number) | 0;
        counts[bin] = (counts[bin] as number) + 1;
      }
    });
  }
  let threshold = everything > firstCells ? bins : 0;
  let taken = 0;
  while (threshold > 0 && taken + (counts[threshold - 1] as number) <= firstCells) taken += counts[--threshold] as number;
  const size = everything > firstCells ? taken : everything;
  const firsts = new Uint32Array(size);
  const seconds = new Uint32Array(size);
  let at = 0;
  eachRow((i) => {
    for (let place = i; place < items; place++) {
      if ((Math.max(0, row[place] as number) | 0) < threshold) continue;
      firsts[at] = i;
      seconds[at++] = place + 1;
    }
  });
  return { firsts, seconds };
}

function extremes(values: Float64Array): readonly [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}
