/**
 * One member of a team that trains together: it has sessions of its own, adds up gradients of its shards of a batch, moves its
 * slice of the parameters, and ranks its part of the held-out items. Parameters and gradients lie in memory that all members see.
 */
import { fail } from "@tributary/errors";
import type { HeldOut, Histories } from "@tributary/events/histories";
import type { Executor, FeedTensor } from "@tributary/tensor";
import { evaluatedCustomers, rankHeldOut } from "../evaluation/result-block.ts";
import { openScorer, type Stretch } from "../evaluation/scorer.ts";
import { trainingVariants } from "../graphs/training.ts";
import { sinusoids } from "../graphs/weights.ts";
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
  /** [dimension]; each member writes its own slice only, and only in `move`. */
  readonly parameters: Float32Array;
  /** One for each shard of a batch, [dimension], zero between steps. */
  readonly gradients: readonly Float32Array[];
  readonly slice: Slice;
}

export interface GradientOrder {
  /** Which of the gradients to add to. */
  readonly shard: number;
  /** Places in `train.customers`. */
  readonly customers: Uint32Array;
  readonly negatives: DrawnNegatives | undefined;
}

export interface RankOrder {
  readonly heldOut: string;
  /** The part of all runs that is asked for: those whose number leaves `part` when divided by `parts`. */
  readonly part: number;
  readonly parts: number;
}

/** Ranks of some of the evaluated customers, by their place among all that are evaluated. */
export interface PartialRanks {
  readonly places: Uint32Array;
  readonly ranks: Float64Array;
  readonly isNew: Uint8Array;
}

export interface Member {
  gradient(order: GradientOrder): Promise<BatchTotals>;
  move(step: AdamWStep): Promise<void>;
  ranks(order: RankOrder): Promise<PartialRanks>;
  close(): Promise<void>;
}

/** Customers that are scored together. */
const rankBatch = 64;

export async function createMember(setup: MemberSetup, executor: Executor): Promise<Member> {
  const { spec, train, weighting, parameters, gradients } = setup;
  const [variant] = trainingVariants(spec, false);
  if (variant === undefined) throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: "the model has no training graph" });
  const graph: LoadedGraph = { session: await executor.load(variant.graph), pieces: variant.pieces };
  const adamw = new AdamWSlice(setup.adamw, setup.slice, decayedSlices(spec));
  const layout = new Map(graphParameters(spec).map((parameter) => [parameter.name, parameter]));
  /** The member's own copy: executors take no memory that threads share. */
  const weights = new Float32Array(parameters.length);
  return {
    async gradient({ shard, customers, negatives }) {
      const total = gradients[shard];
      if (total === undefined) throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: `there is no shard ${shard}` });
      weights.set(parameters);
      const found: Example[] = [];
      for (const customer of customers) {
        const example = exampleOf(spec, train, customer, 0);
        if (example) found.push(example);
      }
      const common: Record<string, FeedTensor> = {};
      for (const parameter of layout.values()) {
        common[parameter.name] = { shape: parameter.shape, data: gather(parameter, weights) };
      }
      if (spec.positions === "sinusoidal") {
        const table = Float32Array.from(sinusoids(spec.length, spec.width));
        common["position.weight"] = { shape: [spec.length, spec.width], data: table };
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
    async ranks({ heldOut, part, parts }) {
      const asked = setup.heldOut[heldOut];
      if (asked === undefined) throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: `nothing is held out as ${heldOut}` });
      weights.set(parameters);
      return rankPart(spec, weights, executor, asked, part, parts);
    },
    close: () => graph.session.close(),
  };
}

async function rankPart(
  spec: ModelSpec,
  weights: Float32Array,
  executor: Executor,
  heldOut: HeldOut,
  part: number,
  parts: number,
): Promise<PartialRanks> {
  const { offsets } = heldOut.train;
  const customers = evaluatedCustomers(heldOut);
  const stretches = customers.map((customer): Stretch => {
    return { begin: offsets[customer] as number, end: offsets[customer + 1] as number };
  });
  const length = (place: number) => (stretches[place]?.end ?? 0) - (stretches[place]?.begin ?? 0);
  const order = [...stretches.keys()].sort((a, b) => length(a) - length(b) || a - b);
  const places: number[] = [];
  const ranks: number[] = [];
  const isNew: number[] = [];
  const scorer = await openScorer(spec, weights, executor);
  try {
    for (let first = part * rankBatch; first < order.length; first += parts * rankBatch) {
      const chosen = order.slice(first, first + rankBatch);
      const { rows } = await scorer.score(
        heldOut.train,
        chosen.map((place) => stretches[place] as Stretch),
      );
      chosen.forEach((place, row) => {
        const scores = rows.subarray(row * spec.items, (row + 1) * spec.items);
        const ranked = rankHeldOut(heldOut, customers[place] as number, scores, "mask");
        places.push(place);
        ranks.push(ranked.rank);
        isNew.push(ranked.isNew ? 1 : 0);
      });
    }
  } finally {
    await scorer.close();
  }
  return { places: Uint32Array.from(places), ranks: Float64Array.from(ranks), isNew: Uint8Array.from(isNew) };
}
