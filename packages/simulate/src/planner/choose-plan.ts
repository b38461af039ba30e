/**
 * `plan new`: all numbers of a plan from what is publicly known about a federation, with the reasons in words.
 *
 * Catalogue size, a declared lower bound on the customers, the number of merchants and the privacy wanted go in; nothing
 * here looks at a log, or the plan itself would be a release. Names, hashes and keys are the caller's to add.
 */
import { chooseScale, sumQueryParameters } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { actions } from "@tributary/events";
import { graphVersion, type ModelSpec, parameterCount, statisticsRecipe, trainedCount, trainedNames } from "@tributary/model";
import { formatDecimal, type Plan, planCost } from "@tributary/protocol";
import { type Calibration, costBy, noiseBy } from "./calibration.ts";
import { type Cohort, chooseCohort, chooseQuota } from "./cohort.ts";
import { roundCost } from "./cost-model.ts";
import { chooseModel } from "./model-size.ts";
import { splitEpsilon } from "./noise-split.ts";
import { checkCohort, checkRequest, type PlanRequest } from "./plan-request.ts";
import { isUnreachable, withinReach } from "./reachable.ts";
import { splitStatistics, type UnscaledRelease } from "./statistics-split.ts";

/** What the planner leaves open: names, hashes, the catalogue's provenance and the coordinator's key. */
export type PlannedNumbers = Omit<
  Plan,
  "federation" | "graphHash" | "initialModelHash" | "catalogueHash" | "catalogueProvenance" | "coordinatorKey"
>;

export interface PlanChoice {
  readonly plan: PlannedNumbers;
  readonly why: readonly string[];
  readonly estimate: {
    readonly secondsPerRound: number;
    readonly bytesPerRoundPerNode: number;
    /** Bound of the chance that a coordinate of one round wraps around; costs accuracy, never privacy. */
    readonly wrapAroundProbability: number;
    /** z·k·√(n/h) of all statistics as one release: standard deviations of noise in a customer's vector's length. 0 without any. */
    readonly statisticsNoise: number;
    /** Length of the noise in training's mean update, in clip norms; 0 without training. */
    readonly trainingNoise: number;
  };
}

/** Bits of the grid below an integer unit: buckets are truncated there, so that truncation is nothing beside the dither. */
const fractionBits = 8;
/** Latest events of a customer that statistics look at: more than anybody has in the logs that the recipes were found on. */
const eventsCounted = 1024;

/** The study's numbers for students on released tables (docs/utility.md); fewer walks where there are few items to walk between. */
export const usualWarmStart = (items: number): NonNullable<Plan["warmStart"]> => ({
  ...{ walks: Math.min(16_000, 40 * items), epochs: 8, batch: 64, repeats: "keep", seed: 1 },
  learningRate: formatDecimal(0.002),
});

/** Whether walks along released tables can teach a model: `startStudent` of `@tributary/model`. */
const teachable = ({ family, output, item, items, weights }: ModelSpec, catalogueItems: number): boolean =>
  family === "sasrec" &&
  output === "tied" &&
  item.ids === "own" &&
  item.attributes.length === 0 &&
  item.features === 0 &&
  items === catalogueItems &&
  weights.churn === 0 &&
  weights.purchase === 0;

const warmStartReason =
  "Training begins where statistics end: the coordinator first trains the model on walks along what was released, which costs no ε.";

const trainedReason = (dimension: number, parameters: number): string =>
  `Of ${parameters.toLocaleString("en-US")} numbers of the model ${dimension.toLocaleString("en-US")} are trained: the noise in an update is as long as the root of that.`;

const openDpReason =
  "OpenDP draws the noise, so every node must have built it; it takes longer than our sampler, and uploads leave later for it.";

/**
 * @throws TRB_PLAN_EPSILON_NOT_POSITIVE, TRB_PLAN_DELTA_NOT_POSITIVE, TRB_PLAN_DELTA_TOO_LARGE, TRB_PLAN_COHORT_ABOVE_NODES,
 *   TRB_PLAN_COHORT_TOO_SMALL, TRB_PLAN_TOO_MANY_CORRUPT, TRB_PLAN_VALUE_OUT_OF_RANGE, TRB_PLAN_EPSILON_UNREACHABLE, TRB_MODEL_CONTENT_ROWS,
 *   TRB_PLAN_LATTICE_UNFIT
 */
export function choosePlan(request: PlanRequest): PlanChoice {
  checkRequest(request);
  const { selection, catalogueParts } = request;
  const beside = {
    ...(selection === undefined ? {} : { selection }),
    ...(catalogueParts === undefined ? {} : { catalogueParts: [...catalogueParts] }),
  };
  const isPaid = selection !== undefined || catalogueParts?.some((part) => part.selection !== undefined) === true;
  return withinReach(request.epsilon, (epsilon) => {
    if (isPaid) return planBeside({ ...request, epsilon }, beside);
    const choice = planAt({ ...request, epsilon });
    return { ...choice, plan: { ...choice.plan, ...beside } };
  });
}

/** The plan whose rounds cost what has been paid for already has left of ε. */
function planBeside(request: PlanRequest, beside: Pick<Plan, "selection" | "catalogueParts">): PlanChoice {
  const rounds = (epsilon: number): PlanChoice => {
    const choice = planAt({ ...request, epsilon });
    return { ...choice, plan: { ...choice.plan, ...beside } };
  };
  // only releases, selection, δ and merchants of a customer are looked at
  const costOf = ({ plan }: PlanChoice) => planCost(plan as unknown as Plan).epsilon;
  let [low, high] = [0, request.epsilon];
  let best: PlanChoice | undefined;
  for (let step = 0; step < 24; step++) {
    const middle = (low + high) / 2;
    const choice = attempt(() => rounds(middle));
    if (choice !== undefined && costOf(choice) > request.epsilon) high = middle;
    else {
      low = middle;
      best = choice ?? best;
    }
  }
  if (best === undefined) {
    const { epsilon, delta } = request;
    throw fail("TRB_DP_EPSILON_UNREACHABLE", { most: 1e6, epsilon, delta, steps: 1, samplingRate: 1 });
  }
  const paid = [
    ...(beside.selection === undefined ? [] : ["The recipe was chosen by looking at customers' data"]),
    ...(beside.catalogueParts === undefined ? [] : ["Items were selected by looking at customers' data"]),
  ];
  const left = `${paid.join(". ")}, which is paid for: the rounds have what is left of ε = ${request.epsilon}.`;
  return { ...best, plan: { ...best.plan, epsilon: formatDecimal(costOf(best), "up") }, why: [left, ...best.why] };
}

/** Undefined where no plan has the ε. */
function attempt<Answer>(answer: () => Answer): Answer | undefined {
  try {
    return answer();
  } catch (error) {
    if (isUnreachable(error)) return undefined;
    throw error;
  }
}

/** Parts of ε for what the accountant `lattice` adds to the continuous curve, the usual one first. */
const reserves = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2];

/** The plan of a request that is sound, if its ε can be reached at all. */
export function planAt(request: PlanRequest): PlanChoice {
  const { accountant = "rdp-integer", epsilon, delta } = request;
  if (accountant === "rdp-integer") return planBy(request, { accountant, reserve: 0 });
  for (const reserve of reserves) {
    const choice = planBy(request, { accountant, reserve });
    // only what decides the cost is looked at, and that is there
    const spent = planCost(choice.plan as unknown as Plan).epsilon;
    if (spent > epsilon) continue;
    const plan = { ...choice.plan, epsilon: formatDecimal(spent, "up") };
    return { ...choice, plan, why: [...choice.why, latticeReason(epsilon, delta)] };
  }
  throw fail("TRB_DP_EPSILON_UNREACHABLE", { most: 1e6, epsilon, delta, steps: 1, samplingRate: 1 });
}

function latticeReason(epsilon: number, delta: number): string {
  const once = { epsilon, delta, samplingRate: 1, steps: 1 };
  const noise = (accountant: Plan["accountant"]) => attempt(() => noiseBy({ accountant, reserve: 0 }, once));
  const [lattice, renyi] = [noise("lattice"), noise("rdp-integer")];
  const saved = lattice === undefined || renyi === undefined ? undefined : 100 * (1 - lattice / renyi);
  const less = saved === undefined ? "less" : `${saved.toFixed(1)} % less`;
  return `ε is added up by lattice: nothing is sampled, so discrete noise costs what continuous noise does, and ${less} of it is needed than by Rényi divergences.`;
}

function planBy(request: PlanRequest, calibration: Calibration): PlanChoice {
  const { customers, merchants, delta, sampler = "exact", merchantsPerCustomer = 1 } = request;
  const cohort = chooseCohort(merchants, request);
  checkCohort(cohort, merchants);
  const { minCohort, maxCorrupt } = cohort;
  const { model, why: sizeReasons } = chooseModel(request);
  const honestNodes = minCohort - maxCorrupt;
  const spending = spend({ ...request, merchantsPerCustomer, model, honestNodes, calibration });
  if (spending.epsilon === 0) throw drowned(request, spending.releases);
  const samplingRate = Math.max(...spending.releases.map((release) => Number(release.samplingRate)));
  const customerQuota = chooseQuota(customers, merchants, samplingRate);
  const scaled = spending.releases.map((release) =>
    scale(release, { ...request, ...cohort, merchantsPerCustomer, customerQuota }),
  );
  const releases = scaled.map(({ release }) => release);
  const cost = roundCost(model, releases, customers / merchants, sampler);
  const inflation = Math.max(
    ...releases.map((release) => {
      const parties = { minCohort, maxCorrupt, customerQuota, maxMerchantsPerCustomer: merchantsPerCustomer };
      return sumQueryParameters({ ...release, ...parties }).inflation / merchantsPerCustomer;
    }),
  );
  const { epsilon, optimiser, statistics } = spending;
  const plan: PlannedNumbers = {
    version: 1,
    unit: "customer",
    maxMerchantsPerCustomer: merchantsPerCustomer,
    model,
    graphVersion,
    actions: [...actions],
    caps: spending.caps,
    ...(spending.trained === undefined ? {} : { trained: [...spending.trained] }),
    local: { learningRate: formatDecimal(1), proximal: formatDecimal(0), epochs: 1, batchSize: 32 },
    releases,
    ...(statistics === undefined ? {} : { statistics }),
    ...(spending.warmStart === undefined ? {} : { warmStart: spending.warmStart }),
    ...(cohort.graph === undefined ? {} : { graph: cohort.graph }),
    noiseMode: "distributed",
    sampler,
    accountant: calibration.accountant,
    epsilon: formatDecimal(epsilon, "up"),
    delta: formatDecimal(delta),
    minCustomers: customers,
    minCohort,
    maxCorrupt,
    threshold: "quorum",
    customerQuota,
    deadlines: cost.deadlines,
    optimiser,
  };
  const { uploadOffset } = cost.deadlines;
  const why = [
    ...(spending.trains ? sizeReasons : []),
    ...spending.why,
    ...cohort.why,
    ...(merchantsPerCustomer === 1 ? [] : [severalMerchants(merchantsPerCustomer)]),
    ...(sampler === "opendp" ? [openDpReason] : []),
    `A node's sum leaves room for ${customerQuota} customers; a merchant with more is clamped, which costs accuracy and no privacy.`,
    `Rounding to what 32 bits hold adds ${(100 * (inflation - 1)).toPrecision(2)} % to the noise.`,
    `Uploads leave ${(uploadOffset / 1000).toFixed(1)} s after each offer, whatever the computation took, and are ${megabytes(cost.bytesPerRoundPerNode)} MB.`,
  ];
  return {
    plan,
    why,
    estimate: {
      secondsPerRound: uploadOffset / 1000 + 0.3,
      bytesPerRoundPerNode: cost.bytesPerRoundPerNode,
      wrapAroundProbability: Math.max(...scaled.map(({ wrapAroundProbability }) => wrapAroundProbability)),
      statisticsNoise: spending.statisticsNoise * merchantsPerCustomer * Math.sqrt(merchants / honestNodes),
      trainingNoise: spending.trainingNoise,
    },
  };
}

/** Below what the accountant can tell from nothing, the only noise that keeps an ε is so much that the sums say nothing at all. */
function drowned({ epsilon, delta }: PlanRequest, releases: readonly UnscaledRelease[]): Error {
  const steps = releases.reduce((sum, { rounds }) => sum + rounds, 0);
  const most = Math.floor(Math.min(...releases.map(({ noiseMultiplier }) => Number(noiseMultiplier))));
  return fail("TRB_DP_EPSILON_UNREACHABLE", { most, epsilon, delta, steps, samplingRate: 1 });
}

/** What ε buys, before it is known how the integers are scaled. */
interface Spending {
  readonly releases: readonly UnscaledRelease[];
  readonly statistics?: NonNullable<Plan["statistics"]>;
  readonly caps: Plan["caps"];
  readonly epsilon: number;
  readonly optimiser: Plan["optimiser"];
  readonly trains: boolean;
  /** Tensors by name; undefined: all, or no training. */
  readonly trained?: readonly string[];
  readonly warmStart?: NonNullable<Plan["warmStart"]>;
  /** z of all statistics as one release. */
  readonly statisticsNoise: number;
  readonly trainingNoise: number;
  readonly why: readonly string[];
}

function spend(
  request: PlanRequest & {
    readonly model: ModelSpec;
    readonly honestNodes: number;
    readonly calibration: Calibration;
    readonly merchantsPerCustomer: number;
  },
): Spending {
  const { model, delta, epsilon, catalogueItems, statistics, calibration } = request;
  // what a model reads, and what it learns to predict after that
  const eventsRead = model.length + Math.max(1, model.steps);
  const recipe = statistics && (statistics.recipe ?? statisticsRecipe(epsilon));
  const counted =
    recipe &&
    splitStatistics({
      ...{ recipe, catalogueItems, epsilon, delta, calibration, retries: 0, trainingShare: 0 },
      ...statistics,
    });
  const caps = {
    maxEvents: Math.max(eventsRead, counted === undefined ? 0 : eventsCounted),
    maxItems: recipe?.maxItems ?? eventsRead,
    maxPairs: recipe?.maxPairs ?? 0,
    localSteps: 1,
  };
  const trains = counted === undefined || (statistics?.trainingShare ?? 0) > 0;
  if (!trains) {
    const { releases, section, events, why } = counted;
    // no round of this plan uses it
    const optimiser = { name: "fedavg", learningRate: formatDecimal(1), momentum: formatDecimal(0) } as const;
    const { noise: statisticsNoise } = counted;
    const spent = { epsilon: costBy(calibration, events, delta), statisticsNoise, trainingNoise: 0 };
    return { releases, statistics: section, caps, optimiser, trains, why, ...spent };
  }
  const trained = request.trained && trainedNames(model, request.trained);
  const dimension = trainedCount(model, trained);
  const split = splitEpsilon({ ...request, dimension, ...(counted === undefined ? {} : { besides: counted.events }) });
  const wanted = statistics?.warmStart ?? (teachable(model, catalogueItems) ? usualWarmStart(catalogueItems) : "none");
  const start = counted === undefined || wanted === "none" ? undefined : wanted;
  const training: UnscaledRelease = {
    kind: "training",
    arithmetic: "bucketed",
    clipNorm: formatDecimal(split.clipNorm),
    samplingRate: formatDecimal(split.samplingRate),
    noiseMultiplier: formatDecimal(split.noiseMultiplier, "up"),
    rounds: split.rounds,
    dimension,
    touched: dimension,
  };
  return {
    releases: [...(counted?.releases ?? []), training],
    ...(counted === undefined ? {} : { statistics: counted.section }),
    ...(start === undefined ? {} : { warmStart: start }),
    caps,
    epsilon: split.epsilon,
    optimiser: {
      name: "fedavg",
      learningRate: formatDecimal(split.learningRate),
      momentum: formatDecimal(split.momentum),
    },
    trains,
    ...(trained === undefined ? {} : { trained }),
    statisticsNoise: counted?.noise ?? 0,
    trainingNoise: split.noise,
    why: [
      ...(counted?.why ?? []),
      ...(start === undefined ? [] : [warmStartReason]),
      ...(trained === undefined ? [] : [trainedReason(dimension, parameterCount(model))]),
      ...split.why,
    ],
  };
}

/** As many integer units as 32 bits hold, for these merchants. */
function scale(
  release: UnscaledRelease,
  {
    merchants,
    minCohort,
    maxCorrupt,
    customerQuota,
    merchantsPerCustomer,
  }: Pick<PlanRequest, "merchants"> & Cohort & { readonly customerQuota: number; readonly merchantsPerCustomer: number },
): { readonly release: Plan["releases"][number]; readonly wrapAroundProbability: number } {
  const { scale, wrapAroundProbability } = chooseScale({
    arithmetic: release.arithmetic,
    totalQuota: merchants * customerQuota,
    clipNorm: release.clipNorm,
    noiseMultiplier: release.noiseMultiplier,
    dimension: release.dimension,
    touched: release.touched,
    maxNodes: merchants,
    honestMinimum: minCohort - maxCorrupt,
    maxMerchantsPerCustomer: merchantsPerCustomer,
  });
  return { release: { ...release, scale: formatDecimal(Number(scale)), fractionBits }, wrapAroundProbability };
}

const severalMerchants = (merchants: number): string =>
  `One person may be a customer of ${merchants} merchants: ε is for all of them together, and the noise ${merchants} times what one would need.`;

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1);
