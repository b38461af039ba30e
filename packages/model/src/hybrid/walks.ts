/**
 * Random walks from item to item along tables of statistics: sequences of nobody, from which an attention model learns what the tables know.
 * Walks from *released* tables are post-processing, so they cost no ε; walks from tables that hold a merchant's own counts are the merchant's
 * own processing and stay with it.
 *
 *   first item ~ p;   next item ~ D[i, ·] with probability m/(m + κ), m = Σ_j D[i, j],   else softmax_j(sharpness·cos(profile, j) + ln p_j)
 *
 * where i is the item before and the profile holds the last few. Recipe: docs/utility.md, "Attention on top".
 */
import { type Histories, type SeededRandom, seededRandom } from "@tributary/events/histories";
import type { Repeats } from "../evaluation/result-block.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import type { PairTable, ServedStatistics } from "../statistics/rounds.ts";
import type { ServingRecipe } from "../statistics/scoring.ts";
import { type ContentDraw, contentDraw, cumulative, drawn } from "./content-draw.ts";

export interface WalkOptions {
  readonly walks: number;
  /** Items of a walk. */
  readonly length: number;
  /** κ: content counts as so many expected pairs. 0: content only where an item has no pairs. */
  readonly contentWeight: number;
  /** How the content softmax reads the walk so far; `latest` is how many items. */
  readonly profile: Pick<ServingRecipe, "contentSharpness" | "decay" | "latest">;
  /** `mask`: no item twice in a walk, as on logs in which nobody has an item twice. */
  readonly repeats: Repeats;
  /** No secret. Walk w depends on it and on w, not on how many walks there are. */
  readonly seed: number;
}

/** The study's: ten items, the profile of the last five. */
export const walkLength = 10;
export const walkProfile = 5;

/** One customer a walk; a walk is shorter where nothing is left to go to. */
export function sampleWalks(tables: ServedStatistics, similarity: ItemSimilarity, options: WalkOptions): Histories {
  const { walks, length, seed } = options;
  const offsets = new Uint32Array(walks + 1);
  const items = new Int32Array(walks * length);
  const content = contentDraw(tables.popularity, similarity, options.profile);
  let end = 0;
  for (let walk = 0; walk < walks; walk++) {
    const random = seededRandom(seed, "walk", walk);
    const steps = [1 + drawn(content.popularity, random)];
    while (steps.length < length) {
      const next = nextItem(tables.pairs, content, steps, options, random);
      if (next === 0) break;
      steps.push(next);
    }
    items.set(steps, end);
    end += steps.length;
    offsets[walk + 1] = end;
  }
  const digits = String(walks).length;
  return {
    customers: Array.from({ length: walks }, (_, walk) => `walk-${String(walk).padStart(digits, "0")}`),
    offsets,
    items: items.slice(0, end),
    actions: new Uint8Array(end),
    times: Float64Array.from({ length: end }, (_, event) => event),
  };
}

/** 0: nowhere to go. */
function nextItem(
  { offsets, places, values }: PairTable,
  content: ContentDraw,
  steps: readonly number[],
  { contentWeight, repeats }: Pick<WalkOptions, "contentWeight" | "repeats">,
  random: SeededRandom,
): number {
  const item = steps.at(-1) ?? 0;
  const [begin, end] = [offsets[item - 1] ?? 0, offsets[item] ?? 0];
  const visited = new Set(repeats === "mask" ? steps : []);
  const row = Float64Array.from(values.subarray(begin, end), (value, n) =>
    visited.has(1 + (places[begin + n] as number)) ? 0 : value,
  );
  const sums = cumulative(row);
  const mass = sums.at(-1) ?? 0;
  if (mass > 0 && random.fraction() * (mass + contentWeight) < mass) return 1 + (places[begin + drawn(sums, random)] as number);
  return content.draw(steps, visited, random);
}

/** A table in which nothing follows anything. */
export const emptyPairs = (items: number): PairTable => ({
  offsets: new Uint32Array(items + 1),
  places: new Uint32Array(0),
  values: new Float32Array(0),
});

/** Σ weight·table, cell by cell: what a merchant's walks follow, released and own counts together. Cells of no weight are left out. */
export function weightedSum(
  items: number,
  tables: readonly { readonly table: PairTable; readonly weight: number }[],
): PairTable {
  const rows = Array.from({ length: items }, () => new Map<number, number>());
  for (const { table, weight } of tables) {
    for (let i = 0; i < items; i++) {
      for (let n = table.offsets[i] as number; n < (table.offsets[i + 1] as number); n++) {
        const [place, value] = [table.places[n] as number, weight * (table.values[n] as number)];
        if (value > 0) rows[i]?.set(place, (rows[i]?.get(place) ?? 0) + value);
      }
    }
  }
  const sorted = rows.map((row) => [...row].sort(([a], [b]) => a - b));
  const offsets = new Uint32Array(items + 1);
  for (const [i, row] of sorted.entries()) offsets[i + 1] = (offsets[i] as number) + row.length;
  const cells = sorted.flat();
  return {
    offsets,
    places: Uint32Array.from(cells, ([place]) => place),
    values: Float32Array.from(cells, ([, value]) => value),
  };
}

/** Own sequences and walks in one set of histories, to be trained on together. Names are made anew, so that none meets another's. */
export function joinSequences(parts: readonly Histories[]): Histories {
  const customers = parts.flatMap((part, p) => part.customers.map((id) => `${p}/${id}`));
  const offsets = new Uint32Array(customers.length + 1);
  let [customer, base] = [0, 0];
  for (const part of parts) {
    for (let c = 0; c < part.customers.length; c++) offsets[++customer] = base + (part.offsets[c + 1] as number);
    base += part.items.length;
  }
  const flat = <Column extends Int32Array | Uint8Array | Float64Array>(
    out: Column,
    of: (part: Histories) => Column,
  ): Column => {
    let begin = 0;
    for (const part of parts) {
      out.set(of(part), begin);
      begin += part.items.length;
    }
    return out;
  };
  return {
    customers,
    offsets,
    items: flat(new Int32Array(base), (part) => part.items),
    actions: flat(new Uint8Array(base), (part) => part.actions),
    times: flat(new Float64Array(base), (part) => part.times),
  };
}
