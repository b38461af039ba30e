/**
 * Scores of what comes next, from whole histories, in batches: what evaluation and in-house serving ask the model.
 * Histories longer than the model reads are cut to their latest events.
 */
import type { Histories } from "@tributary/events/histories";
import type { Executor, FeedTensor, Session } from "@tributary/tensor";
import { eventFeeds, int32Feed } from "../event-feeds.ts";
import { inferenceGraph } from "../graphs/inference.ts";
import { weightFeeds } from "../graphs/weights.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import type { ModelSpec } from "../spec.ts";

export interface Scores {
  /** `[batch, rows]`: column r is item row r + 1. */
  readonly rows: Float32Array | Float64Array;
  /** [batch, actions], where the model has an action head. */
  readonly actions: Float32Array | Float64Array | undefined;
  /** `[batch]`: probability that no event comes within `churnDays` of the next cut, where the model has a churn head. */
  readonly churn: Float64Array | undefined;
  /** `[batch]`: probability of a purchase later in the session, where the model has a purchase head. */
  readonly purchase: Float64Array | undefined;
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

/** @throws TRB_MODEL_CONTENT_MISSING when the model reads public content of items and is given none */
export async function openScorer(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  content?: ItemContent,
): Promise<Scorer> {
  const weights = weightFeeds(spec, parameters, content);
  const session: Session = await executor.load(inferenceGraph(spec));
  return {
    async score(histories, stretches) {
      const outputs = await session.run({ ...weights, ...feedsOf(spec, histories, stretches) });
      return {
        rows: outputs["scores"]?.data ?? new Float32Array(0),
        actions: outputs["actionLogits"]?.data,
        churn: secondOfTwo(outputs["churnLogits"]?.data),
        purchase: secondOfTwo(outputs["purchaseLogits"]?.data),
      };
    },
    close: () => session.close(),
  };
}

/** Logits [batch, 2] → the second class's probability. */
function secondOfTwo(logits: Float32Array | Float64Array | undefined): Float64Array | undefined {
  return (
    logits &&
    Float64Array.from({ length: logits.length / 2 }, (_, row) => {
      return 1 / (1 + Math.exp((logits[2 * row] as number) - (logits[2 * row + 1] as number)));
    })
  );
}

/** What an inference graph reads: events as in training (`event-feeds.ts`), cut to the latest that the model reads. */
export function feedsOf(spec: ModelSpec, histories: Histories, stretches: readonly Stretch[]): Record<string, FeedTensor> {
  const room = spec.family === "bert4rec" ? spec.length - 1 : spec.length;
  const seen = stretches.map(({ begin, end }) => ({ begin: Math.max(begin, end - room), end }));
  const rows = seen.length;
  const longest = Math.max(1, ...seen.map(({ begin, end }) => end - begin));
  if (spec.family === "bert4rec") return withMaskedEnd(spec, histories, seen);
  const events = eventFeeds(spec, histories, seen, { rows, length: longest, next: false });
  if (spec.family !== "seq2seq") return events;
  // the first step: nothing has been predicted yet
  const [none, one] = [int32Feed(rows, 1, () => 0), int32Feed(rows, 1, () => 1)];
  return { ...events, previousItems: none, starts: one, decoderPositions: one };
}

/** After the history stands a masked event, at the last position: what it hides is what is asked for. */
function withMaskedEnd(spec: ModelSpec, histories: Histories, seen: readonly Stretch[]): Record<string, FeedTensor> {
  const counts = seen.map(({ begin, end }) => end - begin);
  const grid = { rows: seen.length, length: Math.max(...counts, 0) + 1 };
  const events = eventFeeds(spec, histories, seen, { ...grid, next: false, last: spec.length - 1 });
  const known = events["positions"]?.data ?? new Int32Array(0);
  const masked = int32Feed(grid.rows, grid.length, (row, column) => (column === counts[row] ? 1 : 0));
  const positions = int32Feed(grid.rows, grid.length, (row, column) =>
    column === counts[row] ? spec.length : (known[row * grid.length + column] ?? 0),
  );
  return { ...events, positions, masked };
}
