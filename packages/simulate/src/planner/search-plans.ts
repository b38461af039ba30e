/**
 * `plan new --target-epsilon`: tries all plans that simulation can say something of, and shows what each ε buys, in how many hours and bytes. Varied are
 * the split between statistics and training, the sampling rate, rounds, clip norm and width of training, and the cohort; noise follows from them and ε.
 *
 * Only public numbers go in. Expected utility is NDCG@10 on a made-up market (`evidence.ts`): it orders plans, it promises nothing about a real log.
 */
import { fail } from "@tributary/errors";
import { type TrainedGroup, trainedGroups } from "@tributary/model";
import { choosePlan, type PlanChoice, planAt } from "./choose-plan.ts";
import { chooseCohort } from "./cohort.ts";
import type { Evidence, MarketEvidence, MixtureSettings, TrainingSettings } from "./evidence.ts";
import type { PlanRequest } from "./plan-request.ts";
import {
  expectedOfMixture,
  expectedOfStatistics,
  expectedOfTraining,
  mixtureSettings,
  nearestMarket,
  trainingSettings,
} from "./predict.ts";
import { isUnreachable, withinReach } from "./reachable.ts";

export interface SearchRequest
  extends Omit<PlanRequest, "statistics" | "rounds" | "width" | "samplingRate" | "clipNorm" | "delta"> {
  readonly delta: number;
  /** Most hours that all rounds may take; no limit unless given. */
  readonly hours?: number;
  /** Instead of the best: what part of the budget goes to training, 1 for all of it. */
  readonly trainingShare?: number;
  /** Retries of each statistic that is released once. */
  readonly retries: number;
  readonly evidence: Evidence;
}

/** A plan, and what is expected of it. */
export interface Candidate {
  readonly epsilon: number;
  /** Of 1/σ²: 0 for statistics alone, 1 for training alone. */
  readonly trainingShare: number;
  /** Of training; undefined without. */
  readonly training: TrainingWishes | undefined;
  readonly minCohort: number;
  /** NDCG@10 of what serves: `training` where anything is trained, which on top of statistics is both together; else `statistics`. */
  readonly expected: number;
  readonly expectedParts: { readonly statistics?: number; readonly training?: number };
  readonly rounds: number;
  readonly hours: number;
  /** Uploads of one node in all rounds. */
  readonly bytes: number;
  readonly choice: PlanChoice;
}

export interface PlanSearch {
  readonly chosen: Candidate;
  /** No other candidate at the target is at least as good in utility, hours and bytes. Best utility first. */
  readonly frontier: readonly Candidate[];
  /** The best within the hours at other ε. */
  readonly byEpsilon: readonly Candidate[];
  readonly tried: number;
  readonly market: Pick<MarketEvidence, "items" | "customers" | "floor" | "popularity">;
  readonly why: readonly string[];
  readonly warnings: readonly string[];
}

/** Two values of NDCG@10 on some thousands of customers that differ by less may be the same. */
const indistinct = 0.02;
const shares = [0.25, 0.5, 0.75];
/** Of everybody: half as much computation, for more noise. */
const rates = [1, 0.5];
/** The accountant `lattice` bounds no sample. */
const ratesBy = (accountant: SearchRequest["accountant"]) => (accountant === "lattice" ? [1] : rates);
const otherBudgets = [1 / 8, 1 / 4, 1 / 2, 2];

/**
 * @throws TRB_PLAN_EPSILON_UNREACHABLE, TRB_PLAN_HOURS_TOO_FEW, and the codes of `choosePlan`
 */
export function searchPlans(request: SearchRequest): PlanSearch {
  const { evidence, customers, catalogueItems, epsilon, hours = Number.POSITIVE_INFINITY } = request;
  // refuses what no plan could be made of, before anything is searched
  const { trainingShare: asked, retries, accountant } = request;
  choosePlan({
    ...planRequest(request),
    ...(accountant === "lattice" ? { samplingRate: 1 } : {}),
    ...(asked === 1 ? {} : { statistics: { retries } }),
  });
  const market = nearestMarket(evidence, { items: catalogueItems, customers });
  if (market === undefined) {
    throw fail("TRB_PLAN_VALUE_OUT_OF_RANGE", { path: "evidence", value: "empty", expected: "at least one market" });
  }
  const all = withinReach(epsilon, (at) => candidatesAt({ ...request, epsilon: at }, market));
  const affordable = all.filter((candidate) => candidate.hours <= hours);
  const eligible = affordable.filter(({ trainingShare }) => trainingShare === (request.trainingShare ?? trainingShare));
  const chosen = best(eligible);
  if (chosen === undefined) {
    const least = Math.min(...all.map((candidate) => candidate.hours));
    throw fail("TRB_PLAN_HOURS_TOO_FEW", { hours, least: Number(roundUp(least).toPrecision(3)) });
  }
  const byEpsilon = otherBudgets.flatMap((factor) => {
    const found = best(reachable({ ...request, epsilon: factor * epsilon }, market).filter((each) => each.hours <= hours));
    return found === undefined ? [] : [found];
  });
  return {
    chosen,
    frontier: frontierOf(affordable),
    byEpsilon: [...byEpsilon, chosen].sort((a, b) => a.epsilon - b.epsilon),
    tried: all.length,
    market,
    why: [...reasons(chosen, affordable, market, request), ...chosen.choice.why],
    warnings: warnings(chosen, affordable),
  };
}

function reachable(request: SearchRequest, market: MarketEvidence): readonly Candidate[] {
  try {
    return candidatesAt(request, market);
  } catch (error) {
    if (isUnreachable(error)) return [];
    throw error;
  }
}

/** @throws the codes of `withinReach` when not one plan reaches the ε */
function candidatesAt(request: SearchRequest, market: MarketEvidence): readonly Candidate[] {
  const found: Candidate[] = [];
  let refusal: unknown;
  for (const wishes of wishesOf(request, market)) {
    try {
      found.push(candidate(request, market, wishes));
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      refusal ??= error;
    }
  }
  if (found.length === 0) throw refusal;
  return found;
}

interface Wishes {
  readonly minCohort: number;
  readonly trainingShare: number;
  readonly training?: TrainingWishes;
}

interface TrainingWishes extends TrainingSettings {
  readonly samplingRate: number;
  /** What of the model is trained; everything unless given. */
  readonly trained?: readonly TrainedGroup[];
}

function wishesOf(
  { merchants, minCohort, maxCorrupt, trainingShare, accountant }: SearchRequest,
  market: MarketEvidence,
): readonly Wishes[] {
  const wanted = { ...(minCohort === undefined ? {} : { minCohort }), ...(maxCorrupt === undefined ? {} : { maxCorrupt }) };
  const usual = chooseCohort(merchants, wanted).minCohort;
  // a tenth may be missing: with fewer missing there is less noise, and more rounds fail
  const fuller = minCohort ?? Math.max(usual, merchants - Math.ceil(merchants / 10));
  const given = trainingShare === undefined || trainingShare === 0 || trainingShare === 1 ? [] : [trainingShare];
  const sampled = <Settings extends TrainingSettings>(settings: readonly Settings[]) =>
    settings.flatMap((one) => ratesBy(accountant).map((samplingRate) => ({ ...one, samplingRate })));
  const simulated = mixtureSettings(market).map(({ trained, ...settings }) => ({ ...settings, trained: groupsOf(trained) }));
  // who asks for a share gets it, even where nothing says what it brings
  const mixtures: readonly (TrainingSettings & { readonly trained?: readonly TrainedGroup[] })[] =
    simulated.length > 0 || given.length === 0 ? simulated : trainingSettings(market);
  return [...new Set([usual, fuller])].flatMap((cohort) => [
    { minCohort: cohort, trainingShare: 0 },
    ...sampled(trainingSettings(market)).map((training) => ({ minCohort: cohort, trainingShare: 1, training })),
    ...sampled(mixtures).flatMap((training) =>
      [...new Set([...(simulated.length > 0 ? shares : []), ...given])].map((share) => ({
        minCohort: cohort,
        trainingShare: share,
        training,
      })),
    ),
  ]);
}

function planRequest(request: SearchRequest): PlanRequest {
  const { hours: _h, trainingShare: _t, retries: _r, evidence: _e, ...plan } = request;
  return plan;
}

function candidate(request: SearchRequest, market: MarketEvidence, wishes: Wishes): Candidate {
  const { customers, retries } = request;
  const { training, trainingShare, minCohort } = wishes;
  const choice = planAt({
    ...planRequest(request),
    minCohort,
    ...(training ?? {}),
    ...(trainingShare === 1 ? {} : { statistics: { retries, trainingShare } }),
  });
  const { estimate, plan } = choice;
  const statistics = trainingShare === 1 ? undefined : expectedOfStatistics(market, estimate.statisticsNoise / customers);
  const isSimulated = trainingShare === 1 || plan.warmStart !== undefined; // mixtures were, with a warm start alone
  const trained = training && isSimulated ? expectedOf(market, training, trainingShare, estimate, customers) : undefined;
  const wanted = plan.releases.map(({ rounds, retries: spare = 0, dimension }) => ({ rounds: rounds - spare, dimension }));
  const rounds = wanted.reduce((sum, release) => sum + release.rounds, 0);
  return {
    epsilon: request.epsilon,
    ...{ trainingShare, training, minCohort, rounds, choice },
    expected: trained ?? statistics ?? 0,
    expectedParts: {
      ...(statistics === undefined ? {} : { statistics }),
      ...(trained === undefined ? {} : { training: trained }),
    },
    hours: (rounds * estimate.secondsPerRound) / 3600,
    bytes: wanted.reduce((sum, release) => sum + 4 * release.rounds * release.dimension, 0),
  };
}

/** Of training alone, or on top of statistics. */
function expectedOf(
  market: MarketEvidence,
  training: TrainingSettings & Partial<MixtureSettings>,
  share: number,
  { statisticsNoise, trainingNoise }: PlanChoice["estimate"],
  customers: number,
): number | undefined {
  if (share === 1) return expectedOfTraining(market, training, trainingNoise);
  const noise = { statistics: statisticsNoise / customers, training: trainingNoise };
  return expectedOfMixture(market, { ...training, trained: training.trained ?? [] }, noise);
}

const groupsOf = (names: readonly string[]): readonly TrainedGroup[] => trainedGroups.filter((group) => names.includes(group));

/** The best by utility; of those that can't be told apart the one that trains least, then the shortest. */
function best(candidates: readonly Candidate[]): Candidate | undefined {
  const most = Math.max(...candidates.map(({ expected }) => expected));
  return candidates
    .filter(({ expected }) => expected >= most * (1 - indistinct))
    .sort((a, b) => a.trainingShare - b.trainingShare || b.expected - a.expected || a.hours - b.hours)[0];
}

function frontierOf(candidates: readonly Candidate[]): readonly Candidate[] {
  const beats = (a: Candidate, b: Candidate) =>
    a.expected >= b.expected &&
    a.hours <= b.hours &&
    a.bytes <= b.bytes &&
    (a.expected > b.expected || a.hours < b.hours || a.bytes < b.bytes);
  const same = (a: Candidate, b: Candidate) => a.expected === b.expected && a.hours === b.hours && a.bytes === b.bytes;
  return candidates
    .filter((one, place) => !candidates.some((other, i) => beats(other, one) || (i < place && same(other, one))))
    .sort((a, b) => b.expected - a.expected);
}

const bestPart = (candidates: readonly Candidate[], part: "statistics" | "training"): number =>
  Math.max(0, ...candidates.map(({ expectedParts }) => expectedParts[part] ?? 0));

function reasons(
  chosen: Candidate,
  candidates: readonly Candidate[],
  market: MarketEvidence,
  { customers, catalogueItems, evidence, hours }: SearchRequest,
): string[] {
  const [statistics, training] = [bestPart(candidates, "statistics"), bestPart(candidates, "training")];
  const number = (value: number) => value.toLocaleString("en-US");
  const found =
    training > statistics * (1 + indistinct)
      ? `Training, with statistics or without, is expected at ${training.toFixed(3)}, statistics at ${statistics.toFixed(3)}: training is worth its ε here.`
      : `Statistics are expected at ${statistics.toFixed(3)}, training, with statistics or without, at most at ${training.toFixed(3)}: ${verdict(training, statistics, market.floor)}, so that spending on it is worthless here.`;
  return [
    `Expected NDCG@10 ${chosen.expected.toFixed(3)}, against ${market.floor.toFixed(3)} of public content at ε = 0 and ${market.popularity.toFixed(3)} of exact popularity: simulated on a made-up market of ${number(market.items)} items and ${number(market.customers)} customers, the nearest to ${number(catalogueItems)} and ${number(customers)} (\`${evidence.command}\`). It orders plans; your log will give another number.`,
    found,
    chosen.training === undefined
      ? "All of ε goes to statistics."
      : `${percent(chosen.trainingShare)} of the budget, in 1/σ², goes to training: ${partsIn(chosen.training)}${chosen.training.rounds} rounds, width ${chosen.training.width}, clip norm ${chosen.training.clipNorm}, sampling rate ${chosen.training.samplingRate}.`,
    `All ${chosen.rounds} rounds take about ${hoursIn(chosen.hours)}${hours === undefined ? "" : ` of ${hours} h`} and ${(chosen.bytes / 1e6).toFixed(1)} MB of uploads a merchant; ${chosen.minCohort} merchants have to be there.`,
  ];
}

function verdict(training: number, statistics: number, floor: number): string {
  if (training < floor) return "less than public content brings for nothing";
  return training < statistics * (1 - indistinct) ? "which is less" : "no more than simulation can tell apart";
}

function warnings(chosen: Candidate, candidates: readonly Candidate[]): readonly string[] {
  if (chosen.trainingShare === 0) return [];
  const { training } = chosen.expectedParts;
  if (training === undefined) return [notSimulated(chosen.trainingShare)];
  return worthless(training, bestPart(candidates, "statistics"), chosen.trainingShare);
}

function worthless(training: number, statistics: number, share: number): readonly string[] {
  if (training > statistics * (1 + indistinct)) return [];
  return [
    `By simulation ${percent(share)} of the budget for training is worthless here: it is expected at ${training.toFixed(3)}, statistics alone at ${statistics.toFixed(3)}. It is planned because it was asked for.`,
  ];
}

/** What simulation has to say against the training of a plan that was asked for; nothing where nothing like it was simulated. */
export function trainingWarnings(choice: PlanChoice, request: PlanRequest, evidence: Evidence): readonly string[] {
  const { catalogueItems, customers, statistics } = request;
  const training = choice.plan.releases.find(({ kind }) => kind === "training");
  const market = nearestMarket(evidence, { items: catalogueItems, customers });
  if (training === undefined || market === undefined) return [];
  const settings = { rounds: training.rounds, width: choice.plan.model.width, clipNorm: Number(training.clipNorm) };
  const share = statistics === undefined ? 1 : (statistics.trainingShare ?? 0);
  const covered = request.trained === undefined ? settings : { ...settings, trained: request.trained };
  const isSimulated = share === 1 || choice.plan.warmStart !== undefined;
  const trained = isSimulated ? expectedOf(market, covered, share, choice.estimate, customers) : undefined;
  if (trained === undefined) return share === 1 ? [] : [notSimulated(share)];
  const { estimate } = planAt({ ...request, statistics: { ...statistics, trainingShare: 0 } });
  const alone = expectedOfStatistics(market, estimate.statisticsNoise / customers);
  return worthless(trained, alone, share);
}

const notSimulated = (share: number): string =>
  `${percent(share)} of the budget goes to training in a way that was not simulated on top of statistics: nothing says what it will bring.`;

const partsIn = ({ trained }: TrainingWishes): string => (trained === undefined ? "" : `${trained.join(" and ")} alone, `);

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;
const hoursIn = (hours: number): string => (hours < 1 ? `${Math.ceil(60 * hours)} min` : `${hours.toFixed(1)} h`);
const roundUp = (value: number): number => value * 1.005;
