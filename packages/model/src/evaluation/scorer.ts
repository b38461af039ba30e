/**
 * Scores of what comes next, from whole histories, in batches: what evaluation and in-house serving ask the model.
 * Histories longer than the model reads are cut to their latest events.
 */
import type { Histories } from "@tributary/events/histories";
import type { Executor, FeedTensor, Session } from "@tributary/tensor";
import { actionId, gapId, itemId, positionId } from "../event-ids.ts";
import { inferenceGraph } from "../graphs/inference.ts";
import { weightFeeds } from "../graphs/weights.ts";
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
  const weights = weightFeeds(spec, parameters);
  return {
    async score(histories, stretches) {
      const outputs = await session.run({ ...weights, ...feedsOf(spec, histories, stretches) });
      return { rows: outputs["scores"]?.data ?? new Float32Array(0), actions: outputs["actionLogits"]?.data };
    },
    close: () => session.close(),
  };
}

/**
 * Events are read as in training (`event-ids.ts`); 0 is padding, on the right.
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
      items[cell] = itemId(spec, histories, event);
      actions[cell] = actionId(spec, histories, event);
      gaps[cell] = gapId(spec, histories, begin, event);
      positions[cell] = positionId(spec, end, event);
    }
  });
  return {
    items: { shape, data: items },
    positions: { shape, data: positions },
    ...(spec.actions > 0 ? { actions: { shape, data: actions } } : {}),
    ...(spec.timeGaps > 0 ? { gaps: { shape, data: gaps } } : {}),
  };
}
