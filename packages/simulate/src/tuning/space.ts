/** What tuning tries: recipes of statistics around a given one. Drawn from a seed, never from data, so that the list itself says nothing of anybody. */
import { seededRandom } from "@tributary/events";
import type { StatisticsRecipe } from "@tributary/model";

type NumberField = {
  [Field in keyof StatisticsRecipe]: StatisticsRecipe[Field] extends number ? Field : never;
}[keyof StatisticsRecipe];

/** Times e^u, u uniform in ±ln factor; then kept within the bounds. */
const scaled: readonly (readonly [NumberField, factor: number, least: number, most: number])[] = [
  ["popularityShare", 2, 0.01, 0.5],
  ["firstShare", 1.6, 0.1, 0.8],
  ["firstPopularity", 1.6, 0, 3],
  ["firstContent", 2, 0, 8],
  ["firstNorm", 4, 0.1, 1e4],
  ["aliveAbove", 3, 1e-4, 0.1],
  ["weightFloor", 3, 1e-3, 1],
  ["weightPower", 1.4, 0.1, 1],
  ["laterNorm", 2, 0.05, 10],
  ["priorMean", 1.6, 0.5, 20],
  ["priorPopularity", 1.5, 0.1, 3],
  ["roundOdds", 10, 1e-7, 0.1],
  ["finalOdds", 10, 1e-7, 0.1],
  ["roundContent", 1.5, 0, 20],
  ["finalContent", 1.5, 0, 20],
  ["contentWeight", 2.5, 0.5, 200],
  ["contentSharpness", 1.5, 2, 40],
  ["decay", 1.4, 0.05, 0.95],
];
/** One of these, each as likely. */
const listed: readonly (readonly [NumberField, readonly number[]])[] = [
  ["maxPairs", [6, 12, 24, 48]],
  ["window", [3, 4, 5]],
  ["rounds", [2, 3, 4, 5, 6]],
  ["targetPopularity", [0, 0.1, 0.2, 0.3]],
];
/** How likely a field is to be moved at all: recipes near the given one, in a few directions at once. */
const moved = 0.35;

/** Recipe 0 is the given one; the others are drawn. The same seed gives the same list, and a longer one begins with the shorter. */
export function drawRecipes(around: StatisticsRecipe, count: number, seed: number): readonly StatisticsRecipe[] {
  return Array.from({ length: count }, (_, place) => (place === 0 ? around : drawn(around, seed, place)));
}

function drawn(around: StatisticsRecipe, seed: number, place: number): StatisticsRecipe {
  const random = seededRandom(seed, "recipe", place);
  const fields: Partial<Record<NumberField, number>> = {};
  for (const [field, factor, least, most] of scaled) {
    if (random.fraction() >= moved) continue;
    const value = around[field] * factor ** (2 * random.fraction() - 1);
    fields[field] = Number(Math.min(most, Math.max(least, value)).toPrecision(3));
  }
  for (const [field, values] of listed) {
    if (random.fraction() < moved) fields[field] = values[random.below(values.length)] as number;
  }
  return { ...around, ...fields };
}
