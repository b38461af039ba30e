/**
 * Length classes and buckets (DESIGN §4, `bucketed`). Which bucket a customer falls into depends on that customer and on
 * plan numbers only: removing or adding others moves nobody. Every run of a class has the class's full length, padded, so that
 * not even the shape of a run's sums depends on who else is in it.
 */
import { scrambled } from "../rows.ts";
import type { ModelSpec } from "../spec.ts";

/** Padded tokens that a bucket is planned for, unless the softmax is so wide that they would not fit in `plannedScores`. */
const plannedTokens = 480;

/** Scores (tokens × columns of the softmax) that a planned bucket has at most: 2²¹ float32 are 8 MB a matrix. */
const plannedScores = 2 ** 21;

/** Customers that a bucket is planned for, where histories are short. */
const plannedCustomers = 48;

/** How full a bucket may become, in planned buckets, before it runs customer by customer. */
const capacity = 3;

/**
 * Customers above which it does. A float32 sum is wrong by up to one unit in the last place of the *sum*, which may be as long as
 * customers·C: at 96 customers the largest error that the hunt finds is below 2⁻¹⁰·C/100, at 240 it is 2⁻¹⁰·C/30.
 */
const mostCustomers = 96;

/** Class lengths: 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, … (powers of √2), and the model's own length last. */
export function lengthClasses(length: number): readonly number[] {
  const classes: number[] = [];
  for (let power = 0; ; power++) {
    const next = Math.round(2 ** (power / 2));
    if (next >= length) return [...classes, length];
    if (next > (classes.at(-1) ?? 0)) classes.push(next);
  }
}

/** The smallest class that holds `inputs` positions. */
export function classOf(classes: readonly number[], inputs: number): number {
  return classes.find((length) => inputs <= length) ?? classes.at(-1) ?? inputs;
}

/** Padded tokens that a bucket of this model is planned for. */
function tokensPlanned(spec: ModelSpec): number {
  const columns = spec.nextItem.negatives > 0 ? spec.nextItem.negatives + 1 : spec.items;
  return Math.min(plannedTokens, Math.max(1, Math.floor(plannedScores / columns)));
}

/**
 * How many buckets a class has. Which classes a log fills is not public, so each is planned for a quarter of the quota, and
 * for half of it where customers rather than tokens fill a bucket: short histories are common, and their runs are cheap.
 */
export function bucketCount(spec: ModelSpec, classLength: number, customerQuota: number): number {
  const byTokens = ((customerQuota / 4) * classLength) / tokensPlanned(spec);
  const byCustomers = customerQuota / 2 / plannedCustomers;
  return Math.max(1, Math.round(Math.max(byTokens, byCustomers)));
}

/** How many customers of a class may run together. */
export function bucketCustomers(spec: ModelSpec, classLength: number): number {
  const byTokens = Math.floor((capacity * tokensPlanned(spec)) / classLength);
  return Math.max(1, Math.min(mostCustomers, byTokens));
}

/** The key of the customers' hash. It is public: the hash spreads customers, it hides nothing. */
const hashKey = 0x54524942;

/** FNV-1a over the id's UTF-16 code units, keyed and finished by MurmurHash3's mixer. 32 bits. */
export function customerHash(id: string): number {
  let h = 0x811c9dc5 ^ hashKey;
  for (let place = 0; place < id.length; place++) {
    const unit = id.charCodeAt(place);
    h = Math.imul(h ^ (unit & 0xff), 0x01000193);
    h = Math.imul(h ^ (unit >>> 8), 0x01000193);
  }
  return scrambled(h);
}
