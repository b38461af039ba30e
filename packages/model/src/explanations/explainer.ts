/**
 * Which of a customer's past events moved a prediction, in numbers of three kinds:
 *
 * - *gradient × input*: by how much the margin would change, to first order, if a little of the event's vector were taken away;
 * - *contribution*: the same averaged over the way from no events to all of them (integrated gradients; Sundararajan et al. 2017,
 *   "Axiomatic Attribution for Deep Networks", §3), ∫₀¹ slope_e(α) dα with all events read to the extent α. Contributions add up to the
 *   margin with events less the margin without;
 * - *attention rollout*: how much of each event reaches the state that predicts, whatever it does there. Recurrent models have none.
 *
 * Plain gradient × input is what a trained Transformer makes of it: each block norms what it reads, so that a little less of an event
 * changes nothing, however much the event matters. The average over the way sees the event come. The deletion test (`deletion.ts`)
 * measures how far each can be believed.
 *
 * An explanation is made of one customer's events and is for that merchant's own eyes: it never leaves the node.
 */
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import type { Executor, FeedTensor, Outputs, OutputTensor } from "@tributary/tensor";
import { feedsOf, type Stretch } from "../evaluation/scorer.ts";
import { weightFeeds } from "../graphs/weights.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import { itemRow } from "../rows.ts";
import { isRecurrent, type ModelSpec } from "../spec.ts";
import { attentionPrefix, explanationGraph } from "./explanation-graph.ts";
import { integratePath, type PathPoint } from "./path-integral.ts";
import { type AttentionWeights, crossRollout, meanOverHeads, selfRollout, shares } from "./rollout.ts";

export interface EventAttribution {
  /** The event's place in the histories' arrays. */
  readonly event: number;
  /** Gradient × input; in units of the score. */
  readonly gradient: number;
  /** What the event adds to the margin, or takes from it where it is negative; in units of the score. */
  readonly contribution: number;
  /** The contribution over the sum of all contributions' sizes: −1 … 1. */
  readonly share: number;
  /** Attention rollout: 0 … 1, all events sum to 1; undefined in recurrent models. */
  readonly rollout: number | undefined;
}

export interface Explanation {
  /** The item whose score is explained, counted from 1. */
  readonly item: number;
  readonly score: number;
  /** The score less the mean score of all items: what is explained, since only differences between items rank them. */
  readonly margin: number;
  /** What the contributions leave of the margin's change along the way: the quadrature's error. */
  readonly residual: number;
  /** 1 + how many rows of the item table score higher. */
  readonly rank: number;
  /** The events that the model read, in order: those before them are beyond its reach. */
  readonly events: readonly EventAttribution[];
}

export interface Explainer {
  /**
   * @param stretch with at least one event
   * @param item counted from 1; default: the item that scores highest
   * @throws TRB_MODEL_EXPLANATION_INVALID
   */
  explain(histories: Histories, stretch: Stretch, item?: number): Promise<Explanation>;
  /** The item's margin after each of these stretches. [stretches] */
  margins(histories: Histories, stretches: readonly Stretch[], item: number): Promise<Float64Array>;
  close(): Promise<void>;
}

/** @throws TRB_TRAINING_PARAMETERS_WRONG_LENGTH, TRB_TRAINING_PARAMETERS_NOT_FINITE, TRB_MODEL_CONTENT_MISSING */
export async function openExplainer(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  content?: ItemContent,
): Promise<Explainer> {
  const weights = weightFeeds(spec, parameters, content);
  const { graph, attentions } = explanationGraph(spec);
  const session = await executor.load(graph);
  const run = (
    histories: Histories,
    stretches: readonly Stretch[],
    row: number | undefined,
    extentOf: (place: number) => number = () => 1,
  ): Promise<Outputs> => {
    if (stretches.some(({ begin, end }) => end <= begin)) {
      throw fail("TRB_MODEL_EXPLANATION_INVALID", { reason: "a customer without events has nothing to be explained by" });
    }
    const asked: FeedTensor = { shape: [stretches.length, spec.items], data: marginWeights(spec, stretches.length, row) };
    const events = feedsOf(spec, histories, stretches);
    const size = events["positions"]?.data.length ?? 0;
    const length = size / stretches.length;
    const extents = Float32Array.from({ length: size }, (_, cell) => extentOf(Math.floor(cell / length)));
    return session.run({ ...weights, ...events, asked, extents: { shape: [size, 1], data: extents } });
  };
  return {
    async explain(histories, stretch, item) {
      if (item !== undefined) requireItem(item);
      const row = item === undefined ? undefined : itemRow(item, spec);
      const scores = Float64Array.from((await run(histories, [stretch], row))["scores"]?.data ?? []);
      const chosen = row ?? 1 + scores.reduce((best, score, column) => (score > (scores[best] ?? score) ? column : best), 0);
      const begin = Math.max(stretch.begin, stretch.end - eventsRead(spec));
      const count = stretch.end - begin;
      const whole = await run(histories, [stretch], chosen);
      const pointsAt = async (extents: readonly number[]): Promise<readonly PathPoint[]> => {
        const rows = extents.map(() => stretch);
        const outputs = await run(histories, rows, chosen, (row) => extents[row] ?? 1);
        return extents.map((extent, row) => pointOf(outputs, { extent, row, rows: rows.length, count }));
      };
      const { contributions, residual } = await integratePath(pointsAt);
      const { slopes, score: margin } = pointOf(whole, { extent: 1, row: 0, rows: 1, count });
      const size = contributions.reduce((sum, value) => sum + Math.abs(value), 0);
      const rollout = rolloutOf(spec, attentions, whole, count);
      const score = scores[chosen - 1] ?? Number.NaN;
      return {
        item: item ?? chosen,
        score,
        margin,
        residual,
        rank: 1 + scores.reduce((higher, other) => higher + (other > score ? 1 : 0), 0),
        events: Array.from(contributions, (contribution, place) => ({
          event: begin + place,
          gradient: slopes[place] ?? Number.NaN,
          contribution,
          share: size > 0 ? contribution / size : 0,
          rollout: rollout?.[place],
        })),
      };
    },
    async margins(histories, stretches, item) {
      requireItem(item);
      const outputs = await run(histories, stretches, itemRow(item, spec));
      return Float64Array.from(outputs["score"]?.data ?? []);
    },
    close: () => session.close(),
  };
}

/** How many of the latest events a model reads; `bert4rec` needs the last position for its question. */
function eventsRead({ family, length }: ModelSpec): number {
  return family === "bert4rec" ? length - 1 : length;
}

function requireItem(item: number): void {
  if (Number.isInteger(item) && item >= 1) return;
  throw fail("TRB_MODEL_EXPLANATION_INVALID", { reason: `items count from 1, and ${item} is none` });
}

/** 1 for the item, less the mean over all: the margin's weights. */
function marginWeights({ items }: ModelSpec, rows: number, row: number | undefined): Float32Array {
  const asked = new Float32Array(rows * items).fill(row === undefined ? 0 : -1 / items);
  if (row !== undefined) for (let place = 0; place < rows; place++) asked[place * items + row - 1] = 1 - 1 / items;
  return asked;
}

/** One row of a run. */
function pointOf(
  outputs: Outputs,
  {
    extent,
    row,
    rows,
    count,
  }: { readonly extent: number; readonly row: number; readonly rows: number; readonly count: number },
): PathPoint {
  const slopes = outputs["slopes"]?.data ?? new Float64Array(0);
  const begin = (row * slopes.length) / rows;
  return {
    extent,
    score: outputs["score"]?.data[row] ?? Number.NaN,
    slopes: Float64Array.from(slopes.subarray(begin, begin + count)),
  };
}

/** [count], sums to 1; undefined in recurrent models. */
function rolloutOf(spec: ModelSpec, attentions: readonly string[], outputs: Outputs, count: number): Float64Array | undefined {
  if (isRecurrent(spec)) return undefined;
  const weightsOf = (kind: RegExp) =>
    attentions
      .filter((name) => kind.test(name.slice(attentionPrefix.length)))
      .map((name) => attentionWeights(outputs[name] ?? { shape: [0, 0], data: new Float64Array(0) }));
  if (spec.family === "seq2seq") return crossRollout(weightsOf(/^encoder\d+\.self$/), weightsOf(/\.cross$/));
  // `bert4rec` asks by a hidden event after the history; what stays with the question is no event's
  const question = spec.family === "bert4rec" ? count : count - 1;
  return shares(selfRollout(weightsOf(/\.self$/), question).slice(0, count));
}

/** Of a run of one row. */
function attentionWeights({ shape, data }: OutputTensor): AttentionWeights {
  return meanOverHeads(data, shape.at(-2) ?? 0, shape.at(-1) ?? 0);
}
