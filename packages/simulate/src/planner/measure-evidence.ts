/**
 * Makes the planner's evidence: simulated federations of three merchants on the synthetic market, all of whose customers are made up. The noise of a cell comes
 * from an ε, but what is written down is the noise itself, because that is what a federation of another size has in common with it.
 */
import { calibrateNoise, chachaSource, type RandomSource } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { seededRandom, splitCustomers } from "@tributary/events";
import { initialFederationModel, recipeOf } from "@tributary/federation";
import {
  bytesOf,
  finishStatistics,
  type ItemSimilarity,
  itemSimilarity,
  joinRanks,
  type Ranks,
  rankCustomers,
  releasedScorer,
  resultBlock,
  startStatistics,
  statisticsRecipe,
  type TrainedGroup,
} from "@tributary/model";
import { type Crypto, type IdentityKey, type Plan, toHex } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { type SimulatedRound, simulateFederation } from "../in-process/federation.ts";
import { type JudgeOptions, judge, judgePopularity, type MerchantPart, merchantParts } from "../judging.ts";
import { judgeReleasedHybrid, releasedModel } from "../judging-hybrid.ts";
import { judgeContent, judgeStatistics } from "../judging-statistics.ts";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { releaseStatistics } from "../utility/release-statistics.ts";
import { choosePlan, type PlanChoice } from "./choose-plan.ts";
import type {
  MarketEvidence,
  MixtureEvidence,
  MixtureSettings,
  StatisticsEvidence,
  TrainingEvidence,
  TrainingSettings,
} from "./evidence.ts";

/** A market and what is measured on it. */
export interface EvidenceCells {
  readonly customers: number;
  readonly items: number;
  /** ε of each measurement of statistics. */
  readonly statistics: readonly number[];
  readonly training: readonly (TrainingSettings & { readonly epsilon: number })[];
  /** Statistics, and training from there on. */
  readonly mixtures: readonly MixtureCell[];
}

type MixtureCell = MixtureSettings & {
  readonly trained: readonly TrainedGroup[];
  readonly epsilon: number;
  readonly trainingShare: number;
  /** Default: as the planner has it. */
  readonly warmStart?: NonNullable<Plan["warmStart"]>;
};

const training = (rounds: number, width: number, clipNorm: number, budgets: readonly number[]) =>
  budgets.map((epsilon) => ({ rounds, width, clipNorm, epsilon }));
const onTop = (trainingShare: number, budgets: readonly number[]) =>
  budgets.map((epsilon) => ({ rounds: 30, width: 32, clipNorm: 1, trained: ["norms"] as const, epsilon, trainingShare }));
const budgets = [0.25, 0.5, 1, 2, 4, 8, 16];

/** What `evidence.json` holds: a market with many events an item, and one with few. */
export const evidenceCells: readonly EvidenceCells[] = [
  {
    customers: 3000,
    items: 600,
    statistics: budgets,
    training: [
      ...training(30, 32, 1, [1, 4, 16]),
      ...training(10, 32, 1, [2, 16]),
      ...training(30, 16, 1, [2, 16]),
      ...training(30, 32, 0.5, [2, 16]),
      ...training(30, 32, 2, [2, 16]),
    ],
    mixtures: [...onTop(0.25, [1, 4, 16]), ...onTop(0.5, [4])],
  },
  {
    ...{ customers: 10_000, items: 6000, statistics: budgets, training: training(30, 32, 1, [2, 16]) },
    mixtures: onTop(0.25, [2, 16]),
  },
];

export interface MeasureOptions {
  /** Of market, split, first model and noise. */
  readonly seed: number;
  /** Statistics are released so often, each time with noise of its own; the mean is kept. */
  readonly repeat: number;
  readonly crypto: Crypto;
  readonly executor: Executor;
  readonly onCell?: (done: number, of: number) => void;
}

const delta = 1e-6;
const merchants = 3;
const everybody = { nodes: merchants, minCohort: merchants, maxCorrupt: 0 };

/** The evidence of one market. */
export async function measureEvidence(cells: EvidenceCells, options: MeasureOptions): Promise<MarketEvidence> {
  const stage = openStage(cells, options);
  const total = cells.statistics.length + cells.training.length + cells.mixtures.length;
  let done = 0;
  const tick = () => options.onCell?.(++done, total);
  const judging = { ...stage.judging, similarity: stage.similarity, recipe: statisticsRecipe(2) };
  const floor = resultBlock(joinRanks(await judgeContent(stage.parts, judging))).ndcg10;
  const popularity = judgePopularity(stage.parts, {
    ...stage.judging,
    model: choosePlan(requestOf(stage, 8)).plan.model,
  }).ndcg10;
  const statistics: StatisticsEvidence[] = [];
  for (const epsilon of cells.statistics) {
    statistics.push(await statisticsCell(stage, epsilon, options));
    tick();
  }
  const trained: TrainingEvidence[] = [];
  for (const { epsilon, ...settings } of cells.training) {
    trained.push(await trainingCell(stage, settings, epsilon, options));
    tick();
  }
  const mixtures: MixtureEvidence[] = [];
  for (const cell of cells.mixtures) {
    mixtures.push(await mixtureCell(stage, cell, options));
    tick();
  }
  return {
    customers: cells.customers,
    items: cells.items,
    events: stage.events,
    ...{ floor: digits(floor), popularity: digits(popularity) },
    statistics: statistics.sort((a, b) => a.noise - b.noise),
    training: trained.sort(bySettings),
    mixtures: mixtures.sort((a, b) => a.noise - b.noise),
  };
}

interface Stage {
  readonly parts: readonly MerchantPart[];
  readonly catalogue: ReturnType<typeof syntheticMarket>["catalogue"];
  readonly histories: ReturnType<typeof syntheticMarket>["histories"];
  readonly similarity: ItemSimilarity;
  readonly judging: Omit<JudgeOptions, "model">;
  readonly customers: number;
  readonly items: number;
  readonly events: number;
}

function openStage({ customers, items }: EvidenceCells, { seed, executor }: MeasureOptions): Stage {
  // categories as dense as in the default market, so that a larger catalogue is more of the same
  const categories = Math.max(1, Math.round(items / 50));
  const { catalogue, histories } = syntheticMarket({ seed, customers, items, categories });
  return {
    parts: merchantParts(splitCustomers(histories, merchants, seed)),
    ...{ catalogue, histories, customers, items },
    similarity: itemSimilarity(catalogue.items),
    judging: { items: catalogue.items.length, executor, repeats: "keep" },
    events: histories.items.length,
  };
}

const requestOf = ({ customers, items }: Stage, epsilon: number) => ({
  ...{ catalogueItems: items, customers, merchants, epsilon, delta, minCohort: merchants, maxCorrupt: 0 },
});

async function statisticsCell(stage: Stage, epsilon: number, { seed, repeat }: MeasureOptions): Promise<StatisticsEvidence> {
  const recipe = statisticsRecipe(epsilon);
  const noiseMultiplier = calibrateNoise({ epsilon, delta, samplingRate: 1, steps: 1 });
  let ndcg10 = 0;
  for (let turn = 0; turn < repeat; turn++) {
    const random = {
      rounding: seededSource(seed, "rounding", epsilon, turn),
      noise: seededSource(seed, "noise", epsilon, turn),
    };
    const { released } = releaseStatistics(trainingHalf(stage), stage.similarity, recipe, {
      ...{ cohort: everybody, noiseMultiplier, random },
    });
    const score = releasedScorer(finishStatistics(recipe, stage.similarity, released), stage.similarity, recipe);
    const ranks = [];
    for (const part of stage.parts) ranks.push(await rankCustomers(score, part, stage.judging));
    ndcg10 += resultBlock(joinRanks(ranks)).ndcg10 / repeat;
  }
  return { epsilon, noise: digits(noiseMultiplier / stage.customers), ndcg10: digits(ndcg10) };
}

/** What all merchants together have before the last events. */
function trainingHalf({ histories }: Stage) {
  const [whole] = merchantParts([histories]);
  return whole?.train ?? histories;
}

async function trainingCell(
  stage: Stage,
  settings: TrainingSettings,
  epsilon: number,
  { seed, crypto, executor }: MeasureOptions,
): Promise<TrainingEvidence> {
  const choice = choosePlan({ ...requestOf(stage, epsilon), ...settings, samplingRate: 1 });
  const { plan, secret: coordinatorSecret } = founded(stage, choice, seed, crypto);
  const { parameters } = await simulateFederation({
    ...{ plan, crypto, executor, coordinatorSecret },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: stage.parts.map(({ node, train }) => ({ node, histories: train })),
    random: (role, id, round, purpose) => seededSource(seed, role, id, round, purpose, epsilon, ...Object.values(settings)),
  });
  const ranks = await judge(stage.parts, parameters, { ...stage.judging, model: plan.model });
  const { ndcg10 } = resultBlock(joinRanks(ranks));
  return { ...settings, noise: digits(choice.estimate.trainingNoise), ndcg10: digits(ndcg10) };
}

/** A whole plan: statistics, walks along what they released, rounds of training; judged by what is released of each. */
async function mixtureCell(
  stage: Stage,
  cell: MixtureCell,
  { seed, crypto, executor }: MeasureOptions,
): Promise<MixtureEvidence> {
  const { epsilon, trainingShare, warmStart, ...settings } = cell;
  const choice = choosePlan({
    ...{ ...requestOf(stage, epsilon), ...settings, samplingRate: 1 },
    statistics: { trainingShare, ...(warmStart === undefined ? {} : { warmStart }) },
  });
  const { plan, secret: coordinatorSecret } = founded(stage, choice, seed, crypto);
  const models: SimulatedRound[] = [];
  await simulateFederation({
    ...{ plan, crypto, executor, coordinatorSecret, items: stage.catalogue.items },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: stage.parts.map(({ node, train }) => ({ node, histories: train })),
    random: (role, id, round, purpose) => seededSource(seed, "mixture", role, id, round, purpose, epsilon, trainingShare),
    onRound: (round) => void models.push(round),
  });
  const recipe = recipeOf(plan);
  const before = models.findIndex(({ statistics }) => statistics?.popularity !== undefined && statistics.query === undefined);
  const [begun, ended] = [models[before], models.at(-1)];
  if (begun?.statistics === undefined || ended === undefined) throw fail("TRB_SIMULATE_STALLED", { round: models.length });
  const options = { ...stage.judging, similarity: stage.similarity, recipe, spec: plan.model, seed };
  const tables = await judgeStatistics(stage.parts, begun.statistics, options);
  const both = async ({ parameters }: SimulatedRound) => {
    const released = releasedModel(begun.statistics ?? startStatistics(), { spec: plan.model, parameters }, options);
    return ndcgOf(await judgeReleasedHybrid(stage.parts, released, options));
  };
  const { statisticsNoise, trainingNoise } = choice.estimate;
  return {
    ...{ ...settings, epsilon, trainingShare },
    ...{ statisticsNoise: digits(statisticsNoise / stage.customers), noise: digits(trainingNoise) },
    ...{ tables: ndcgOf(tables), walks: await both(begun), ndcg10: await both(ended) },
  };
}

const ndcgOf = (ranks: readonly Ranks[]): number => digits(resultBlock(joinRanks(ranks)).ndcg10);

/** The plan of a choice, and the key that it is signed with. */
function founded({ catalogue }: Stage, choice: PlanChoice, seed: number, crypto: Crypto) {
  const secret = new Uint8Array(32);
  seededSource(seed, "coordinator").fill(secret);
  const plan = planDocument(crypto, choice.plan, {
    federation: "evidence",
    coordinatorKey: toHex(crypto.signingPublicKey(secret)) as IdentityKey,
    catalogue,
    catalogueProvenance: "public",
  });
  return { plan, secret };
}

function bySettings(a: TrainingEvidence, b: TrainingEvidence): number {
  return a.rounds - b.rounds || a.width - b.width || a.clipNorm - b.clipNorm || a.noise - b.noise;
}

/** More digits than the measurements have would only make files differ. */
const digits = (value: number): number => Number(value.toPrecision(4));

/** Reproducible: a measurement on made-up customers is no release. */
export function seededSource(seed: number, ...purpose: readonly (string | number)[]): RandomSource {
  return chachaSource(bytesOf(seededRandom(seed, "evidence", ...purpose)));
}
