/**
 * What a merchant counts of its own customers, exactly and for itself: in-house processing, outside ε, and never sent anywhere (DESIGN §3). A pair is
 * served only if enough distinct customers had it, so that what one of them did can't be read off another's recommendations.
 */
import { type Histories, ownItems } from "@tributary/events/histories";
import { stepsOf } from "../statistics/pair-query.ts";
import { type PairTable, pairTable } from "../statistics/rounds.ts";

/** DESIGN §3, `serve.minSupport`. */
export const defaultMinSupport = 5;

export interface OwnStatistics {
  /** [items] mean 1; what nobody had counts a tenth of a customer, so that its logarithm is finite. */
  readonly popularity: Float32Array;
  /** Σ over customers and pairs of 1/distance. */
  readonly pairs: PairTable;
}

/** @param items how many items the catalogue has */
export function ownStatistics(
  histories: Histories,
  items: number,
  { window, minSupport = defaultMinSupport }: { readonly window: number; readonly minSupport?: number },
): OwnStatistics {
  const { customers, offsets } = histories;
  const events = ownItems(histories);
  const counts = new Float64Array(items).fill(0.1);
  const cells = new Map<number, { value: number; support: number; last: number }>();
  for (let customer = 0; customer < customers.length; customer++) {
    const steps = stepsOf(events.subarray(offsets[customer], offsets[customer + 1]));
    const own = new Set(steps);
    for (const item of own) counts[item - 1] = (counts[item - 1] as number) + 1 / Math.sqrt(own.size);
    for (let later = 1; later < steps.length; later++) {
      for (let distance = 1; distance <= window && distance <= later; distance++) {
        const [a, b] = [steps[later] as number, steps[later - distance] as number];
        if (a === b) continue;
        const key = Math.min(a, b) * (items + 1) + Math.max(a, b);
        const cell = cells.get(key) ?? { value: 0, support: 0, last: -1 };
        cell.value += 1 / distance;
        if (cell.last !== customer) cell.support += 1;
        cell.last = customer;
        cells.set(key, cell);
      }
    }
  }
  const served = [...cells]
    .filter(([, { support }]) => support >= minSupport)
    .sort(([a], [b]) => a - b)
    .map(([key, { value }]) => ({ first: Math.floor(key / (items + 1)), second: key % (items + 1), value }));
  const mean = counts.reduce((sum, count) => sum + count, 0) / items;
  return { popularity: Float32Array.from(counts, (count) => count / mean), pairs: pairTable(items, served) };
}
