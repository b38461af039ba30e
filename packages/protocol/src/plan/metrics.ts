/**
 * Metrics as a sum query: which customers are held out, and what each of them says of the released model by their last event. All of it is
 * public and fixed before anything private is read. What a node computes is `metrics-query.ts` of `@tributary/model`; a type test in
 * `federation` holds the coordinates of the two together.
 */
import { z } from "zod";
import { decimal } from "../identifiers.ts";

export const metricsSchema = z.strictObject({
  /**
   * The share of customers whose events are judged by and never learnt from. Who is one of them follows from the federation's name and the
   * customer's id alone (`isHeldOut` of `@tributary/federation`); a customer held out at a share is held out at every larger one.
   */
  heldOut: decimal,
  /** Nats. A customer's loss is clipped to it, and counts as loss/lossBound. */
  lossBound: decimal,
});

export type PlanMetrics = z.infer<typeof metricsSchema>;

/** Coordinates of a metrics vector, in their order. Each customer has from 0 to 1 in each. */
export const metricCoordinates = [
  /** 1 for everybody who is judged: held out, with a last item event and one before it. */
  "count",
  /** 1 where the rank among the whole catalogue is at most 10. */
  "hits10",
  /** 1/log₂(1 + rank) where the rank is at most 10. */
  "gains10",
  /** 1/rank */
  "reciprocalRank",
  /** min(loss, lossBound)/lossBound */
  "loss",
  /** The same for customers whose last item was new to them. */
  "newCount",
  "newHits10",
  "newGains10",
] as const;
export type MetricCoordinate = (typeof metricCoordinates)[number];
