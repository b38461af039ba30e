/**
 * Length classes and buckets (DESIGN §4, `bucketed`). Which bucket a customer falls into depends on that customer and on
 * plan numbers only: removing or adding others moves nobody. Every run of a class has the class's full length, padded, so that
 * not even the shape of a customer's own sums depends on who else is in it.
 */
import { scrambled } from "../rows.ts";
import type { ModelSpec } from "../spec.ts";

/** Tokens of a run: beyond this a run gains nothing by being longer. */
const runTokens = 1440;

/** Scores (tokens × columns of the softmax) of a run: 3·2²¹ float32 are 25 MB a matrix. */
const runScores = 3 * 2 ** 21;

/**
 * Customers of a run. A float32 sum is wrong by up to one unit in the last place of the *sum*, which may be as long as customers·C:
 * at 96 customers the largest error that the hunt finds is below 2⁻¹⁰·C/100, at 240 it is 2⁻¹⁰·C/30.
 */
const runCustomers = 96;

/** Tokens that a bucket would have if everyone whom the quota allows were of its class: eight runs, since few logs are like that. */
const bucketTokens = 8 * runTokens;

/**
 * Class lengths: powers of two up to half of the model's length, and three equal steps from there: 2, 4, 8, 16, 28, 39, 50. Each
 * class costs a run, each padded position a token; short runs cost about what 60 tokens do, so finer classes would cost more than
 * they save unless a node has thousands of customers.
 */
export function lengthClasses(length: number): readonly number[] {
  const classes: number[] = [];
  for (let next = 2; next <= length / 2; next *= 2) classes.push(next);
  const last = classes.at(-1) ?? Math.min(length, 1);
  for (let step = 1; step <= 3; step++) {
    const next = last + Math.ceil(((length - last) * step) / 3);
    if (next > (classes.at(-1) ?? (length > 1 ? 1 : 0))) classes.push(next);
  }
  return classes;
}

/** The smallest class that holds `inputs` positions. */
export function classOf(classes: readonly number[], inputs: number): number {
  return classes.find((length) => inputs <= length) ?? classes.at(-1) ?? inputs;
}

/** How many buckets a class has. Which classes a log fills is not public: each is planned for the whole quota. */
export function bucketCount(classLength: number, customerQuota: number): number {
  return Math.max(1, Math.round((classLength * customerQuota) / bucketTokens));
}

/** How many customers of a class may run together. */
export function customersOfRun(spec: ModelSpec, classLength: number): number {
  const columns = spec.nextItem.negatives > 0 ? spec.nextItem.negatives + 1 : spec.items;
  const tokens = Math.min(runTokens, Math.floor(runScores / columns));
  return Math.max(1, Math.min(runCustomers, Math.floor(tokens / classLength)));
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
