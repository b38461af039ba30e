/**
 * A whole history out of one customer's bare update: what was done, when, with which item, in which order, and what came next.
 *
 * Rows of the position table are δ_t themselves (`read-items.ts`), one for each input, in order: they tell how many there are. The tables of actions and of
 * time gaps have no output side, so that each of their rows is a sum of some δ_t: which ones, linear least squares say. Items' rows have an output side as
 * well; which item stood where is found by matching: the history whose own gradient, by the very graph that nodes run, lies closest to the message.
 *
 * Source for matching: Zhu, Liu, Han, "Deep Leakage from Gradients" (2019); here candidates are discrete, so the search goes item by item instead of
 * along a gradient.
 */
import { actions, type Histories } from "@tributary/events";
import { itemScores, itemsRead, tableOf } from "./read-items.ts";
import { clippedSum, type Stage } from "./stage.ts";

export interface History {
  /** [inputs + 1] from the oldest to the newest, which is a target only. */
  readonly items: readonly number[];
  /** [inputs] */
  readonly actions: readonly number[];
  /** [inputs] buckets of `timeGapBucket` */
  readonly gaps: readonly number[];
}

/** Below this part of the longest row a row is nothing but rounding. */
const nothing = 1e-3;

/** Undefined where there are more inputs than the tables are wide: then their sums have several explanations. */
export async function readHistory(stage: Stage, update: Float64Array): Promise<History | undefined> {
  const { model: spec } = stage.plan;
  const positions = tableOf(spec, update, "position.weight");
  const longest = Math.max(...positions.map(length));
  const inputs = positions.filter((row) => length(row) > nothing * longest);
  if (inputs.length > spec.width || inputs.length === 0) return undefined;
  const known = {
    actions: whichRow(inputs, tableOf(spec, update, "action.weight")),
    gaps: whichRow(inputs, tableOf(spec, update, "gap.weight")),
  };
  const candidates = itemsRead(itemScores(spec, update));
  const items = await matchItems(stage, update, known, candidates, firstGuess(stage, update, inputs, candidates));
  return { ...known, items };
}

/** For each input the row of a table whose sum it is in: the largest of its coefficients by least squares. */
function whichRow(inputs: readonly Float64Array[], table: readonly Float64Array[]): number[] {
  const coefficients = table.map((row) => leastSquares(inputs, row));
  return inputs.map((_, input) => {
    const ofInput = coefficients.map((row) => row[input] ?? 0);
    return ofInput.indexOf(Math.max(...ofInput));
  });
}

/** Each input's own row points along its δ_t; the last target is anybody's guess. */
function firstGuess(
  stage: Stage,
  update: Float64Array,
  inputs: readonly Float64Array[],
  candidates: readonly number[],
): number[] {
  const table = tableOf(stage.plan.model, update, "item.weight");
  const items = inputs.map((input) => {
    const along = candidates.map((item) => dot(table[item - 1] ?? input, input));
    return candidates[along.indexOf(Math.max(...along))] ?? 1;
  });
  return [...items, candidates[0] ?? 1];
}

/** Coordinate descent over places, as long as any change brings the candidate's own update closer to the message. */
async function matchItems(
  stage: Stage,
  update: Float64Array,
  known: Omit<History, "items">,
  candidates: readonly number[],
  guess: readonly number[],
): Promise<readonly number[]> {
  const distanceOf = async (items: readonly number[]) => distance(update, await updateOf(stage, { ...known, items }));
  let [best, closest] = [guess, await distanceOf(guess)];
  for (let improved = true; improved; ) {
    improved = false;
    for (const change of changesOf(best, candidates)) {
      const away = await distanceOf(change);
      if (away >= closest) continue;
      [best, closest, improved] = [change, away, true];
    }
  }
  return best;
}

/** One place, or two exchanged. */
function changesOf(items: readonly number[], candidates: readonly number[]): number[][] {
  const replaced = items.flatMap((now, place) =>
    candidates.filter((item) => item !== now).map((item) => items.with(place, item)),
  );
  const swapped = items.flatMap((first, from) =>
    items
      .slice(from + 1)
      .flatMap((second, i) => (first === second ? [] : [items.with(from, second).with(from + 1 + i, first)])),
  );
  return [...replaced, ...swapped];
}

/** A candidate's own clipped update, as that of a node with this one customer. [dimension] in clip norms */
async function updateOf(stage: Stage, history: History): Promise<Float64Array> {
  const { unitsPerOne, clipNorm } = stage.parameters.grid;
  return (await clippedSum(stage, asHistories(history))).map((units) => units / (unitsPerOne * clipNorm));
}

/** Times that fall into the buckets: [4^(k−1), 4^k) seconds after the event before. */
function asHistories({ items, actions: done, gaps }: History): Histories {
  let now = 1e9;
  const times = items.map((_, place) => {
    const bucket = gaps[place] ?? 0;
    return (now += bucket === 0 ? 0 : 1.5 * 4 ** (bucket - 1));
  });
  return {
    customers: ["candidate"],
    offsets: Uint32Array.of(0, items.length),
    items: Int32Array.from(items),
    actions: Uint8Array.from(items, (_, place) => done[place] ?? actions.indexOf("view")),
    times: Float64Array.from(times),
  };
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const length = (row: Float64Array): number => Math.sqrt(dot(row, row));
const distance = (a: Float64Array, b: Float64Array): number =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0));

/** c that minimises |Σ c_t·inputs_t − target|² + ridge·|c|², by Gaussian elimination of the normal equations. */
function leastSquares(inputs: readonly Float64Array[], target: Float64Array): number[] {
  const ridge = 1e-9 * Math.max(...inputs.map((input) => dot(input, input)));
  const rows = inputs.map((a, i) => [...inputs.map((b, j) => dot(a, b) + (i === j ? ridge : 0)), dot(a, target)]);
  for (const [pivot, row] of rows.entries()) {
    const scale = row[pivot] ?? 1;
    for (const [i, other] of rows.entries()) {
      if (i === pivot) continue;
      const factor = (other[pivot] ?? 0) / scale;
      for (let column = pivot; column < other.length; column++)
        other[column] = (other[column] ?? 0) - factor * (row[column] ?? 0);
    }
  }
  return rows.map((row, i) => (row.at(-1) ?? 0) / (row[i] ?? 1));
}
