/**
 * Scores of what comes next, from whole histories, in batches: what evaluation and in-house serving ask the model.
 * Histories longer than the model reads are cut to their latest events.
 */
import { type Histories, timeGapBucket } from "@tributary/events/histories";
import type { Executor, FeedTensor, Session } from "@tributary/tensor";
import { inferenceGraph, weightsOf } from "../graphs/inference.ts";
import { graphParameters } from "../parameters.ts";
import { itemRow } from "../rows.ts";
import type { ModelSpec } from "../spec.ts";

export interface Scores {
  /** [batch, rows]: column r is item row r + 1. */
  readonly rows: Float32Array | Float64Array;
  /** [batch, actions], where the model has an action head. */
  readonly actions: Float32Array | Float64Array | undefined;
}

/** A stretch of one customer's events: places `begin` up to, not including, `end` in the flat arrays. */
export interface Stretch {
  readonly begin: number;
  readonly end: number;
}

export interface Scorer {
  /** @param stretches each with at least one item event */
  score(histories: Histories, stretches: readonly Stretch[]): Promise<Scores>;
  close(): Promise<void>;
}

export async function openScorer(spec: ModelSpec, parameters: Float32Array, executor: Executor): Promise<Scorer> {
  const session: Session = await executor.load(inferenceGraph(spec));
  const weights: Record<string, FeedTensor> = {};
  const shapes = new Map(graphParameters(spec).map(({ name, shape }) => [name, shape]));
  for (const [name, data] of weightsOf(spec, parameters)) {
    weights[name] = { data, shape: shapes.get(name) ?? [spec.length, spec.width] };
  }
  return {
    async score(histories, stretches) {
      const outputs = await session.run({ ...weights, ...feedsOf(spec, histories, stretches) });
      return { rows: outputs["scores"]?.data ?? new Float32Array(0), actions: outputs["actionLogits"]?.data };
    },
    close: () => session.close(),
  };
}

/**
 * Ids count from 1 and 0 is padding, on the right; a customer's last event stands at position `spec.length`. The same
 * reading of events as in training: the first one that the model sees has no gap, an action beyond the plan's is none.
 */
export function feedsOf(spec: ModelSpec, histories: Histories, stretches: readonly Stretch[]): Record<string, FeedTensor> {
  const seen = stretches.map(({ begin, end }) => ({ begin: Math.max(begin, end - spec.length), end }));
  const length = Math.max(1, ...seen.map(({ begin, end }) => end - begin));
  const shape = [seen.length, length];
  const ids = () => new Int32Array(seen.length * length);
  const [items, actions, gaps, positions] = [ids(), ids(), ids(), ids()];
  seen.forEach(({ begin, end }, row) => {
    for (let event = begin; event < end; event++) {
      const cell = row * length + event - begin;
      const action = (histories.actions[event] as number) + 1;
      items[cell] = itemRow(histories.items[event] as number, spec);
      actions[cell] = action <= spec.actions ? action : 0;
      gaps[cell] = 1 + (event === begin ? 0 : gapBucket(spec, histories, event));
      positions[cell] = spec.length - (end - 1 - event);
    }
  });
  return {
    items: { shape, data: items },
    positions: { shape, data: positions },
    ...(spec.actions > 0 ? { actions: { shape, data: actions } } : {}),
    ...(spec.timeGaps > 0 ? { gaps: { shape, data: gaps } } : {}),
  };
}

function gapBucket(spec: ModelSpec, { times }: Histories, event: number): number {
  return Math.min(timeGapBucket((times[event] as number) - (times[event - 1] as number)), spec.timeGaps - 1);
}
