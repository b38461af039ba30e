/**
 * A plan in plain words: what leaves a node, who is protected, how strongly, against whom, and what nobody can check from a
 * file. `describePlan` has the facts, `explainPlan` the sentences; both are functions of the plan and of the reader's language alone. What is said of privacy
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
import { type ExplainWords, explainWords } from "./explain-words.ts";
import type { PlanLanguage } from "./language.ts";
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

/** @throws the codes of `planCost` for a plan that has no finite cost, those of `describe` for one that promises nothing that can be said */
export function describePlan(plan: Plan, language: PlanLanguage = "en"): PlanDescription {
  const words = explainWords[language];
  const { unit, delta, epsilon, accountant, noiseMode, minCohort, maxCorrupt, maxMerchantsPerCustomer } = plan;
  const guarantee = guaranteeOf(plan, language);
  const { tier, sections } = describe(guarantee, language);
  return {
    releases: plan.releases.map(({ kind, rounds, samplingRate, noiseMultiplier, clipNorm, schedule = null }) => ({
      kind,
      what: words.released[kind],
      rounds,
      samplingRate,
      noiseMultiplier,
      clipNorm,
      schedule,
    })),
    earlyStop: plan.earlyStop ?? null,
    promotion: plan.promotion ?? null,
    trained: plan.trained ?? null,
    optimiser: optimiserInWords(plan.optimiser, language),
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
      sampler: words.samplers[plan.sampler],
    },
    notVerifiable: words.notVerifiable,
    statement: { tier, sections },
  };
}

/** One sentence or two a line; as many in each language. @throws the codes of `describePlan` */
export function explainPlan(plan: Plan, language: PlanLanguage = "en"): string[] {
  const words = explainWords[language];
  const statement = describe(guaranteeOf(plan, language), language);
  const lines = statementLines(statement);
  const releases = statement.sections.releases.length;
  const approximation = continuousApproximation(plan);
  return [
    words.beginning(plan.federation),
    ...lines.slice(0, releases),
    ...statisticsSentences(plan, words),
    ...trainingSentences(plan, language),
    ...metricsSentences(plan, words),
    ...featureSentences(plan, words),
    ...acceptanceSentences(plan, language),
    ...earlyStopSentences(plan, language),
    ...promotionSentences(plan, language),
    ...(plan.extensions ?? []).map(words.extension),
    ...selectionSentences(plan, words),
    words.nothingElse,
    ...lines.slice(releases),
    words.sampler(words.samplers[plan.sampler]),
    words.recomputed(formatDecimal(planCost(plan).epsilon, "up")),
    ...(plan.accountant === "rdp-integer" ? [] : [words.lattice(byRenyi(plan))]),
    ...(approximation === null ? [] : [words.continuous(Number(approximation).toFixed(4))]),
    words.provenance[plan.catalogueProvenance],
    ...partsSentences(plan, language),
  ];
}

/** The plan in `dp`'s form of a guarantee: all that it permits. @throws the codes of `planCost` */
export function guaranteeOf(plan: Plan, language: PlanLanguage = "en"): Guarantee {
  const { released, period, assumptions, notCovered, notVerifiable } = explainWords[language];
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
    period,
    assumptions: [
      assumptions.unchanged,
      assumptions.customers(plan.minCustomers),
      ...(noiseMode === "distributed" ? [assumptions.corrupt(maxCorrupt)] : []),
      ...(noiseMode === "distributed" && plan.graph?.dropouts === "independent" ? [assumptions.dropouts] : []),
      ...(unit === "customer" && plan.maxMerchantsPerCustomer > 1 ? [assumptions.merchants(plan.maxMerchantsPerCustomer)] : []),
      ...(everybody ? [] : [assumptions.sampling]),
    ],
    notCovered: [...(catalogueProvenance === "log" ? [notCovered.catalogue] : []), notCovered.house, notCovered.participation],
    notVerifiable,
    ...profileOf(plan),
  };
}

type Profile = Pick<Guarantee, "mu" | "profile">;

/** A page asks once a language; a plan object never changes. */
const knownProfiles = new WeakMap<Plan, Profile>();

/** μ and a few points of δ(ε) by the plan's accountant; nothing where it bounds nothing. */
function profileOf(plan: Plan): Profile {
  const profile = knownProfiles.get(plan) ?? computedProfile(plan);
  knownProfiles.set(plan, profile);
  return profile;
}

function computedProfile(plan: Plan): Profile {
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
function statisticsSentences({ releases, caps, statistics }: Plan, words: ExplainWords): string[] {
  if (statistics === undefined) return [];
  const retries = releases.reduce((sum, release) => sum + (release.retries ?? 0), 0);
  return [
    words.counted(caps.maxItems, caps.maxPairs, statistics.window),
    words.workedOut,
    ...(retries === 0 ? [] : [words.retries(retries)]),
  ];
}

function trainingSentences(plan: Plan, language: PlanLanguage): string[] {
  if (plan.releases.every(({ kind }) => kind !== "training")) return [];
  const words = explainWords[language];
  return [
    ...(plan.initialModel === undefined ? [] : [words.initialModel(plan.initialModelHash)]),
    ...warmStartSentences(plan, language),
    ...trainedSentences(plan, words),
    ...localSentences(plan, words),
    words.optimiser(optimiserInWords(plan.optimiser, language)),
    ...updateNormSentences(plan, language),
    ...stageSentences(plan, words),
    ...scheduleSentences(plan, language),
    ...packingSentences(plan, language),
  ];
}

/** Training in several releases, one after another, where their numbers differ. */
function stageSentences({ releases }: Plan, words: ExplainWords): string[] {
  const stages = releases.filter(({ kind }) => kind === "training");
  const numbers = stages.map(({ clipNorm, noiseMultiplier }) => `${clipNorm} ${noiseMultiplier}`);
  return new Set(numbers).size < 2 ? [] : [words.stages(stages)];
}

function trainedSentences({ trained, releases }: Plan, words: ExplainWords): string[] {
  if (trained === undefined) return [];
  return [words.trained(releases.find(({ kind }) => kind === "training")?.dimension ?? 0, trained)];
}

function selectionSentences({ selection }: Plan, words: ExplainWords): string[] {
  if (selection === undefined) return [];
  const { noiseMultiplier, ...stopping } = selection;
  return [words.selection(expectedRuns(stopping).toFixed(1), noiseMultiplier)];
}

/** Who is judged by, and how exact the figures will be. */
function metricsSentences(plan: Plan, words: ExplainWords): string[] {
  const { metrics, releases, minCohort, maxCorrupt, maxMerchantsPerCustomer, noiseMode } = plan;
  if (metrics === undefined) return [];
  // each node of a round brings its share, the corrupt ones perhaps as well
  const shares = { central: 1, local: minCohort, distributed: minCohort / (minCohort - maxCorrupt) }[noiseMode];
  const widths = releases.flatMap(({ kind, noiseMultiplier, clipNorm }) =>
    kind === "metrics"
      ? [1.96 * parseDecimal(noiseMultiplier) * parseDecimal(clipNorm) * maxMerchantsPerCustomer * Math.sqrt(shares)]
      : [],
  );
  return [
    words.heldOut(`${Number((100 * parseDecimal(metrics.heldOut)).toPrecision(4))} %`),
    words.metricNoise([...new Set(widths.map((width) => width.toFixed(0)))], minCohort, metrics.lossBound),
  ];
}

const featureSentences = ({ features }: Plan, words: ExplainWords): string[] =>
  features === undefined ? [] : [words.features(new Date(1000 * features.now).toISOString())];

function localSentences({ unit, caps, local }: Plan, words: ExplainWords): string[] {
  const pull = parseDecimal(local.proximal) > 0 ? words.pull(local.proximal) : "";
  if (unit === "node") return [words.deviceSteps(local.epochs, local.batchSize, local.learningRate, pull)];
  return caps.localSteps === 1 ? [] : [words.customerSteps(caps.localSteps, local.learningRate, pull)];
}
