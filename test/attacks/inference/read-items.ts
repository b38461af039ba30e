/**
 * Reading items off an update, without any optimisation. With tied embeddings (`output: "tied"`) row j of the item table gets
 *
 *   g_j = Σ_{t: x_t = j} δ_t  +  Σ_t (p_tj − [y_t = j]) · h_t          δ_t: what reaches input t;  h_t: hidden state;  p_t: softmax over all items
 *
 * Without anybody's history in it a row is Σ_t p_tj·h_t, and p_tj is about 1/items for all j alike: those rows lie close together, and every row whose
 * item was seen or was a target stands off. What is read is the set, and by how far each row stands off.
 *
 * Source: Melis, Song, De Cristofaro, Shmatikov, "Exploiting Unintended Feature Leakage in Collaborative Learning" (2019), §4.1, of embeddings; Yuan, Ding,
 * Chen et al., "Interaction-level Membership Inference Attack Against Federated Recommender Systems" (2023), of items.
 */
import { type ModelSpec, parameterShapes } from "@tributary/model";

/** A table of the update, by rows. [rows][width] */
export function tableOf(spec: ModelSpec, update: Float64Array, name: string): readonly Float64Array[] {
  let offset = 0;
  for (const { name: at, shape } of parameterShapes(spec)) {
    const [rows = 1, columns = 1] = shape;
    if (at === name) {
      return Array.from({ length: rows }, (_, row) => update.subarray(offset + row * columns, offset + (row + 1) * columns));
    }
    offset += rows * columns;
  }
  return [];
}

/** How far each item's row stands off from where most rows are, the median of each column. [items], item j at j − 1 */
export function itemScores(spec: ModelSpec, update: Float64Array): Float64Array {
  const rows = tableOf(spec, update, "item.weight");
  const usual = Array.from({ length: spec.width }, (_, column) => median(rows.map((row) => row[column] ?? 0)));
  return Float64Array.from(rows, (row) => Math.hypot(...row.map((value, column) => value - (usual[column] ?? 0))));
}

/** The items, most likely first: numbers of the catalogue, from 1. */
export function ranked(scores: Float64Array): number[] {
  return [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b).map((place) => place + 1);
}

/** The items that the attacker names without being told how many: those before the widest gap, on a logarithmic scale, in the upper half. */
export function itemsRead(scores: Float64Array): number[] {
  const order = ranked(scores);
  const at = (place: number) => scores[(order[place] ?? 1) - 1] ?? 0;
  let [cut, widest] = [1, 0];
  for (let place = 1; place <= order.length / 2; place++) {
    const gap = at(place - 1) / at(place);
    if (gap > widest) [cut, widest] = [place, gap];
  }
  return order.slice(0, cut);
}

export interface SetMatch {
  readonly precision: number;
  readonly recall: number;
  readonly hits: number;
}

export function compareSets(named: readonly number[], truth: ReadonlySet<number>): SetMatch {
  const hits = named.filter((item) => truth.has(item)).length;
  return { hits, precision: named.length === 0 ? 0 : hits / named.length, recall: hits / truth.size };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}
