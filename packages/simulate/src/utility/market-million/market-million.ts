/**
 * What private federated attention is worth on a market of a million customers, beside its twin without privacy and beside released statistics that have
 * all of ε to themselves. Stages, each of which a killed run has behind it for good:
 *
 *   statistics (ε)                                     ─▶ `federated`
 *   statistics (a part of ε) ─▶ walks ─▶ first model ─┬▶ private rounds (the rest of ε) ─▶ `attention`, and with the tables `hybrid`
 *                                                     ├▶ the same rounds clipped, without noise ─▶ `attentionClipped`
 *                                                     ├▶ the same rounds without either ─▶ `attentionTwin`
 *                                                     └▶ central training of all tensors without privacy ─▶ `attentionCentral`
 */

import type { Catalogue, HeldOut, Histories } from "@tributary/events";
import {
  contentScorer,
  type ItemScorer,
  type ItemSimilarity,
  itemSimilarity,
  modelScorer,
  type PairedDifference,
  popularityScorer,
  type ResultBlock,
  type ServedStatistics,
  trainStudent,
} from "@tributary/model";
import { startThread } from "@tributary/model/workers";
import type { Crypto, Plan } from "@tributary/protocol";
import type { Executor, OnnxExecutor } from "@tributary/tensor";
import { openRun, type RunFolder } from "../../runs/run-folder.ts";
import { lockRun } from "../../runs/run-lock.ts";
import { heldOutSample, holdOutLast } from "../../scale/held-out.ts";
import { marketLog } from "../../scale/market-log.ts";
import { customersOf, type Population } from "../../scale/population.ts";
import { splitLog } from "../../scale/split.ts";
import { spent } from "../budget.ts";
import type { ReleaseNoise } from "../release-statistics.ts";
import { against, type Judged, judgeOn } from "./judging.ts";
import { spentOnAttention, statisticsNoise, trainingPlan } from "./noise.ts";
import { type ReleasedTables, releasedTables, servedTables, type TablesRequest } from "./released-tables.ts";
import { type RoundsWay, trainInRounds } from "./rounds.ts";
import type { MillionSettings } from "./settings.ts";
import { type Stages, type StageTimes, stagesOf } from "./stages.ts";
import { walkStudent } from "./student.ts";
import { mixedScorer, tablesScorer } from "./tables.ts";
import type { TablesWord } from "./tables-worker.ts";

export interface MillionOptions {
  readonly settings: MillionSettings;
  /** Where runs are kept: the run's folder is named by its settings. */
  readonly home: string;
  readonly threads: number;
  /** Seconds between two checkpoints. */
  readonly checkpointSeconds: number;
  readonly crypto: Crypto;
  readonly executor: OnnxExecutor;
  readonly onProgress?: (what: string, done: number, of: number) => void | Promise<void>;
}

/**
 * `floor`: public content, ε = 0. `federated`: statistics that have all of ε, served with the customer's own items; `…WithoutOwn`: served without. `…Before`:
 * those that training begins from; `student`: the model that has learnt nothing but them. `attention`: after private rounds.
 */
export const millionRankers = [
  ...(["floor", "popularity", "federated", "federatedWithoutOwn", "statisticsBefore", "student"] as const),
  ...(["attention", "attentionClipped", "attentionTwin", "attentionCentral", "hybrid"] as const),
] as const;
type Ranker = (typeof millionRankers)[number];

interface MillionResult extends Readonly<Record<Ranker, ResultBlock>> {
  readonly run: string;
  readonly synthetic: true;
  readonly tuning: "other-market";
  readonly settings: MillionSettings;
  readonly population: { readonly customers: number; readonly events: number; readonly nodes: number };
  readonly privacy: {
    readonly unit: "customer";
    readonly delta: number;
    /** Of the statistics that stand alone, by the lattice theorem. */
    readonly statistics: number;
    /** Of the statistics before training and all rounds of it, by `rdp-integer`. */
    readonly attention: number;
    readonly noise: string;
  };
  readonly releases: { readonly alone: readonly ReleaseNoise[]; readonly before: readonly ReleaseNoise[] };
  readonly training: {
    readonly parameters: number;
    readonly rounds: number;
    readonly samplingRate: number;
    readonly noiseMultiplier: number;
  };
  /** NDCG@10 over that of another on the same customers, as a share more (or less) than it. */
  readonly differences: Readonly<
    Record<
      | "attentionOverTwin"
      | "attentionOverClipped"
      | "attentionOverCentral"
      | "attentionOverStatistics"
      | "attentionOverStatisticsWithoutOwn"
      | "hybridOverStatistics",
      PairedDifference
    >
  >;
}

export interface MillionRun {
  readonly result: MillionResult;
  /** By stage; not part of the result. */
  readonly times: Readonly<Record<string, StageTimes>>;
  readonly path: string;
}

interface Ground {
  readonly population: Population;
  readonly judged: HeldOut;
  readonly catalogue: Catalogue;
  readonly similarity: ItemSimilarity;
}

/** Measures, goes on where it was killed, or reads what is done. @throws TRB_SIMULATE_…, TRB_PLAN_DELTA_TOO_LARGE, and what training throws */
export async function measureMillion(options: MillionOptions): Promise<MillionRun> {
  const folder = openRun(options.home, { ...options.settings });
  const lock = lockRun(folder.path);
  try {
    return await measuredIn(folder, options);
  } finally {
    lock.release();
  }
}

async function measuredIn(folder: RunFolder, options: MillionOptions): Promise<MillionRun> {
  const { settings, crypto } = options;
  const stages = stagesOf(folder, options.checkpointSeconds);
  const done = folder.read("result.json");
  if (done !== undefined) {
    const result = JSON.parse(Buffer.from(done).toString("utf8")) as MillionResult; // written whole, at the end of this function
    return { result, times: stages.times, path: folder.path };
  }
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, settings.seed, true);
  const ground = await openGround(options);
  const plan = trainingPlan(settings, ground.catalogue, crypto, seed);
  const { rankers, releases } = await measured(options, stages, ground, plan, seed);
  const over = (some: Judged, others: Judged) => against(some, others, settings.seed);
  const { population } = ground;
  const [release] = plan.releases;
  const result: MillionResult = {
    ...{ run: folder.id, synthetic: true, tuning: "other-market", settings },
    population: {
      ...{ customers: customersOf(population), nodes: population.nodes },
      events: population.offsets[customersOf(population)] as number,
    },
    privacy: {
      ...{ unit: "customer", delta: settings.delta },
      statistics: spent("lattice", releases.alone, settings.delta),
      attention: spentOnAttention(settings, plan),
      noise: "exact discrete Gaussian; statistics: shares drawn as one of the summed variance; training: every merchant's own",
    },
    training: {
      ...{ parameters: release?.dimension ?? 0, rounds: settings.training.rounds },
      ...{ samplingRate: Number(release?.samplingRate), noiseMultiplier: Number(release?.noiseMultiplier) },
    },
    releases,
    ...(Object.fromEntries(millionRankers.map((name) => [name, rankers[name].block])) as Record<Ranker, ResultBlock>),
    differences: {
      attentionOverTwin: over(rankers.attention, rankers.attentionTwin),
      attentionOverClipped: over(rankers.attention, rankers.attentionClipped),
      attentionOverCentral: over(rankers.attention, rankers.attentionCentral),
      attentionOverStatistics: over(rankers.attention, rankers.federated),
      attentionOverStatisticsWithoutOwn: over(rankers.attention, rankers.federatedWithoutOwn),
      hybridOverStatistics: over(rankers.hybrid, rankers.federated),
    },
  };
  folder.write("result.json", `${JSON.stringify(result, undefined, 2)}\n`);
  return { result, times: stages.times, path: folder.path };
}

/** The market again, which is quicker to make than to read. */
async function openGround({ settings, onProgress }: MillionOptions): Promise<Ground> {
  const { market, seed, nodes, judged } = settings;
  await onProgress?.("market", 0, market.customers);
  const log = marketLog({ ...market, seed });
  const held = holdOutLast(splitLog(log, { nodes, seed, sizeZipf: 0, disjointCatalogues: false }));
  return {
    population: held.population,
    judged: heldOutSample(held, judged),
    catalogue: log.catalogue,
    similarity: itemSimilarity(log.catalogue.items),
  };
}

async function measured(options: MillionOptions, stages: Stages, ground: Ground, plan: Plan, seed: Uint8Array) {
  const { settings, executor, onProgress } = options;
  const { recipe, tables: weights, market } = settings;
  const { similarity } = ground;
  const judge = (name: string, score: () => ItemScorer) =>
    stages.run(name, () => judgeOn(score(), ground.judged, market.items));
  const judgeModel = (name: string, parameters: Float32Array, with_: (score: ItemScorer) => ItemScorer = (score) => score) =>
    stages.run(name, () => judgeModelOn(options, parameters, ground.judged, executor, with_));
  const tables = (served: ServedStatistics, by = weights) =>
    tablesScorer({ served, similarity, recipe, weights: by, customers: market.customers });
  const noise = statisticsNoise(settings);

  await onProgress?.("statistics", 0, 1);
  const aside = statistics("statistics-alone", noise.alone, options, stages, ground, true);
  aside.catch(() => {}); // asked for below
  const before = await statistics("statistics-before", noise.before, options, stages, ground, false);
  await onProgress?.("walks", 0, settings.walks.count);
  const first = Float32Array.from(
    await stages.run("student", async () => Array.from(await studentOf(options, ground, before.served))),
  );
  const alone = await aside;
  const ofAlone = {
    floor: await judge("floor", () => contentScorer(similarity, recipe)),
    popularity: await judge("popularity", () => popularityScorer(Float64Array.from(alone.served.popularity))),
    federated: await judge("federated", () => tables(alone.served)),
    federatedWithoutOwn: await judge("federated-without-own", () =>
      tables(alone.served, { content: settings.contentWithoutOwn, again: 0, history: 0 }),
    ),
  };
  const ofBefore = {
    statisticsBefore: await judge("statistics-before-block", () => tables(before.served)),
    student: await judgeModel("student-block", first),
  };
  const train = (name: string, way: RoundsWay) =>
    stages.rounds(name, plan, first, (from, onRound) =>
      trainInRounds({
        ...{ way, plan, training: settings.training, population: ground.population, seed, threads: options.threads },
        ...{ crypto: options.crypto, executor, from },
        async onRound(state) {
          onRound(state);
          await onProgress?.(name, state.rounds, settings.training.rounds);
        },
      }),
    );
  const trained = await train("rounds-private", "private");
  const attention = await judgeModel("attention", trained);
  const hybrid = await judgeModel("hybrid", trained, (score) =>
    mixedScorer(tables(before.served), score, settings.attentionWeight),
  );
  const attentionTwin = await judgeModel("attention-twin", await train("rounds-plain", "plain"));
  await onProgress?.("central training", 0, 1);
  const central = await stages.run("central", async () => Array.from(await centrally(options, ground, first)));
  const attentionCentral = await judgeModel("attention-central", Float32Array.from(central));
  const attentionClipped = await judgeModel("attention-clipped", await train("rounds-clipped", "clipped"));
  return {
    releases: { alone: alone.releases, before: before.releases },
    rankers: { ...ofAlone, ...ofBefore, attention, attentionClipped, attentionTwin, attentionCentral, hybrid },
  };
}

interface Tables {
  readonly served: ServedStatistics;
  readonly releases: readonly ReleaseNoise[];
}

/** Released tables, and what their releases cost; in a thread beside this one where there may be another. */
async function statistics(
  name: string,
  noiseMultiplier: number,
  { settings, threads }: MillionOptions,
  stages: Stages,
  { population, catalogue }: Ground,
  beside: boolean,
): Promise<Tables> {
  const { recipe, nodes, seed } = settings;
  const request = { settings: { recipe, nodes, seed }, population, items: catalogue.items, name, noiseMultiplier };
  const left = await stages.run(name, () => (beside && threads > 1 ? releasedBeside(request) : releasedTables(request)));
  return { served: servedTables(left), releases: left.releases };
}

async function releasedBeside(request: TablesRequest): Promise<ReleasedTables> {
  const entry = new URL("./tables-worker.ts", import.meta.url);
  const thread = startThread<TablesWord, ReleasedTables>(entry, "statistics", undefined);
  try {
    return await thread.ask({ type: "release", request });
  } finally {
    await thread.end({ type: "close" });
  }
}

/** The model that has learnt nothing but what was released. */
function studentOf({ settings, executor }: MillionOptions, { similarity }: Ground, served: ServedStatistics) {
  const { walks, model, tables, market, seed } = settings;
  const recipe = { ...settings.recipe, contentWeight: tables.content * market.customers };
  return walkStudent(model, served, similarity, { recipe, executor, seed, walks });
}

/** What the same model makes of the same first weights when all histories lie in one place and nobody is protected. */
async function centrally({ settings, executor }: MillionOptions, { population }: Ground, first: Float32Array) {
  const { model, central, seed } = settings;
  const customers = Array.from({ length: Math.min(central.customers, customersOf(population)) }, (_, place) => `c${place}`);
  const { items, actions, times, offsets } = population;
  const histories: Histories = { customers, items, actions, times, offsets };
  const { parameters } = await trainStudent({ spec: model, parameters: first }, histories, executor, { ...central, seed });
  return parameters;
}

async function judgeModelOn(
  { settings }: MillionOptions,
  parameters: Float32Array,
  judged: HeldOut,
  executor: Executor,
  with_: (score: ItemScorer) => ItemScorer,
): Promise<Judged> {
  const { model, market } = settings;
  const scorer = await modelScorer(model, parameters, executor, market.items);
  try {
    return await judgeOn(with_(scorer.score), judged, market.items);
  } finally {
    await scorer.close();
  }
}
