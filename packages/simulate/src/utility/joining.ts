/**
 * Who gains from joining, with everything that a merchant can do in its own house: the customers of a public log are dealt out to merchants; each builds
 * a ranker from what it has alone and from what the federation released beside it, by the same in-house steps, tuned on its own validation. Beside each
 * stands the same without attention, so that what the student adds is seen by itself.
 */
import type { RandomSource } from "@tributary/dp";
import { type HeldOut, seededRandom, shuffle, sliceHistories } from "@tributary/events";
import {
  type BlockIntervals,
  bootstrapBlock,
  bootstrapDifference,
  finishStatistics,
  type HybridWeights,
  hybridInHouse,
  hybridScorer,
  itemSimilarity,
  joinRanks,
  openHybridRecommender,
  type PairedDifference,
  type Ranks,
  type ReleasedModel,
  type ResultBlock,
  rankCustomers,
  releasedOnlyHybrid,
  releasedStudent,
  resultBlock,
  type StatisticsRecipe,
  type Student,
  type StudentTraining,
  type TunedHybrid,
  tuneInHouse,
} from "@tributary/model";
import type { OnnxExecutor } from "@tributary/tensor";
import { noiseMultiplierOfAll, type UtilityAccountant } from "./budget.ts";
import type { PublicLog } from "./public-logs.ts";
import { type Cohort, releaseStatistics } from "./release-statistics.ts";

type Epochs = Partial<Pick<StudentTraining, "epochs" | "batch" | "learningRate">>;

export interface JoiningOptions {
  readonly merchants: number;
  /** How many of them are measured, the first ones: each trains up to four models. */
  readonly measured: number;
  readonly recipe: StatisticsRecipe;
  readonly epsilon: number;
  readonly delta: number;
  readonly accountant: UtilityAccountant;
  readonly cohort: Cohort;
  readonly random: { readonly rounding: RandomSource; readonly noise: RandomSource };
  /** Of who is dealt to whom, of walks, training and bootstrap. */
  readonly seed: number;
  /** Distinct customers that an exact own pair needs to be served. */
  readonly minSupport: number;
  readonly executor: OnnxExecutor;
  /** The coordinator's student. */
  readonly student: { readonly walks: number; readonly spec?: Student["spec"] } & Epochs;
  readonly fineTuning?: Epochs;
  readonly scratch?: Epochs;
  /** Walks that a merchant's student learns from beside own sequences, at least. */
  readonly leastWalks: number;
  readonly onMerchant?: (done: number) => void;
}

/** `…Statistics`: without attention. `local`: no federation. `released`: nothing of the merchant's own. */
export const rankerNames = ["localStatistics", "local", "joinedStatistics", "joined", "released"] as const;
export type RankerName = (typeof rankerNames)[number];

export interface Joining {
  readonly customers: number;
  readonly rankers: Readonly<Record<RankerName, ResultBlock & { readonly intervals: BlockIntervals }>>;
  /** NDCG@10 against the better of the two local rankers, by that ranker's name. */
  readonly against: "localStatistics" | "local";
  readonly gain: Readonly<Record<"joinedStatistics" | "joined" | "released", PairedDifference>>;
  /** What attention adds by itself. */
  readonly attention: { readonly local: PairedDifference; readonly joined: PairedDifference };
  /** Each merchant's own weights and its own validation. A merchant never tells them; a public log may. */
  readonly chosen: readonly {
    readonly local: HybridWeights;
    readonly joined: HybridWeights;
    readonly localValidation: number;
    readonly joinedValidation: number;
  }[];
  /** One customer's twenty best items from the whole of a joined merchant. */
  readonly predict: { readonly medianMs: number; readonly p99Ms: number };
}

/** Releases statistics of everybody, trains the coordinator's student, and ranks the customers of the measured merchants. */
export async function measureJoining(log: PublicLog, options: JoiningOptions): Promise<Joining> {
  const { merchants, measured, recipe, seed, minSupport, executor, fineTuning, scratch, leastWalks, onMerchant } = options;
  const similarity = itemSimilarity(log.catalogue);
  const { items } = similarity;
  const released = await releasedModel(log, options);
  const order = shuffle(
    Uint32Array.from(log.histories.customers, (_, c) => c),
    seededRandom(seed, "merchants"),
  );
  const ranks: Record<RankerName, Ranks[]> = {
    ...{ localStatistics: [], local: [], joinedStatistics: [], joined: [], released: [] },
  };
  const chosen: Joining["chosen"][number][] = [];
  const common = { similarity, recipe, repeats: log.repeats };
  let last: TunedHybrid | undefined;
  for (let merchant = 0; merchant < measured; merchant++) {
    const own = order.filter((_, place) => place % merchants === merchant).sort();
    const train = sliceHistories(log.validation.train, own);
    const judged = partOf(log.test, own);
    const rank = (scorer: Parameters<typeof rankCustomers>[0]) =>
      rankCustomers(scorer, judged, { items, repeats: log.repeats });
    const rankHybrid = async (hybrid: TunedHybrid) => {
      const scorer = await hybridScorer(hybrid, similarity, executor);
      try {
        return await rank(scorer.score);
      } finally {
        await scorer.close();
      }
    };
    const spec = options.student.spec;
    const building = {
      ...{ ...common, executor, serve: { mode: "inHouse", minSupport } as const, seed: seed + merchant, leastWalks },
      ...(fineTuning && { fineTuning }),
      ...(scratch && { scratch }),
      ...(spec && { spec }),
    };
    const local = await hybridInHouse(train, building);
    const joined = await hybridInHouse(train, { ...building, released });
    ranks.localStatistics.push(await rank(tuneInHouse(train, { ...common, minSupport }).score));
    ranks.local.push(await rankHybrid(local));
    ranks.joinedStatistics.push(await rank(tuneInHouse(train, { ...common, minSupport, served: released.served }).score));
    ranks.joined.push(await rankHybrid(joined));
    ranks.released.push(await rankHybrid(releasedOnlyHybrid(released, recipe)));
    chosen.push({
      ...{ local: local.weights, joined: joined.weights },
      localValidation: local.tuned?.validation ?? 0,
      joinedValidation: joined.tuned?.validation ?? 0,
    });
    last = joined;
    onMerchant?.(merchant + 1);
  }
  const predict = await predictTimes(last ?? releasedOnlyHybrid(released, recipe), log, executor);
  return { ...figures(ranks, seed), chosen, predict };
}

function figures(parts: Readonly<Record<RankerName, readonly Ranks[]>>, seed: number) {
  const all = {
    localStatistics: joinRanks(parts.localStatistics),
    local: joinRanks(parts.local),
    joinedStatistics: joinRanks(parts.joinedStatistics),
    joined: joinRanks(parts.joined),
    released: joinRanks(parts.released),
  };
  const figure = (of: Ranks) => ({ ...resultBlock(of), intervals: bootstrapBlock(of, { seed }) });
  const rankers = {
    localStatistics: figure(all.localStatistics),
    local: figure(all.local),
    joinedStatistics: figure(all.joinedStatistics),
    joined: figure(all.joined),
    released: figure(all.released),
  };
  const against = rankers.local.ndcg10 > rankers.localStatistics.ndcg10 ? ("local" as const) : ("localStatistics" as const);
  const gainOf = (of: Ranks, over: Ranks) => bootstrapDifference(of, over, { seed });
  return {
    customers: all.local.ranks.length,
    rankers,
    against,
    gain: {
      joinedStatistics: gainOf(all.joinedStatistics, all[against]),
      joined: gainOf(all.joined, all[against]),
      released: gainOf(all.released, all[against]),
    },
    attention: {
      local: gainOf(all.local, all.localStatistics),
      joined: gainOf(all.joined, all.joinedStatistics),
    },
  };
}

async function releasedModel(log: PublicLog, options: JoiningOptions): Promise<ReleasedModel> {
  const { recipe, cohort, random, accountant, epsilon, delta, executor, student: training, seed } = options;
  const similarity = itemSimilarity(log.catalogue);
  const noiseMultiplier = noiseMultiplierOfAll(accountant, epsilon, delta);
  const { released } = releaseStatistics(log.validation.train, similarity, recipe, { cohort, noiseMultiplier, random });
  const served = finishStatistics(recipe, similarity, released);
  const student = await releasedStudent(served, similarity, {
    ...{ recipe, executor, seed, repeats: log.repeats, epochs: 8, batch: 128, learningRate: 0.002 },
    ...training,
  });
  return { served, student };
}

const [warmUp, timed] = [200, 1000];

async function predictTimes(hybrid: TunedHybrid, log: PublicLog, executor: OnnxExecutor): Promise<Joining["predict"]> {
  const recommender = await openHybridRecommender(hybrid, itemSimilarity(log.catalogue), executor);
  const { offsets, items, actions, times, customers } = log.test.train;
  const took: number[] = [];
  for (let turn = 0; turn < warmUp + timed; turn++) {
    const customer = (turn * 37) % customers.length;
    const [begin, end] = [offsets[customer] as number, offsets[customer + 1] as number];
    if (begin === end) continue;
    const events = { items: items.slice(begin, end), actions: actions.slice(begin, end), times: times.slice(begin, end) };
    const start = performance.now();
    await recommender.top(events, 20, { exclude: log.repeats === "mask" ? events.items : [] });
    if (turn >= warmUp) took.push(performance.now() - start);
  }
  await recommender.close();
  const sorted = took.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  return { medianMs: at(0.5), p99Ms: at(0.99) };
}

function partOf({ train, targets }: HeldOut, customers: Uint32Array): HeldOut {
  return { train: sliceHistories(train, customers), targets: Int32Array.from(customers, (c) => targets[c] as number) };
}
