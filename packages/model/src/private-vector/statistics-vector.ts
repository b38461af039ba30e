/**
 * A node's answer to a statistics round, from its customers to the noisy integers that it masks and uploads; `private-vector.ts` is the
 * same for training.
 *
 *   every customer's sparse vector ─▶ exact sum on the grid s·2^f ─▶ clamp to quota, dither, + noise share, mod 2³²  (`noisyVector`)
 *
 * DESIGN §4, `exact` arithmetic, q = 1. A customer's vector has an L2 norm of at most 1 and is clipped to it once more in integers, so
 * whatever the query asks, one customer moves the sum by no more than Δ. Sum and counts stay in here.
 */
import {
  addSparseCustomer,
  checkCustomers,
  noisyVector,
  type RandomSource,
  type SamplerOf,
  type SparseVector,
  type SumQueryParameters,
} from "@tributary/dp";
import { fail } from "@tributary/errors";
import { type Histories, withOwnItems } from "@tributary/events/histories";
import { type PairQuery, pairVector } from "../statistics/pair-query.ts";
import { popularityVector } from "../statistics/popularity-query.ts";
import type { ReleasedStatistics } from "../statistics/rounds.ts";
import type { SumCounts } from "../training/trainer.ts";
import { fittingQuery } from "./query-size.ts";
import type { SumQuery } from "./sum-query.ts";

/** How much of a customer counts, and what makes a pair: the plan's numbers. */
export interface StatisticsCaps {
  /** Latest events that are looked at. */
  readonly maxEvents: number;
  readonly maxItems: number;
  readonly maxPairs: number;
  /** How far apart two events may be to make a pair. */
  readonly window: number;
}

export interface StatisticsVectorRequest
  extends Pick<SumQueryParameters, "dimension" | "touched" | "clampBound" | "grid" | "nodeVariance" | "mostCustomers"> {
  readonly kind: "popularity" | "pairs";
  /** What the round's model file holds behind its weights (`decodeStatistics`). */
  readonly statistics: ReleasedStatistics | undefined;
  readonly histories: Histories;
  readonly caps: StatisticsCaps;
  /** Secret, fresh streams. */
  readonly random: { readonly rounding: RandomSource; readonly noise: RandomSource };
  /** Makes the sampler of the noise share; ours unless given. */
  readonly samplerOf?: SamplerOf | undefined;
  /** True when time is up: then the vector is noise alone. */
  readonly deadline?: () => boolean;
}

export interface StatisticsVector {
  /** [dimension], two's complement modulo 2³²: not yet masked. */
  readonly vector: Uint32Array;
  /** For the node itself only. */
  readonly counts: SumCounts;
}

/** Customers between two looks at the clock. */
const stride = 256;

/**
 * Everything that depends on what the node was sent is checked before a customer is looked at.
 * @throws TRB_MODEL_QUERY_MISSING, TRB_MODEL_NOT_FINITE, TRB_DP_TOO_MANY_CUSTOMERS; never because of what customers did
 */
export function statisticsVector(request: StatisticsVectorRequest): StatisticsVector {
  const { histories, random } = request;
  checkCustomers(histories.customers.length, request);
  const { total, counts } = statisticsSum(request);
  return { vector: noisyVector(total, request, random, request.samplerOf), counts };
}

/**
 * The sum before anything is added to it.
 * @returns total: [dimension] grid units, integers held in float64
 * @throws TRB_MODEL_QUERY_MISSING, TRB_MODEL_NOT_FINITE
 */
export function statisticsSum(
  request: Omit<StatisticsVectorRequest, "random" | "clampBound" | "nodeVariance" | "mostCustomers">,
): {
  readonly total: Float64Array;
  readonly counts: SumCounts;
} {
  const { histories, caps, dimension, touched, grid, deadline } = request;
  const query = answerTo(request);
  const total = new Float64Array(dimension);
  const customers = histories.customers.length;
  let counted = 0;
  for (let customer = 0; customer < customers; customer++) {
    if (customer % stride === 0 && deadline?.()) {
      total.fill(0); // nobody: a part of the customers would tell which part (docs/decisions/0010)
      return { total, counts: { customers: 0, zeroed: 0, skipped: customers } };
    }
    const end = histories.offsets[customer + 1] as number;
    const begin = Math.max(histories.offsets[customer] as number, end - caps.maxEvents);
    const events = withOwnItems({
      items: histories.items.subarray(begin, end),
      actions: histories.actions.subarray(begin, end),
      times: histories.times.subarray(begin, end),
    });
    if (addSparseCustomer(total, query.answer(events), grid, touched)) counted++;
  }
  return { total, counts: { customers: counted, zeroed: customers - counted, skipped: 0 } };
}

/** How a customer answers. @throws TRB_MODEL_QUERY_MISSING, TRB_MODEL_NOT_FINITE */
function answerTo({
  kind,
  statistics,
  caps,
  dimension,
}: Pick<StatisticsVectorRequest, "kind" | "statistics" | "caps" | "dimension">): SumQuery<SparseVector> {
  if (statistics === undefined) throw fail("TRB_MODEL_QUERY_MISSING", { kind });
  if (kind === "popularity") return { answer: ({ items }) => popularityVector(items, caps) };
  const { query } = statistics;
  if (query === undefined) throw fail("TRB_MODEL_QUERY_MISSING", { kind });
  requireWeights(query);
  const asked = fittingQuery(query, dimension);
  return { answer: ({ items }) => pairVector(items, asked, caps) };
}

/** @throws TRB_MODEL_NOT_FINITE for a weight that is not finite, or below 0 */
function requireWeights({ weights }: PairQuery): void {
  const place = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (place >= 0) throw fail("TRB_MODEL_NOT_FINITE", { tensor: "statistics.query.weights", place });
}
