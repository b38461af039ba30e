/**
 * Who gains from joining: the customers of a public log are dealt out to merchants; each builds a ranker from what it has alone, and one from what the
 * federation released beside it, by the same in-house steps, tuned on its own validation: a baseline that is not tuned would make joining look better
 * than it is. Asked for attention, the same again with a student, so that what the student adds is seen by itself.
 */
import { type HeldOut, type Histories, seededRandom, shuffle, sliceHistories } from "@tributary/events";
import {
  type BlockIntervals,
  bootstrapBlock,
  bootstrapDifference,
  type HybridWeights,
  hybridInHouse,
  hybridScorer,
  type ItemScorer,
  type ItemSimilarity,
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
  type ServedStatistics,
  type StatisticsRecipe,
  type Student,
  type StudentTraining,
  type TunedHybrid,
  tuneInHouse,
} from "@tributary/model";
import type { OnnxExecutor } from "@tributary/tensor";
import type { PublicLog } from "./public-logs.ts";

type Epochs = Partial<Pick<StudentTraining, "epochs" | "batch" | "learningRate">>;

export interface MerchantOptions {
  readonly merchants: number;
  /** How many of them are measured, the first ones. */
  readonly measured: number;
  readonly recipe: StatisticsRecipe;
  /** Of who is dealt to whom, of walks, training and bootstrap. */
  readonly seed: number;
  /** Distinct customers that an exact own pair needs to be served. */
  readonly minSupport: number;
  /** Undefined: statistics only. With it each merchant trains up to four models. */
  readonly attention?: AttentionOptions | undefined;
  /** Awaited, so that who counts may let others have their turn. */
  readonly onMerchant?: (done: number) => Promise<void>;
}

interface AttentionOptions {
  readonly executor: OnnxExecutor;
  /** The coordinator's student. */
  readonly student: { readonly walks: number; readonly spec?: Student["spec"] } & Epochs;
  readonly fineTuning?: Epochs;
  readonly scratch?: Epochs;
  /** Walks that a merchant's student learns from beside own sequences, at least. */
  readonly leastWalks: number;
}

/** Merchants without a federation, customer by customer. */
export interface Alone {
  readonly statistics: Ranks;
  readonly attention?: { readonly ranks: Ranks; readonly chosen: readonly ChosenWeights[] };
}

/** A merchant never tells them; a public log may. */
interface ChosenWeights {
  readonly weights: HybridWeights;
  /** NDCG@10 on the merchant's own validation. */
  readonly validation: number;
}

/** `…Statistics`: without attention. `local`: no federation. `released`: nothing of the merchant's own. */
export const rankerNames = ["localStatistics", "local", "joinedStatistics", "joined", "released"] as const;
type RankerName = (typeof rankerNames)[number];

export interface Joining {
  readonly customers: number;
  /** `localStatistics` and `joinedStatistics`, and all others where attention was asked for. */
  readonly rankers: Readonly<Partial<Record<RankerName, ResultBlock & { readonly intervals: BlockIntervals }>>>;
  /** The better of the local rankers, which the gains in NDCG@10 are over. */
  readonly against: "localStatistics" | "local";
  readonly gain: Readonly<Partial<Record<"joinedStatistics" | "joined" | "released", PairedDifference>>>;
  readonly attention?: AttentionGain;
}

interface AttentionGain {
  /** What attention adds by itself. */
  readonly local: PairedDifference;
  readonly joined: PairedDifference;
  readonly chosen: readonly { readonly local: ChosenWeights; readonly joined: ChosenWeights }[];
  /** One customer's twenty best items from the whole of a joined merchant. */
  readonly predict: { readonly medianMs: number; readonly p99Ms: number };
}

/** Every measured merchant alone: it costs no ε, so one measurement serves all budgets. */
export async function measureAlone(log: PublicLog, options: MerchantOptions): Promise<Alone> {
  const { recipe, minSupport, attention } = options;
  const stage = { log, similarity: itemSimilarity(log.catalogue), options };
  const [statistics, ranks]: [Ranks[], Ranks[]] = [[], []];
  const chosen: ChosenWeights[] = [];
  for (const merchant of dealt(log, options)) {
    const inHouse = { similarity: stage.similarity, recipe, repeats: log.repeats, minSupport };
    statistics.push(await rankOf(stage, merchant, tuneInHouse(merchant.train, inHouse).score));
    if (attention !== undefined) {
      const hybrid = await hybridInHouse(merchant.train, building(stage, attention, merchant));
      ranks.push(await rankOfHybrid(stage, merchant, hybrid, attention));
      chosen.push(weightsOf(hybrid));
    }
    await options.onMerchant?.(merchant.number + 1);
  }
  return {
    statistics: joinRanks(statistics),
    ...(attention === undefined ? {} : { attention: { ranks: joinRanks(ranks), chosen } }),
  };
}

/** The same merchants joined, beside what they are alone. @param served what the federation released */
export async function measureJoining(
  log: PublicLog,
  { served, alone, ...options }: MerchantOptions & { readonly served: ServedStatistics; readonly alone: Alone },
): Promise<Joining> {
  const { recipe, minSupport, attention, seed } = options;
  const similarity = itemSimilarity(log.catalogue);
  const stage = { log, similarity, options };
  const student = attention && (await studentOf(stage, served, attention));
  const parts: Record<"joinedStatistics" | "joined" | "released", Ranks[]> = { joinedStatistics: [], joined: [], released: [] };
  const chosen: ChosenWeights[] = [];
  let last: TunedHybrid | undefined;
  for (const merchant of dealt(log, options)) {
    const inHouse = { similarity, recipe, repeats: log.repeats, minSupport, served };
    parts.joinedStatistics.push(await rankOf(stage, merchant, tuneInHouse(merchant.train, inHouse).score));
    if (attention !== undefined && student !== undefined) {
      const released: ReleasedModel = { served, student };
      last = await hybridInHouse(merchant.train, { ...building(stage, attention, merchant), released });
      parts.joined.push(await rankOfHybrid(stage, merchant, last, attention));
      parts.released.push(await rankOfHybrid(stage, merchant, releasedOnlyHybrid(released, recipe), attention));
      chosen.push(weightsOf(last));
    }
    await options.onMerchant?.(merchant.number + 1);
  }
  const joinedStatistics = joinRanks(parts.joinedStatistics);
  if (attention === undefined || last === undefined || alone.attention === undefined) {
    return figures({ localStatistics: alone.statistics, joinedStatistics }, seed);
  }
  const [local, joined] = [alone.attention.ranks, joinRanks(parts.joined)];
  const all = { localStatistics: alone.statistics, local, joinedStatistics, joined, released: joinRanks(parts.released) };
  return {
    ...figures(all, seed),
    attention: {
      local: bootstrapDifference(local, alone.statistics, { seed }),
      joined: bootstrapDifference(joined, joinedStatistics, { seed }),
      chosen: alone.attention.chosen.flatMap((one, merchant) => {
        const other = chosen[merchant];
        return other === undefined ? [] : [{ local: one, joined: other }];
      }),
      predict: await predictTimes(last, stage, attention.executor),
    },
  };
}

type AllRanks = Readonly<
  Record<"localStatistics" | "joinedStatistics", Ranks> & Partial<Record<"local" | "joined" | "released", Ranks>>
>;

function figures(all: AllRanks, seed: number): Joining {
  const { localStatistics, local, joinedStatistics, joined, released } = all;
  const figure = (of: Ranks) => ({ ...resultBlock(of), intervals: bootstrapBlock(of, { seed }) });
  const rankers = {
    localStatistics: figure(localStatistics),
    ...(local && { local: figure(local) }),
    joinedStatistics: figure(joinedStatistics),
    ...(joined && { joined: figure(joined) }),
    ...(released && { released: figure(released) }),
  };
  const better = local !== undefined && resultBlock(local).ndcg10 > rankers.localStatistics.ndcg10;
  const baseline = better ? local : localStatistics;
  const gainOf = (of: Ranks) => bootstrapDifference(of, baseline, { seed });
  return {
    customers: localStatistics.ranks.length,
    rankers,
    against: better ? "local" : "localStatistics",
    gain: {
      joinedStatistics: gainOf(joinedStatistics),
      ...(joined && { joined: gainOf(joined) }),
      ...(released && { released: gainOf(released) }),
    },
  };
}

interface Stage {
  readonly log: PublicLog;
  readonly similarity: ItemSimilarity;
  readonly options: MerchantOptions;
}

interface Merchant {
  readonly number: number;
  readonly train: Histories;
  readonly judged: HeldOut;
}

/** Customers in a random order, one to each merchant in turn. */
function* dealt(log: PublicLog, { merchants, measured, seed }: MerchantOptions): Generator<Merchant> {
  const order = shuffle(
    Uint32Array.from(log.histories.customers, (_, c) => c),
    seededRandom(seed, "merchants"),
  );
  for (let number = 0; number < Math.min(measured, merchants); number++) {
    const own = order.filter((_, place) => place % merchants === number).sort();
    const { train, targets } = log.test;
    const judged = { train: sliceHistories(train, own), targets: Int32Array.from(own, (c) => targets[c] as number) };
    yield { number, train: sliceHistories(log.validation.train, own), judged };
  }
}

const rankOf = ({ log: { catalogue, repeats } }: Stage, { judged }: Merchant, score: ItemScorer): Promise<Ranks> =>
  rankCustomers(score, judged, { items: catalogue.length, repeats });

async function rankOfHybrid(
  stage: Stage,
  merchant: Merchant,
  hybrid: TunedHybrid,
  { executor }: AttentionOptions,
): Promise<Ranks> {
  const scorer = await hybridScorer(hybrid, stage.similarity, executor);
  try {
    return await rankOf(stage, merchant, scorer.score);
  } finally {
    await scorer.close();
  }
}

function building(
  { log, similarity, options: { recipe, minSupport, seed } }: Stage,
  { executor, fineTuning, scratch, leastWalks, student: { spec } }: AttentionOptions,
  { number }: Merchant,
) {
  return {
    ...{ similarity, recipe, repeats: log.repeats, executor, leastWalks },
    ...{ serve: { mode: "inHouse", minSupport } as const, seed: seed + number },
    ...(fineTuning && { fineTuning }),
    ...(scratch && { scratch }),
    ...(spec && { spec }),
  };
}

const weightsOf = ({ weights, tuned }: TunedHybrid): ChosenWeights => ({ weights, validation: tuned?.validation ?? 0 });

const studentOf = (
  { log, similarity, options: { recipe, seed } }: Stage,
  served: ServedStatistics,
  { executor, student }: AttentionOptions,
): Promise<Student> =>
  releasedStudent(served, similarity, {
    ...{ recipe, executor, seed, repeats: log.repeats, epochs: 8, batch: 128, learningRate: 0.002 },
    ...student,
  });

const [warmUp, timed] = [200, 1000];

async function predictTimes(
  hybrid: TunedHybrid,
  { log, similarity }: Stage,
  executor: OnnxExecutor,
): Promise<AttentionGain["predict"]> {
  const recommender = await openHybridRecommender(hybrid, similarity, executor);
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
