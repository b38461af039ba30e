/**
 * Releases that make no model and whose sums stand in the ledger: metrics, moments of features, and extensions' queries. What a node's half takes from the plan and
 * from the round's model, and who is held out. Pure, like `statistics.ts`; sessions of the model are the shell's executor's.
 */
import { fromModular, type SparseVector } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { featureMomentsVector } from "@tributary/events/histories";
import {
  contentScorer,
  extensionQuery,
  finishStatistics,
  type ItemContent,
  type ItemScorer,
  type ItemSimilarity,
  metricsQuery,
  modelScorer,
  releasedScorer,
  type SumQuery,
} from "@tributary/model";
import { type Crypto, decimalToRational, type Plan, parseDecimal, releaseOf } from "@tributary/protocol";
import type { FederationModel } from "./agreed-model.ts";
import { recipeOf } from "./statistics.ts";

/**
 * Whether a customer is judged by and never learnt from; undefined where a plan holds nobody out.
 *
 *   first 48 bits of SHA-256("tributary held out", federation, id) < heldOut·2⁴⁸
 *
 * A function of the id, the federation's name and the plan's share alone: everybody can say it of an id, it depends on no other customer, and
 * another plan of the same federation holds the same customers out, so that nobody who was learnt from is judged by later.
 */
export function heldOutRule(
  crypto: Pick<Crypto, "sha256">,
  { federation, metrics }: Pick<Plan, "federation" | "metrics">,
): ((customer: string) => boolean) | undefined {
  if (metrics === undefined) return undefined;
  const { numerator, denominator } = decimalToRational(metrics.heldOut);
  const bound = Number((numerator * 2n ** 48n + denominator - 1n) / denominator);
  const encoder = new TextEncoder();
  return (customer) => {
    const hash = crypto.sha256(encoder.encode(`tributary held out\n${federation}\n${customer}`));
    const view = new DataView(hash.buffer, hash.byteOffset);
    return view.getUint16(0) * 2 ** 32 + view.getUint32(2) < bound;
  };
}

/** What a query is made with beside the plan and the round's model. */
export interface QuerySurroundings {
  readonly executor: Parameters<typeof modelScorer>[2];
  /** How many items the plan's catalogue has. */
  readonly items: number;
  /** Of that catalogue; asked for by statistics only. */
  readonly similarity: () => ItemSimilarity;
  readonly content: ItemContent | undefined;
  /** Of that catalogue, as `categoryNumbers` of `@tributary/events`; asked for by features only. */
  readonly categories: () => Int32Array;
}

export interface OpenQuery {
  readonly query: SumQuery;
  close(): Promise<void>;
}

/**
 * A node's half of a round whose sum stands in the ledger. Metrics are of what was released: statistics where the plan has any (before
 * popularity is known, public content), else the model.
 * @throws TRB_PLAN_RELEASE_UNKNOWN, TRB_PLAN_METRICS_UNFIT, TRB_EXTENSION_MISSING, TRB_EXTENSION_UNFIT, TRB_MODEL_…
 */
export async function openQuery(
  plan: Plan,
  release: number,
  model: FederationModel,
  surroundings: QuerySurroundings,
): Promise<OpenQuery> {
  const { kind, query, dimension } = releaseOf(plan, release);
  if (kind === "query" && query !== undefined) {
    const { items, content } = surroundings;
    requireShape(plan, release, items);
    return { query: extensionQuery(query).query({ items, dimension, content }), close: async () => {} };
  }
  if (kind === "features" && plan.features !== undefined) {
    return { query: featuresQuery(surroundings.categories(), plan.features.now), close: async () => {} };
  }
  if (kind !== "metrics" || plan.metrics === undefined) {
    throw fail("TRB_PLAN_METRICS_UNFIT", { reason: `a release of kind ${kind} is not read` });
  }
  const { score, scores, items, close } = await releasedModelScorer(plan, model, surroundings);
  return { query: metricsQuery({ score, scores, items, lossBound: parseDecimal(plan.metrics.lossBound) }), close };
}

/** One customer's features at a moment, as its part of their moments. @param categories [items + 1] */
export function featuresQuery(categories: Int32Array, now: number): SumQuery<SparseVector> {
  return {
    answer(events) {
      const end = events.times.findLastIndex((time) => time <= now) + 1;
      const values = featureMomentsVector({ ...events, begin: 0, end, now, categories });
      const coordinates = Uint32Array.from(values.keys()).filter((place) => values[place] !== 0);
      return { coordinates, values: Float64Array.from(coordinates, (place) => values[place] as number) };
    },
  };
}

async function releasedModelScorer(
  plan: Plan,
  { parameters, statistics }: FederationModel,
  { executor, items, similarity, content }: QuerySurroundings,
): Promise<{ score: ItemScorer; scores: "logits" | "shares"; items: number; close(): Promise<void> }> {
  if (plan.statistics === undefined) {
    return { ...(await modelScorer(plan.model, parameters, executor, items, content)), scores: "logits", items };
  }
  const [recipe, alike] = [recipeOf(plan), similarity()];
  const score =
    statistics?.popularity === undefined
      ? contentScorer(alike, recipe)
      : releasedScorer(finishStatistics(recipe, alike, statistics), alike, recipe);
  return { score, scores: "shares", items: alike.items, close: async () => {} };
}

/** The plan's release is of the vector that the extension makes. @throws TRB_EXTENSION_MISSING, TRB_EXTENSION_UNFIT */
export function requireShape(plan: Plan, release: number, items: number): void {
  const { query, dimension, touched } = releaseOf(plan, release);
  if (query === undefined) return;
  const shape = extensionQuery(query).shape({ items });
  if (shape.dimension === dimension && shape.touched <= touched) return;
  const reason = `its vector has ${shape.dimension} coordinates of which a customer moves ${shape.touched}; the plan says ${dimension} and ${touched}`;
  throw fail("TRB_EXTENSION_UNFIT", { name: query, reason });
}

/** The sum as the ledger has it: signed integer units. */
export function writtenSum(sum: Uint32Array): readonly number[] {
  return Array.from(fromModular(sum));
}
