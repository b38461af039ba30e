/**
 * What a sum query is on a node: one customer's events in, one vector out. Popularity, pairs, metrics and extensions' queries are all this
 * interface; a training gradient is the same thing done for a bucket of customers at a time (`training/`).
 *
 * Whatever a query answers, its customer moves the sum by at most Δ: the vector is clipped to C in integers on the grid, and one that is not
 * finite, touches more coordinates than the plan says, or names coordinates out of order counts as zero (`addSparseCustomer`). What arithmetic
 * can't hold a query to is that it looks at one customer at a time and keeps nothing between two: that is in its code, to be read.
 */
import {
  addSparseCustomer,
  checkCustomers,
  noisyVector,
  poissonSample,
  type RandomSource,
  type SamplerOf,
  type SparseVector,
  type SumQueryParameters,
} from "@tributary/dp";
import type { Histories } from "@tributary/events/histories";
import type { SumCounts } from "../training/trainer.ts";

/** One customer's latest events, oldest first: what a query sees, and all that it sees. */
export interface QueriedEvents {
  /** [events] place in the catalogue, counted from 1; 0 for an event without an item. */
  readonly items: Int32Array;
  /** [events] place in `actions` of `@tributary/events`. */
  readonly actions: Uint8Array;
  /** [events] Unix seconds. */
  readonly times: Float64Array;
  /** [events] where the log has them: seconds spent, and price; NaN where it doesn't say. */
  readonly dwells?: Float32Array;
  readonly prices?: Float32Array;
  /** [events] where the log has them: what an event without an item is about, a number of `topicsOf` the catalogue; 0 for none. */
  readonly topics?: Int32Array;
}

export interface SumQuery<Answer extends SparseVector | Promise<SparseVector> = SparseVector | Promise<SparseVector>> {
  /** A function of these events and of what is public, and of nothing else: no other customer, no clock, no randomness, no memory. */
  readonly answer: (events: QueriedEvents) => Answer;
}

export interface QueryVectorRequest
  extends Pick<
    SumQueryParameters,
    "dimension" | "touched" | "samplingRate" | "clampBound" | "grid" | "nodeVariance" | "mostCustomers"
  > {
  readonly query: SumQuery;
  readonly histories: Histories;
  /** Latest events of a customer that are looked at. */
  readonly maxEvents: number;
  /** Secret, fresh streams: one for each purpose. */
  readonly random: { readonly sampling: RandomSource; readonly rounding: RandomSource; readonly noise: RandomSource };
  /** Makes the sampler of the noise share; ours unless given. */
  readonly samplerOf?: SamplerOf | undefined;
  /** True when time is up: then the vector is noise alone. */
  readonly deadline?: () => boolean;
}

export interface QueryVector {
  /** [dimension], two's complement modulo 2³²: not yet masked. */
  readonly vector: Uint32Array;
  /** For the node itself only. */
  readonly counts: SumCounts;
  /** What a customer's answer failed with, who counts as zero then; for the node itself only. */
  readonly failure: unknown;
}

/**
 * A node's answer to a round of a sum query in `exact` arithmetic, from its customers to the noisy integers that it masks and uploads.
 * @throws TRB_DP_TOO_MANY_CUSTOMERS; never because of what customers did
 */
export async function queryVector(request: QueryVectorRequest): Promise<QueryVector> {
  const { total, counts, failure } = await querySum(request);
  return { vector: noisyVector(total, request, request.random, request.samplerOf), counts, failure };
}

/**
 * The sum before anything is added to it.
 * @returns total: [dimension] grid units, integers held in float64
 * @throws TRB_DP_TOO_MANY_CUSTOMERS
 */
export async function querySum(
  request: Omit<QueryVectorRequest, "random" | "clampBound" | "nodeVariance" | "samplerOf"> & {
    readonly random: Pick<QueryVectorRequest["random"], "sampling">;
  },
): Promise<{ readonly total: Float64Array; readonly counts: SumCounts; readonly failure: unknown }> {
  const { query, histories, maxEvents, dimension, touched, grid, samplingRate, random, deadline } = request;
  checkCustomers(histories.customers.length, request);
  const sampled = poissonSample(histories.customers.length, samplingRate, random.sampling);
  const total = new Float64Array(dimension);
  let counted = 0;
  let failure: unknown;
  try {
    for (const customer of sampled) {
      if (deadline?.()) {
        total.fill(0); // nobody: a part of the customers would tell which part (docs/decisions/0010)
        return { total, counts: { customers: 0, zeroed: 0, skipped: sampled.length }, failure };
      }
      try {
        const { coordinates, values } = await query.answer(eventsOf(histories, customer, maxEvents));
        // whatever an extension calls an array becomes one here
        const vector = { coordinates: Uint32Array.from(coordinates), values: Float64Array.from(values) };
        if (addSparseCustomer(total, vector, grid, touched)) counted++;
      } catch (error) {
        failure ??= error; // this customer counts as zero, whoever else is there
      }
    }
    return { total, counts: { customers: counted, zeroed: sampled.length - counted, skipped: 0 }, failure };
  } finally {
    sampled.fill(0);
  }
}

/** A customer's latest events, in arrays of their own. */
export function eventsOf(histories: Histories, customer: number, maxEvents: number): QueriedEvents {
  const { offsets, items, actions, times, dwells, prices, topics } = histories;
  const end = offsets[customer + 1] as number;
  const begin = Math.max(offsets[customer] as number, end - maxEvents);
  return {
    items: items.slice(begin, end),
    actions: actions.slice(begin, end),
    times: times.slice(begin, end),
    ...(dwells === undefined ? {} : { dwells: dwells.slice(begin, end) }),
    ...(prices === undefined ? {} : { prices: prices.slice(begin, end) }),
    ...(topics === undefined ? {} : { topics: topics.slice(begin, end) }),
  };
}
