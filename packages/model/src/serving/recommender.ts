/**
 * What to show one customer next, quickly: the model's weights lie in the graph, nothing is fed but the customer's own events, and
 * of all scores only the best few are ever put in order.
 */
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import type { Executor, Feeds, OnnxExecutor, Session } from "@tributary/tensor";
import { feedsOf } from "../evaluation/scorer.ts";
import { exportOnnx, inferenceGraph } from "../graphs/inference.ts";
import { weightFeeds } from "../graphs/weights.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import type { ModelSpec } from "../spec.ts";
import { bestOf } from "./best.ts";

/** One customer's events, oldest first: columns of `Histories`. */
export type CustomerEvents = Omit<Histories, "customers" | "offsets">;

/** Best first; rows of equal score in their own order. */
export interface Recommendations {
  /** Rows of the item table, counted from 1. */
  readonly rows: Int32Array;
  readonly scores: Float64Array;
}

export interface Recommender {
  /**
   * The `count` best rows, fewer where fewer are left.
   * @param options.exclude rows that must not be among them, counted from 1
   * @throws TRB_MODEL_HISTORY_EMPTY
   */
  top(events: CustomerEvents, count: number, options?: { readonly exclude?: Iterable<number> }): Promise<Recommendations>;
  close(): Promise<void>;
}

/**
 * @param executor one that reads ONNX files gets the weights once, inside the graph; another is fed with them each time
 * @throws TRB_TRAINING_PARAMETERS_WRONG_LENGTH, TRB_TRAINING_PARAMETERS_NOT_FINITE, TRB_MODEL_CONTENT_MISSING
 */
export async function openRecommender(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor | OnnxExecutor,
  content?: ItemContent,
): Promise<Recommender> {
  const model = await openScores(spec, parameters, executor, content);
  const choose = bestWithout(spec.items);
  return {
    async top(events, count, { exclude = [] } = {}) {
      return choose(await model.scores(events), count, exclude);
    },
    close: () => model.close(),
  };
}

/** What heads beside the next item's say of one customer, as far as the model has them: log-odds, or one logit an action. */
export interface HeadScores {
  readonly actions: ArrayLike<number> | undefined;
  /** ln(leaves / stays) within the model's `churnDays`. */
  readonly churn: number | undefined;
  /** ln(buys / doesn't) in this session. */
  readonly purchase: number | undefined;
}

/** One customer's scores of all rows, with the weights inside the graph where the executor can have them there. */
export interface ModelScores {
  scores(events: CustomerEvents): Promise<Float32Array | Float64Array>;
  heads(events: CustomerEvents): Promise<HeadScores>;
  close(): Promise<void>;
}

export async function openScores(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor | OnnxExecutor,
  content?: ItemContent,
): Promise<ModelScores> {
  const inside = "loadOnnx" in executor;
  const weights: Feeds = inside ? {} : weightFeeds(spec, parameters, content);
  const session: Session = inside
    ? await executor.loadOnnx(exportOnnx(spec, parameters, {}, content), "the recommender's model")
    : await executor.load(inferenceGraph(spec));
  const run = (events: CustomerEvents) => {
    const end = events.items.length;
    if (end === 0) throw fail("TRB_MODEL_HISTORY_EMPTY");
    const histories: Histories = { customers: [""], offsets: Uint32Array.of(0, end), ...events };
    return session.run({ ...weights, ...feedsOf(spec, histories, [{ begin: 0, end }]) });
  };
  const logOdds = (logits: ArrayLike<number> | undefined) => logits && (logits[1] as number) - (logits[0] as number);
  return {
    async scores(events) {
      return (await run(events))["scores"]?.data ?? new Float32Array(0);
    },
    async heads(events) {
      const outputs = await run(events);
      return {
        actions: outputs["actionLogits"]?.data,
        churn: logOdds(outputs["churnLogits"]?.data),
        purchase: logOdds(outputs["purchaseLogits"]?.data),
      };
    },
    close: () => session.close(),
  };
}

/** Chooses the best rows that are not excluded; its list of what is out is made once. */
export function bestWithout(rows: number) {
  const excluded = new Uint8Array(rows);
  return (scores: Float32Array | Float64Array, count: number, exclude: Iterable<number>): Recommendations => {
    const marked = [...exclude].filter((row) => row > 0 && row <= rows);
    for (const row of marked) excluded[row - 1] = 1;
    const best = bestOf(scores, count, excluded);
    for (const row of marked) excluded[row - 1] = 0;
    const chosen = Float64Array.from(best, (place) => scores[place] as number);
    return { rows: best.map((place) => place + 1), scores: chosen };
  };
}
