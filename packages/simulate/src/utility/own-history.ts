/** A customer's own history beside whatever else scores: in-house, needs no training and costs no ε. */
import { type ItemScorer, type StatisticsRecipe, stepsOf } from "@tributary/model";

/** Above every other score, so that own items come first and the rest decides among the others. */
const weight = 1000;

/**
 * Adds weight·Σ_k .5^k over the places k at which an item stands in the history, counted from the end. The item looked at last is left
 * out: steps in a row on one item are one, so it is never next.
 */
export function ownHistoryScorer(score: ItemScorer, items: number, { decay }: Pick<StatisticsRecipe, "decay">): ItemScorer {
  return async (histories, stretches) => {
    const rows = Float64Array.from(await score(histories, stretches));
    const columns = rows.length / stretches.length;
    for (const [row, { begin, end }] of stretches.entries()) {
      const steps = stepsOf(histories.items.subarray(begin, end)).slice().reverse();
      for (const [age, item] of steps.entries()) {
        const at = row * columns + item - 1;
        if (item !== steps[0] && item <= items) rows[at] = (rows[at] as number) + weight * decay ** age;
      }
    }
    return rows;
  };
}
