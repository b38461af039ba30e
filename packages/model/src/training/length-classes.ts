/**
 * Length classes and buckets (DESIGN §4, `bucketed`). Which bucket a customer falls into depends on that customer and on
 * plan numbers only: removing or adding others moves nobody. Every run of a class has the class's full length, padded, so that
 * not even the shape of a run's sums depends on who else is in it.
 */
import { scrambled } from "../rows.ts";

/** Padded tokens that a bucket is planned for. */
const bucketTokens = 480;

/** Padded tokens from which on a bucket runs customer by customer. */
const bucketCapacity = 3 * bucketTokens;

/** The log decides which classes are full, the plan can't know: each class is planned for this part of the quota. */
const plannedShare = 1 / 4;

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

/** How many buckets a class has. */
export function bucketCount(classLength: number, customerQuota: number): number {
  return Math.max(1, Math.round((customerQuota * plannedShare * classLength) / bucketTokens));
}

/** How many customers of a class may run together. */
export function bucketCustomers(classLength: number): number {
  return Math.max(1, Math.floor(bucketCapacity / classLength));
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
