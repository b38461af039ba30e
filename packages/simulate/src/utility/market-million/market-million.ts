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
  finishStatistics,
  type ItemScorer,
  type ItemSimilarity,
  itemSimilarity,
  modelScorer,
  popularityScorer,
  type ResultBlock,
  rankCustomers,
  resultBlock,
  type ServedStatistics,
  trainStudent,
} from "@tributary/model";
import type { Crypto, Plan } from "@tributary/protocol";
import type { Executor, OnnxExecutor } from "@tributary/tensor";
import { openRun, type RunFolder } from "../../runs/run-folder.ts";
import { lockRun } from "../../runs/run-lock.ts";
import { heldOutSample, holdOutLast } from "../../scale/held-out.ts";
import { marketLog } from "../../scale/market-log.ts";
import { customersOf, type Population } from "../../scale/population.ts";
import { splitLog } from "../../scale/split.ts";
import { spent } from "../budget.ts";
import { type ReleaseNoise, releaseStatistics } from "../release-statistics.ts";
import { spentOnAttention, statisticsNoise, trainingPlan } from "./noise.ts";
import { type RoundsWay, trainInRounds } from "./rounds.ts";
import type { MillionSettings } from "./settings.ts";
import { randomSourceOf } from "./sources.ts";
import { type Stages, type StageTimes, stagesOf } from "./stages.ts";
import { walkStudent } from "./student.ts";
import { mixedScorer, tablesScorer } from "./tables.ts";

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

interface MillionResult {
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
  readonly floor: ResultBlock;
  readonly popularity: ResultBlock;
  /** Statistics that have all of ε. */
  readonly federated: ResultBlock;
  /** The same tables when nothing is made of which items are the customer's own. */
  readonly federatedWithoutOwn: ResultBlock;
  /** Statistics that training begins from, and the model that learnt nothing but them. */
  readonly statisticsBefore: ResultBlock;
  readonly student: ResultBlock;
  readonly attention: ResultBlock;
  readonly attentionClipped: ResultBlock;
  readonly attentionTwin: ResultBlock;
  readonly attentionCentral: ResultBlock;
  readonly hybrid: ResultBlock;
  /** NDCG@10 of `attention` over that of its twins. */
  readonly ofTwin: number;
  readonly ofClippedTwin: number;
  readonly ofCentral: number;
  /** NDCG@10 of `attention`, and of `hybrid`, over that of statistics alone. */
  readonly overStatistics: number;
  readonly hybridOverStatistics: number;
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
  const blocks = await measured(options, stages, ground, plan, seed);
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
      statistics: spent("lattice", blocks.releases.alone, settings.delta),
      attention: spentOnAttention(settings, plan),
      noise: "exact discrete Gaussian; statistics: shares drawn as one of the summed variance; training: every merchant's own",
    },
    training: {
      ...{ parameters: release?.dimension ?? 0, rounds: settings.training.rounds },
      ...{ samplingRate: Number(release?.samplingRate), noiseMultiplier: Number(release?.noiseMultiplier) },
    },
    ...blocks,
    ofTwin: blocks.attention.ndcg10 / blocks.attentionTwin.ndcg10,
    ofCentral: blocks.attention.ndcg10 / blocks.attentionCentral.ndcg10,
    ofClippedTwin: blocks.attention.ndcg10 / blocks.attentionClipped.ndcg10,
    overStatistics: blocks.attention.ndcg10 / blocks.federated.ndcg10,
    hybridOverStatistics: blocks.hybrid.ndcg10 / blocks.federated.ndcg10,
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
    stages.run(name, () => blockOf(score(), ground.judged, market.items));
  const judgeModel = (name: string, parameters: Float32Array, with_: (score: ItemScorer) => ItemScorer = (score) => score) =>
    stages.run(name, () => blockOfModel(options, parameters, ground.judged, executor, with_));
  const tables = (served: ServedStatistics, by = weights) =>
    tablesScorer({ served, similarity, recipe, weights: by, customers: market.customers });
  const noise = statisticsNoise(settings);

  const alone = await statistics("statistics-alone", noise.alone, options, stages, ground);
  const ofAlone = {
    floor: await judge("floor", () => contentScorer(similarity, recipe)),
    popularity: await judge("popularity", () => popularityScorer(Float64Array.from(alone.served.popularity))),
    federated: await judge("federated", () => tables(alone.served)),
    federatedWithoutOwn: await judge("federated-without-own", () =>
      tables(alone.served, { content: settings.contentWithoutOwn, again: 0, history: 0 }),
    ),
  };
  const before = await statistics("statistics-before", noise.before, options, stages, ground);
  await onProgress?.("walks", 0, settings.walks.count);
  const first = Float32Array.from(
    await stages.run("student", async () => Array.from(await studentOf(options, ground, before.served))),
  );
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
    ...{ ...ofAlone, ...ofBefore, attention, attentionClipped, attentionTwin, attentionCentral, hybrid },
  };
}

/** Released tables, and what their releases cost. */
async function statistics(name: string, noiseMultiplier: number, options: MillionOptions, stages: Stages, ground: Ground) {
  const { settings, onProgress } = options;
  const { recipe, nodes, seed } = settings;
  await onProgress?.(name, 0, 1);
  const left = await stages.run(name, () => {
    const { population, similarity } = ground;
    const histories: Histories = { ...population, customers: new Array<string>(customersOf(population)).fill("") };
    const { released, releases } = releaseStatistics(histories, similarity, recipe, {
      ...{ cohort: { nodes, minCohort: nodes, maxCorrupt: 0 }, noiseMultiplier },
      random: { rounding: randomSourceOf(seed, name, "rounding"), noise: randomSourceOf(seed, name, "noise") },
    });
    const { popularity, pairs } = finishStatistics(recipe, similarity, released);
    const { offsets, places, values } = pairs;
    const lists = { offsets: Array.from(offsets), places: Array.from(places), values: Array.from(values) };
    return { releases, popularity: Array.from(popularity), ...lists };
  });
  const served: ServedStatistics = {
    popularity: Float32Array.from(left.popularity),
    pairs: {
      ...{ offsets: Uint32Array.from(left.offsets), places: Uint32Array.from(left.places) },
      values: Float32Array.from(left.values),
    },
  };
  return { served, releases: left.releases };
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

async function blockOfModel(
  { settings }: MillionOptions,
  parameters: Float32Array,
  judged: HeldOut,
  executor: Executor,
  with_: (score: ItemScorer) => ItemScorer,
): Promise<ResultBlock> {
  const { model, market } = settings;
  const scorer = await modelScorer(model, parameters, executor, market.items);
  try {
    return await blockOf(with_(scorer.score), judged, market.items);
  } finally {
    await scorer.close();
  }
}

/** New items are ranked with the customer's own masked, as in `measure.ts`. */
async function blockOf(score: ItemScorer, judged: HeldOut, items: number): Promise<ResultBlock> {
  const block = resultBlock(await rankCustomers(score, judged, { items, repeats: "keep" }));
  const { newItems } = resultBlock(await rankCustomers(score, judged, { items, repeats: "mask" }));
  return { ...block, newItems };
}
