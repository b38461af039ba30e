/** What evaluation asks of anything that recommends: a score for every item, from what a customer did so far. */
import type { Histories } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import type { ItemContent } from "../item-content/item-content.ts";
import { itemRow } from "../rows.ts";
import type { ModelSpec } from "../spec.ts";
import { openScorer, type Stretch } from "./scorer.ts";

/**
 * @param stretches of events that are known, each with at least one item event
 * @returns [stretches, columns], one row after the other: column i is the score of item i + 1. Columns beyond the catalogue are not
 *   looked at.
 */
export type ItemScorer = (
  histories: Histories,
  stretches: readonly Stretch[],
) => Promise<Float32Array | Float64Array> | Float32Array | Float64Array;

/** A model as an `ItemScorer`, until it is closed; items that share a row of its table have one score. */
export async function modelScorer(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  items: number,
  content?: ItemContent,
): Promise<{ readonly score: ItemScorer; close(): Promise<void> }> {
  const scorer = await openScorer(spec, parameters, executor, content);
  const rowOf = Int32Array.from({ length: items }, (_, i) => itemRow(i + 1, spec) - 1);
  return {
    async score(histories, stretches) {
      const { rows } = await scorer.score(histories, stretches);
      return items <= spec.items ? rows : gathered(rows, rowOf, stretches.length);
    },
    close: () => scorer.close(),
  };
}

/** From scores of table rows to scores of a larger catalogue. */
function gathered(rows: Float32Array | Float64Array, rowOf: Int32Array, batch: number): Float32Array | Float64Array {
  const items = rowOf.length;
  const width = rows.length / batch;
  const scores = rows instanceof Float32Array ? new Float32Array(batch * items) : new Float64Array(batch * items);
  for (let row = 0; row < batch; row++) {
    for (let i = 0; i < items; i++) scores[row * items + i] = rows[row * width + (rowOf[i] as number)] as number;
  }
  return scores;
}

/** Runs of stretches of like length, so that little is padding: places in `stretches`. */
export function* likeLengths(stretches: readonly Stretch[], batch: number): Generator<readonly number[]> {
  const length = (e: number) => (stretches[e]?.end ?? 0) - (stretches[e]?.begin ?? 0);
  const order = [...stretches.keys()].sort((a, b) => length(a) - length(b) || a - b);
  for (let first = 0; first < order.length; first += batch) yield order.slice(first, first + batch);
}
