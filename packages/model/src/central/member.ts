/**
 * One member of a team that trains together: it has sessions of its own, adds up gradients of its shards of a batch, moves its
 * slice of the parameters, and ranks its part of the held-out items. Parameters and gradients lie in memory that all members see.
 */
import { fail } from "@tributary/errors";
import type { HeldOut, Histories } from "@tributary/events/histories";
import type { Executor, FeedTensor } from "@tributary/tensor";
import { modelScorer } from "../evaluation/item-scorer.ts";
import { rankCustomers } from "../evaluation/rank-customers.ts";
import type { Ranks } from "../evaluation/result-block.ts";
import { trainingVariants } from "../graphs/training.ts";
import { fixedTables } from "../graphs/weights.ts";
import { contentFeeds, type ItemContent } from "../item-content/item-content.ts";
import { gather, graphParameters } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { type Example, exampleOf } from "../training/examples/examples.ts";
import { type AdamW, AdamWSlice, type AdamWStep, decayedSlices, type Slice } from "./adamw.ts";
import { addGradient, type BatchTotals, type LoadedGraph, type Weighting } from "./batch-gradient.ts";
import type { DrawnNegatives } from "./sampled-negatives.ts";

/** What a member is made of; all of it can be sent to a thread. */
export interface MemberSetup {
  readonly spec: ModelSpec;
  /** What is learnt from. */
  readonly train: Histories;
  /** Named held-out items that may be asked for. */
  readonly heldOut: Readonly<Record<string, HeldOut>>;
  readonly adamw: AdamW;
  readonly weighting: Weighting;
  /** What is publicly known of items, where the model reads it. */
  readonly content?: ItemContent | undefined;
  /** Unix seconds until which the log was watched, where the model has an outlook head. */
  readonly now?: number | undefined;
  /** [dimension]; each member writes its own slice only, and only in `move`. */
  readonly parameters: Float32Array;
  /** One for each shard of a batch, [dimension], zero between steps. */
  readonly gradients: readonly Float32Array[];
  readonly slice: Slice;
}

export interface GradientOrder {
  /** Of this step: keys what is masked, cut and dropped. 32 bits */
  readonly seed: number;
  /** Which of the gradients to add to. */
  readonly shard: number;
  /** Places in `train.customers`. */
  readonly customers: Uint32Array;
  readonly negatives: DrawnNegatives | undefined;
}

export interface RankOrder {
  readonly heldOut: string;
  /** Which customers: those whose place leaves `part` when divided by `parts`. */
  readonly part: number;
  readonly parts: number;
}

/** Ranks of those of the customers that are evaluated. */
export interface PartialRanks extends Ranks {
  /** Places in the histories, ascending. */
  readonly customers: Int32Array;
}

export interface Member {
  gradient(order: GradientOrder): Promise<BatchTotals>;
  move(step: AdamWStep): Promise<void>;
  ranks(order: RankOrder): Promise<PartialRanks>;
  close(): Promise<void>;
}

export async function createMember(setup: MemberSetup, executor: Executor): Promise<Member> {
  const { spec, train, weighting, parameters, gradients } = setup;
  const fixed: Record<string, FeedTensor> = contentFeeds(spec, setup.content);
  const [variant] = trainingVariants(spec, false);
  if (variant === undefined) throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: "the model has no training graph" });
  const graph: LoadedGraph = { session: await executor.load(variant.graph), pieces: variant.pieces };
  const adamw = new AdamWSlice(setup.adamw, setup.slice, decayedSlices(spec));
  const layout = new Map(graphParameters(spec).map((parameter) => [parameter.name, parameter]));
  for (const { name, shape, data } of fixedTables(spec)) fixed[name] = { shape, data: Float32Array.from(data) };
  /** The member's own copy: executors take no memory that threads share. */
  const weights = new Float32Array(parameters.length);
  return {
    async gradient({ seed, shard, customers, negatives }) {
      const total = gradients[shard];
      if (total === undefined) throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: `there is no shard ${shard}` });
      weights.set(parameters);
      const found: Example[] = [];
      for (const customer of customers) {
        const example = exampleOf(spec, train, customer, seed, setup.now);
        if (example) found.push(example);
      }
      const common: Record<string, FeedTensor> = { ...fixed };
      for (const parameter of layout.values()) {
        common[parameter.name] = { shape: parameter.shape, data: gather(parameter, weights) };
      }
      if (negatives) {
        const count = negatives.rows.length;
        const slotOf = new Int32Array(spec.items + 1).fill(count);
        negatives.rows.forEach((row, slot) => {
          slotOf[row] = slot;
        });
        common["negatives"] = { shape: [count], data: negatives.rows };
        common["correction"] = { shape: [count], data: negatives.correction };
        common["slotOf"] = { shape: [slotOf.length], data: slotOf };
      }
      const batch = { spec, layout, histories: train, examples: found, common, weighting };
      return addGradient(total, graph, batch);
    },
    async move(step) {
      adamw.apply(parameters, gradients, step);
    },
    async ranks(order) {
      const asked = setup.heldOut[order.heldOut];
      if (asked === undefined)
        throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: `nothing is held out as ${order.heldOut}` });
      weights.set(parameters);
      return rankPart({ ...setup, parameters: weights }, executor, asked, order);
    },
    close: () => graph.session.close(),
  };
}

/** The held-out items of every `parts`-th customer, so that who else is ranked beside a customer does not depend on the team. */
async function rankPart(
  { spec, parameters, content }: Pick<MemberSetup, "spec" | "parameters" | "content">,
  executor: Executor,
  { train, targets }: HeldOut,
  { part, parts }: RankOrder,
): Promise<PartialRanks> {
  const own = targets.map((target, customer) => (customer % parts === part ? target : 0));
  const scorer = await modelScorer(spec, parameters, executor, spec.items, content);
  try {
    const options = { items: spec.items, repeats: "mask" } as const;
    const { customers, ranks, isNew } = await rankCustomers(scorer.score, { train, targets: own }, options);
    return { customers, ranks, isNew };
  } finally {
    await scorer.close();
  }
}
