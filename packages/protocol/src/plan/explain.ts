/**
 * A plan in plain words: what leaves a node, who is protected, how strongly, against whom, and what nobody can check from a
 * file. `describePlan` has the facts, `explainPlan` the sentences; both are functions of the plan alone. What is said of privacy
 * is said by `dp` (`guaranteeOf` fills its form); here is what a plan adds: how the model is made.
 */
import {
  type Account,
  account,
  describe,
  discreteGaussianNoise,
  expectedRuns,
  type Guarantee,
  latticeGaussian,
  type ProtectionTier,
  privacyProfile,
  profileEpsilons,
  profileMu,
  type Statement,
  sampledGaussian,
  statementLines,
} from "@tributary/dp";
import { isTributaryError } from "@tributary/errors";
import { formatDecimal, parseDecimal } from "../canonical/decimals.ts";
import { acceptanceSentences } from "./acceptance.ts";
import { isSpentBefore, partsSentences } from "./catalogue-parts.ts";
import { chargedFor, planCost } from "./cost.ts";
import { earlyStopSentences } from "./early-stop.ts";
import { largestFullGraph } from "./graph.ts";
import { latticeReleases } from "./lattice.ts";
import { optimiserInWords, updateNormSentences } from "./optimiser.ts";
import { packingSentences } from "./packing.ts";
import { promotionSentences } from "./promotion.ts";
import { type RateSchedule, scheduleSentences } from "./schedule.ts";
import type { Plan, Release } from "./schema.ts";
import { warmStartSentences } from "./warm-start.ts";

export interface PlanDescription {
  readonly releases: readonly {
    readonly kind: Release["kind"];
    readonly what: string;
    /** Rounds that may be charged, retries included. */
    readonly rounds: number;
    readonly samplingRate: string;
    readonly noiseMultiplier: string;
    readonly clipNorm: string;
    /** How the learning rate runs; null where it stays. */
    readonly schedule: RateSchedule | null;
  }[];
  /** By which released metrics training ends early, and which models serve; null where the plan has no such rule. */
  readonly earlyStop: Plan["earlyStop"] | null;
  readonly promotion: Plan["promotion"] | null;
  /** The tensors that training covers, as the plan names them; null: all of them, or nothing is trained. */
  readonly trained: readonly string[] | null;
  /** What the coordinator makes the next model with, and its numbers. */
  readonly optimiser: string;
  readonly privacy: {
    /** Stated in the plan. */
    readonly epsilon: string;
    /** Recomputed over all releases, rounded up. */
    readonly recomputed: string;
    /** The same by `rdp-integer`, which a second program may have: equal to `recomputed` unless the plan's accountant is another. */
    readonly byRenyi: string;
    /**
     * By privacy loss distributions of continuous noise of the same size: how much of ε is the accountant's slack. No bound for the
     * discrete noise of many coordinates that nodes add (docs/privacy/accounting.md); null where it has no finite ε.
     */
    readonly continuousApproximation: string | null;
    readonly delta: string;
    /** By ε and by δ against `minCustomers`. */
    readonly tier: ProtectionTier;
    readonly unit: Plan["unit"];
    readonly adjacency: "add-or-remove-one";
    readonly maxMerchantsPerCustomer: number;
    readonly accountant: Plan["accountant"];
    /** Set when the promise holds only under a condition that the plan itself breaks. */
    readonly conditional: "catalogue treated as public" | null;
  };
  readonly trust: {
    readonly noiseMode: Plan["noiseMode"];
    readonly minCohort: number;
    readonly maxCorrupt: number;
    /** Nodes whose noise the promise counts on. */
    readonly honestNodes: number;
    readonly samplingIsSecret: boolean;
    /** Whose sampler draws a node's noise, in words. */
    readonly sampler: string;
  };
  /** What no file can show (DESIGN §4). */
  readonly notVerifiable: readonly string[];
  /** The same facts as `dp` states a guarantee: a section for each thing that NIST SP 800-226 asks about. */
  readonly statement: Pick<Statement, "tier" | "sections">;
}

/** What no ledger, plan or signature can show; every statement says so. */
export const notVerifiable: readonly string[] = [
  "that each node added its noise",
  "that each node clipped its customers' vectors",
  "that sampling was secret",
  "that counts are honest",
  "that the catalogue is public",
  "that no customer is known to more merchants than stated",
  "that tuning looked at no private data",
];

const released: Readonly<Record<Release["kind"], string>> = {
  popularity: "one sum of the items that customers had, each customer's weight spread over them, over all nodes, with noise",
  pairs:
    "one sum of the pairs of items that customers had close together, out of a public list of pairs, over all nodes, with noise",
  training: "one sum of clipped training updates of the sampled customers, over all nodes, with noise",
  metrics:
    "one sum of how well the released model predicts the last events of customers who are held out (a count, hits, discounted gains, reciprocal ranks, clipped losses), over all nodes, with noise",
  features:
    "one sum of how many customers have each of a public list of features (how often, how long ago, how much at once), and of the feature and its square on a public scale, over all nodes, with noise",
  query: "one sum of clipped vectors that an extension computes, one of each customer, over all nodes, with noise",
};

const samplers: Readonly<Record<Plan["sampler"], string>> = {
  exact: "this program's own exact sampler of the discrete Gaussian, in which no float decides",
  opendp: "OpenDP's exact sampler of the discrete Gaussian (Rust), which every node has to have built",
};

/** @throws the codes of `planCost` for a plan that has no finite cost, those of `describe` for one that promises nothing that can be said */
export function describePlan(plan: Plan): PlanDescription {
  const { unit, delta, epsilon, accountant, noiseMode, minCohort, maxCorrupt, maxMerchantsPerCustomer } = plan;
  const guarantee = guaranteeOf(plan);
  const { tier, sections } = describe(guarantee);
  return {
    releases: plan.releases.map(({ kind, rounds, samplingRate, noiseMultiplier, clipNorm, schedule = null }) => ({
      kind,
      what: released[kind],
      rounds,
      samplingRate,
      noiseMultiplier,
      clipNorm,
      schedule,
    })),
    earlyStop: plan.earlyStop ?? null,
    promotion: plan.promotion ?? null,
    trained: plan.trained ?? null,
    optimiser: optimiserInWords(plan.optimiser),
    privacy: {
      epsilon,
      recomputed: formatDecimal(planCost(plan).epsilon, "up"),
      byRenyi: byRenyi(plan),
      continuousApproximation: continuousApproximation(plan),
      delta,
      tier,
      unit,
      adjacency: "add-or-remove-one",
      maxMerchantsPerCustomer,
      accountant,
      conditional: plan.catalogueProvenance === "log" ? "catalogue treated as public" : null,
    },
    trust: {
      noiseMode,
      minCohort,
      maxCorrupt,
      honestNodes: noiseMode === "distributed" ? minCohort - maxCorrupt : 1,
      samplingIsSecret: guarantee.sampling === "secret-poisson",
      sampler: samplers[plan.sampler],
    },
    notVerifiable,
    statement: { tier, sections },
  };
}

/** One sentence or two a line. @throws the codes of `describePlan` */
export function explainPlan(plan: Plan): string[] {
  const statement = describe(guaranteeOf(plan));
  const lines = statementLines(statement);
  const releases = statement.sections.releases.length;
  const approximation = continuousApproximation(plan);
  return [
    `This is the plan of the federation "${plan.federation}". It fixes everything that may be done with customers' data.`,
    ...lines.slice(0, releases),
    ...statisticsSentences(plan),
    ...trainingSentences(plan),
    ...metricsSentences(plan),
    ...featureSentences(plan),
    ...acceptanceSentences(plan),
    ...earlyStopSentences(plan),
    ...promotionSentences(plan),
    ...extensionSentences(plan),
    ...selectionSentences(plan),
    "Nothing else that depends on customers' data leaves a node for the coordinator or for other nodes.",
    ...lines.slice(releases),
    `A node draws its noise with ${samplers[plan.sampler]}.`,
    `ε was recomputed from the releases: ${formatDecimal(planCost(plan).epsilon, "up")}.`,
    ...accountantSentences(plan),
    ...(approximation === null
      ? []
      : [
          `Beside it, not certified: continuous noise of the same size would cost ε = ${Number(approximation).toFixed(4)} (privacy loss distributions).`,
        ]),
    provenanceSentence(plan.catalogueProvenance),
    ...partsSentences(plan),
  ];
}

/** The plan in `dp`'s form of a guarantee: all that it permits. @throws the codes of `planCost` */
export function guaranteeOf(plan: Plan): Guarantee {
  const { releases, noiseMode, minCohort, maxCorrupt, unit, catalogueProvenance } = plan;
  const everybody = releases.every(({ samplingRate }) => parseDecimal(samplingRate) >= 1);
  return {
    unit: unit === "node" ? { kind: "node" } : { kind: "customer", merchants: plan.maxMerchantsPerCustomer },
    adjacency: "add-or-remove-one",
    trust:
      noiseMode === "distributed"
        ? { model: "distributed", cohort: minCohort, corrupt: maxCorrupt }
        : noiseMode === "local"
          ? { model: "local", cohort: minCohort }
          : { model: "central" },
    sampling: everybody ? "everybody" : "secret-poisson",
    releases: releases.map(({ kind, rounds, samplingRate, clipNorm, noiseMultiplier }) => ({
      ...{ what: released[kind], times: rounds },
      ...{ samplingRate, clipNorm, noiseMultiplier },
    })),
    epsilon: plan.epsilon,
    delta: plan.delta,
    people: plan.minCustomers,
    accountant: plan.accountant,
    period: "all rounds of this plan, retries included; what is spent does not come back, and another plan costs anew",
    assumptions: [
      "nodes run this program unchanged",
      `there are at least ${plan.minCustomers} customers`,
      ...(noiseMode === "distributed" ? [`no more than ${maxCorrupt} of a round's nodes are corrupt`] : []),
      ...(noiseMode === "distributed" && plan.graph?.dropouts === "independent"
        ? [`in rounds of more than ${largestFullGraph} nodes, who drops out does not depend on who is whose neighbour`]
        : []),
      ...(unit === "customer" && plan.maxMerchantsPerCustomer > 1
        ? [`nobody shops at more than ${plan.maxMerchantsPerCustomer} merchants`]
        : []),
      ...(everybody ? [] : ["each node's sample of customers stays secret"]),
    ],
    notCovered: [
      ...(catalogueProvenance === "log" ? ["the list of items, which was taken from the log"] : []),
      "what a merchant does with its own customers' data in its own house",
      "that a node takes part, and when",
    ],
    notVerifiable,
    ...profileOf(plan),
  };
}

/** μ and a few points of δ(ε) by the plan's accountant; nothing where it bounds nothing. */
function profileOf(plan: Plan): Pick<Guarantee, "mu" | "profile"> {
  if (isSpentBefore(plan)) return {}; // no accountant of events bounds it
  const { delta } = plan;
  const spent = accountOf(plan);
  const profile = privacyProfile(spent, profileEpsilons(spent, Math.min(0.01, parseDecimal(delta)), 5)).filter(
    ({ delta: chance }) => chance < 1,
  );
  const last = profile.at(-1);
  return last === undefined || profile.length < 2
    ? { profile }
    : { profile, mu: { value: profileMu(profile), upTo: last.epsilon } };
}

const byRenyi = (plan: Plan): string => formatDecimal(planCost({ ...plan, accountant: "rdp-integer" }).epsilon, "up");

function accountantSentences(plan: Plan): string[] {
  if (plan.accountant === "rdp-integer") return [];
  return [
    `The accountant lattice charges discrete noise on vectors as the continuous Gaussian and two tiny terms more, which is proven where nothing is sampled (docs/privacy/accounting.md). By Rényi divergences at integer orders, which the ledger states as well, it would be ε = ${byRenyi(plan)}.`,
  ];
}

/** All that the plan permits, by its accountant. */
function accountOf(plan: Plan): Account {
  const { releases, accountant } = plan;
  const empty = account(accountant);
  if (accountant === "lattice") {
    return latticeReleases(plan).reduce(
      (sum, one, place) => sum.add(latticeGaussian(one), releases[place]?.rounds ?? 0),
      empty,
    );
  }
  return releases.reduce((sum, release) => {
    const { samplingRate, noiseMultiplier, steps } = chargedFor(plan, release, release.rounds);
    return sum.add(discreteGaussianNoise(noiseMultiplier, samplingRate), steps);
  }, empty);
}

function continuousApproximation(plan: Plan): string | null {
  if (isSpentBefore(plan)) return null; // nor does that of losses
  const spent = plan.releases.reduce((sum, release) => {
    const { samplingRate, noiseMultiplier, steps } = chargedFor(plan, release, release.rounds);
    return sum.add(sampledGaussian(samplingRate, noiseMultiplier), steps);
  }, account("pld"));
  try {
    return formatDecimal(spent.epsilon(parseDecimal(plan.delta)).epsilon, "up");
  } catch (error) {
    if (isTributaryError(error) && error.code === "TRB_DP_EPSILON_UNBOUNDED") return null;
    throw error;
  }
}

/** What becomes of sums of items and pairs. */
function statisticsSentences({ releases, caps, statistics }: Plan): string[] {
  if (statistics === undefined) return [];
  const retries = releases.reduce((sum, release) => sum + (release.retries ?? 0), 0);
  const spare =
    retries === 0
      ? []
      : [
          `Of these rounds ${retries} would only replace one that was paid for and brought nothing; they are paid for when they are needed.`,
        ];
  return [
    `A customer counts in them with the latest ${caps.maxItems} items and ${caps.maxPairs} pairs at most, of events at most ${statistics.window} steps apart.`,
    "Which pairs are asked for, and how they are weighted, the coordinator works out from the catalogue and from sums released before; so it does with what is served. That looks at nothing else, so it costs no privacy.",
    ...spare,
  ];
}

function trainingSentences(plan: Plan): string[] {
  if (plan.releases.every(({ kind }) => kind !== "training")) return [];
  return [
    ...initialModelSentences(plan),
    ...warmStartSentences(plan),
    ...trainedSentences(plan),
    ...localSentences(plan),
    `From each sum of training updates the coordinator makes the next model by ${optimiserInWords(plan.optimiser)}; that looks at nothing else, so it costs no privacy.`,
    ...updateNormSentences(plan),
    ...stageSentences(plan),
    ...scheduleSentences(plan),
    ...packingSentences(plan),
  ];
}

/** Training in several releases, one after another, where their numbers differ. */
function stageSentences({ releases }: Plan): string[] {
  const stages = releases.filter(({ kind }) => kind === "training");
  const numbers = stages.map(({ clipNorm, noiseMultiplier }) => `${clipNorm} ${noiseMultiplier}`);
  if (new Set(numbers).size < 2) return [];
  const each = stages.map(
    ({ rounds, clipNorm, noiseMultiplier }) => `${rounds} rounds clipped to ${clipNorm} at noise multiplier ${noiseMultiplier}`,
  );
  return [`Training runs in stages, in this order: ${each.join("; ")}. Each round's entry states the mechanism of its stage.`];
}

function initialModelSentences({ initialModel, initialModelHash }: Plan): string[] {
  if (initialModel === undefined) return [];
  return [
    `Training begins at a model that was brought along (SHA-256 ${initialModelHash}). It is declared public: learnt from nobody's data whom this plan protects. No file can show that.`,
  ];
}

function trainedSentences({ trained, releases }: Plan): string[] {
  if (trained === undefined) return [];
  const numbers = releases.find(({ kind }) => kind === "training")?.dimension ?? 0;
  return [
    `Of the model only these tensors learn, ${numbers} numbers in all: ${trained.join(", ")} (* stands for any characters). Updates, clipping and noise are of them alone; everything else stays as training found it.`,
  ];
}

function selectionSentences({ selection }: Plan): string[] {
  if (selection === undefined) return [];
  const { noiseMultiplier, ...stopping } = selection;
  return [
    `Before the first round the recipe was chosen by who holds all customers' data: the best of a secret random number of runs, ${expectedRuns(stopping).toFixed(1)} on average, each at noise multiplier ${noiseMultiplier}. That is paid for in ε; that the number stayed secret nobody can check.`,
  ];
}

/** Who is judged by, and how exact the figures will be. */
function metricsSentences(plan: Plan): string[] {
  const { metrics, releases, minCohort, maxCorrupt, maxMerchantsPerCustomer, noiseMode } = plan;
  if (metrics === undefined) return [];
  const share = `${Number((100 * parseDecimal(metrics.heldOut)).toPrecision(4))} %`;
  // each node of a round brings its share, the corrupt ones perhaps as well
  const shares = { central: 1, local: minCohort, distributed: minCohort / (minCohort - maxCorrupt) }[noiseMode];
  const widths = releases.flatMap(({ kind, noiseMultiplier, clipNorm }) =>
    kind === "metrics"
      ? [1.96 * parseDecimal(noiseMultiplier) * parseDecimal(clipNorm) * maxMerchantsPerCustomer * Math.sqrt(shares)]
      : [],
  );
  const each = [...new Set(widths.map((width) => width.toFixed(0)))].join(" and ");
  return [
    `${share} of customers, whom a hash of their ids keyed by the federation's name picks, are held out: nothing is learnt from them, and metrics are of them alone.`,
    `A sum of metrics is known to about ±${each} customers (95 % of the noise that ${minCohort} nodes bring; more of them bring more); losses are clipped to ${metrics.lossBound} nats. The sums stand in the ledger, and ratios of them are stated with their interval by Fieller's method.`,
  ];
}

function featureSentences({ features }: Plan): string[] {
  if (features === undefined) return [];
  const at = new Date(1000 * features.now).toISOString();
  return [
    `Features are asked as of ${at}. Means and deviations of them are made of the released sums alone, for everybody alike; nodes standardise by them.`,
  ];
}

function extensionSentences({ extensions }: Plan): string[] {
  if (extensions === undefined) return [];
  return extensions.map(
    ({ name, sha256 }) =>
      `It uses code from outside, the extension ${name} (SHA-256 ${sha256}). What it computes of a customer is clipped like everything else; that it looks at one customer at a time, and keeps nothing, is for whoever accepts its hash to read in it.`,
  );
}

function localSentences({ unit, caps, local }: Plan): string[] {
  const pull = parseDecimal(local.proximal) > 0 ? `, each pulled back towards the round's model by ${local.proximal}` : "";
  if (unit === "node") {
    const passes = local.epochs === 1 ? "one pass" : `${local.epochs} passes`;
    return [
      `Before it clips, a device makes ${passes} over its data in batches of ${local.batchSize}, in steps of ${local.learningRate}${pull}.`,
    ];
  }
  if (caps.localSteps === 1) return [];
  return [
    `Before it is clipped, each customer's update is made of ${caps.localSteps} local steps of ${local.learningRate}${pull}.`,
  ];
}

function provenanceSentence(provenance: Plan["catalogueProvenance"]): string {
  switch (provenance) {
    case "public":
      return "The list of items is declared public by whoever made it: not derived from anybody's behaviour.";
    case "dp-selection":
      return "The list of items was itself selected under differential privacy.";
    case "log":
      return "The list of items was taken from the log and is only treated as public: it is outside ε. A real federation refuses this.";
  }
}
