/**
 * The sample in buckets, and a bucket in runs. Both follow from each customer's own length class and own hash (DESIGN §4).
 *
 * A bucket with more customers than may run together is halved by a bit of their hashes, and its halves again, until they fit.
 * Removing one customer then changes the run that it is in, and may join this run with its sibling: sums of the same customers'
 * vectors, in another order. All others stay as they are to the bit (docs/decisions/0014).
 */
import type { Histories } from "@tributary/events/histories";
import { scrambled } from "../rows.ts";
import type { ModelSpec } from "../spec.ts";
import { type Example, exampleOf, inputsOf } from "./examples/examples.ts";
import { bucketCount, classOf } from "./length-classes.ts";

export interface Bucket {
  /** Positions of its runs. */
  readonly length: number;
  /** Its number in its class. */
  readonly place: number;
  /** By hash and id. */
  readonly examples: readonly Example[];
}

export interface SampledCustomers {
  readonly histories: Histories;
  /** Places in `histories.customers`. */
  readonly sampled: Uint32Array;
  readonly customerQuota: number;
}

/** The sample in buckets, in a fixed order. `empty`: customers with nothing to learn from. */
export function bucketsOf(
  spec: ModelSpec,
  { histories, sampled, customerQuota }: SampledCustomers,
  { seed, now }: Pick<Example, "seed" | "now">,
  classes: readonly number[],
): { readonly buckets: readonly Bucket[]; readonly empty: number } {
  const found = new Map<number, { readonly length: number; readonly place: number; readonly examples: Example[] }>();
  let empty = 0;
  for (const customer of sampled) {
    const example = exampleOf(spec, histories, customer, seed, now);
    if (example === undefined) {
      empty += 1;
      continue;
    }
    const length = classOf(classes, inputsOf(example));
    const place = example.hash % bucketCount(length, customerQuota);
    const key = length * 2 ** 32 + place;
    const bucket = found.get(key) ?? { length, place, examples: [] };
    bucket.examples.push(example);
    found.set(key, bucket);
  }
  const buckets = [...found.values()].sort((a, b) => b.length - a.length || a.place - b.place);
  for (const { examples } of buckets) {
    examples.sort((a, b) => a.hash - b.hash || (a.customer < b.customer ? -1 : 1));
  }
  return { buckets, empty };
}

/** The examples in runs of at most `most`; customers whose hashes are equal in all bits run alone where they are more. */
export function runsOf(examples: readonly Example[], most: number, bit = 0): readonly (readonly Example[])[] {
  if (examples.length === 0) return [];
  if (examples.length <= most) return [examples];
  if (bit === 32) return examples.map((example) => [example]);
  const half = (side: number) => examples.filter(({ hash }) => ((scrambled(hash ^ runKey) >>> bit) & 1) === side);
  return [...runsOf(half(0), most, bit + 1), ...runsOf(half(1), most, bit + 1)];
}

/** Runs are cut by other bits than buckets. */
const runKey = 0x52554e53;

/**
 * The buckets that one of several workers takes: the costliest first, each to whoever has least to do. Every worker comes to the
 * same division by itself.
 */
export function shareOf(buckets: readonly Bucket[], worker: number, workers: number): readonly Bucket[] {
  if (workers === 1) return buckets;
  const load = new Float64Array(workers);
  const byCost = buckets.toSorted((a, b) => costOf(b) - costOf(a));
  return byCost.filter((bucket) => {
    const least = load.indexOf(Math.min(...load));
    load[least] = (load[least] ?? 0) + costOf(bucket);
    return least === worker;
  });
}

/** In tokens; a run costs about what 60 do before its first. */
function costOf({ length, examples }: Bucket): number {
  return 60 + length * examples.length;
}
