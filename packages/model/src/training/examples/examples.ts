/**
 * From histories to what a training graph is fed with. An example is what one customer trains on in one round: it depends on that
 * customer's events, the spec, and randomness that is common to the round, never on who else was sampled.
 *
 * Which events it has, and what a family makes of them, is in `causal.ts`, `bidirectional.ts` and `encoder-decoder.ts`.
 */
import type { Histories } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { isRecurrent, type ModelSpec } from "../../spec.ts";
import { customerHash } from "../length-classes.ts";
import { maskedEventFeeds, maskedEvents, mostHidden } from "./bidirectional.ts";
import { nextEventFeeds, nextEvents } from "./causal.ts";
import { dropoutFeeds } from "./dropout.ts";
import { followingEventFeeds, followingEvents } from "./encoder-decoder.ts";
import { labelFeeds } from "./labels.ts";

export interface Example {
  readonly hash: number;
  readonly customer: string;
  /** Common to the round; with `hash` it keys all randomness of the example. */
  readonly seed: number;
  /** Common to the round: Unix seconds until which the logs were watched. Outlook heads need it (`labels.ts`). */
  readonly now?: number | undefined;
  /** One after the customer's last event, where that comes after those of the example: labels tell of it. Default `end`. */
  readonly historyEnd?: number;
  /** First and one after last event in the histories' arrays, targets among them. */
  readonly begin: number;
  readonly end: number;
  /** How many input positions it has: its length class, and what it costs. */
  readonly inputs: number;
}

/** Events and input positions of an example. */
export type Extent = Pick<Example, "begin" | "end" | "inputs">;

/** Rows and input positions of one run. */
export interface RunShape {
  readonly rows: number;
  readonly length: number;
}

/** Negatives of a round. `slotOf[row]`: place of a row (counted from 1) among them, K for others. */
export interface SharedNegatives {
  /** [K] rows, counted from 1. */
  readonly rows: Int32Array;
  readonly slotOf: Int32Array;
}

/** How many positions an example has. */
export function inputsOf({ inputs }: Example): number {
  return inputs;
}

/**
 * The customer's example, or undefined where there is nothing to learn from: then its vector is zero.
 * @param seed 32 bits that are common to the round (`roundSeed`)
 * @param now Unix seconds until which the logs were watched
 */
export function exampleOf(
  spec: ModelSpec,
  histories: Histories,
  customer: number,
  seed: number,
  now?: number,
): Example | undefined {
  const begin = histories.offsets[customer] ?? 0;
  const end = histories.offsets[customer + 1] ?? begin;
  const id = histories.customers[customer] ?? "";
  const drawn = { hash: customerHash(id), customer: id, seed, now };
  const extent = extentOf(spec, histories, { ...drawn, begin, end });
  return extent && { ...drawn, ...extent, historyEnd: end };
}

/** A customer's whole history, and what keys its randomness. */
export type Whole = Omit<Example, "inputs" | "historyEnd">;

function extentOf(spec: ModelSpec, histories: Histories, whole: Whole): Extent | undefined {
  if (spec.family === "bert4rec") return maskedEvents(spec, histories, whole);
  if (spec.family === "seq2seq") return followingEvents(spec, histories, whole);
  return nextEvents(spec, histories, whole);
}

/** Feeds of one run: B examples padded to `length` positions. */
export function exampleFeeds(
  spec: ModelSpec,
  histories: Histories,
  examples: readonly Example[],
  length: number,
): Record<string, FeedTensor> {
  const rows = Math.max(examples.length, fewestRows(spec, length));
  return {
    ...familyFeeds(spec, histories, examples, { rows, length }),
    ...labelFeeds(spec, histories, examples, { rows, length }),
    ...dropoutFeeds(spec, examples, { rows, length }),
  };
}

function familyFeeds(
  spec: ModelSpec,
  histories: Histories,
  examples: readonly Example[],
  run: RunShape,
): Record<string, FeedTensor> {
  if (spec.family === "bert4rec") return maskedEventFeeds(spec, histories, examples, run);
  if (spec.family === "seq2seq") return followingEventFeeds(spec, histories, examples, run);
  return nextEventFeeds(spec, histories, examples, run);
}

/**
 * A matrix of one row takes another way through BLAS, with other rounding. Where a run of one customer would have one (a single
 * token, one hidden event, a decoder of one step, a recurrent model step by step), an empty customer stands beside it.
 */
function fewestRows(spec: ModelSpec, length: number): number {
  const hidesOne = spec.family === "bert4rec" && mostHidden(spec, length) === 1;
  return length === 1 || hidesOne || spec.steps === 1 || isRecurrent(spec) ? 2 : 1;
}
