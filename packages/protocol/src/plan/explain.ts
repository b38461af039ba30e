/**
 * A plan in plain words: what leaves a node, who is protected, how strongly, against whom, and what nobody can check from a
 * file. `describePlan` has the facts, `explainPlan` the sentences; both are functions of the plan alone.
 */
import { formatDecimal, parseDecimal } from "../canonical/decimals.ts";
import { planCost } from "./cost.ts";
import { optimiserInWords } from "./optimiser.ts";
import type { Plan, Release } from "./schema.ts";

/** Google's tiers (`dp_accounting` documentation): ε up to 1 strong, up to 10 reasonable. */
export type ProtectionTier = "strong" | "reasonable" | "not protected";

export interface PlanDescription {
  readonly releases: readonly {
    readonly kind: Release["kind"];
    readonly what: string;
    /** Rounds that may be charged, retries included. */
    readonly rounds: number;
    readonly samplingRate: string;
    readonly noiseMultiplier: string;
    readonly clipNorm: string;
  }[];
  /** What the coordinator makes the next model with, and its numbers. */
  readonly optimiser: string;
  readonly privacy: {
    /** Stated in the plan. */
    readonly epsilon: string;
    /** Recomputed over all releases, rounded up. */
    readonly recomputed: string;
    readonly delta: string;
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
  };
  /** What no file can show (DESIGN §4). */
  readonly notVerifiable: readonly string[];
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
  training: "one sum of clipped training updates of the sampled customers, over all nodes, with noise",
};

/** @throws the codes of `planCost` for a plan that has no finite cost */
export function describePlan(plan: Plan): PlanDescription {
  const { unit, delta, epsilon, accountant, noiseMode, minCohort, maxCorrupt, maxMerchantsPerCustomer } = plan;
  return {
    releases: plan.releases.map(({ kind, rounds, samplingRate, noiseMultiplier, clipNorm }) => ({
      kind,
      what: released[kind],
      rounds,
      samplingRate,
      noiseMultiplier,
      clipNorm,
    })),
    optimiser: optimiserInWords(plan.optimiser),
    privacy: {
      epsilon,
      recomputed: formatDecimal(planCost(plan).epsilon, "up"),
      delta,
      tier: protectionTier(parseDecimal(epsilon)),
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
      samplingIsSecret: plan.releases.some(({ samplingRate }) => parseDecimal(samplingRate) < 1),
    },
    notVerifiable,
  };
}

export function protectionTier(epsilon: number): ProtectionTier {
  if (epsilon <= 1) return "strong";
  return epsilon <= 10 ? "reasonable" : "not protected";
}

/** One sentence or two a line. @throws the codes of `describePlan` */
export function explainPlan(plan: Plan): string[] {
  const description = describePlan(plan);
  return [
    `This is the plan of the federation "${plan.federation}". It fixes everything that may be done with customers' data.`,
    ...description.releases.map(releaseSentence),
    ...localSentences(plan),
    `From each such sum the coordinator makes the next model by ${description.optimiser}; that looks at nothing else, so it costs no privacy.`,
    "Nothing else that depends on customers' data leaves a node for the coordinator or for other nodes.",
    unitSentence(description.privacy),
    strengthSentence(description.privacy),
    trustSentence(description.trust),
    samplingSentence(description.trust),
    provenanceSentence(plan.catalogueProvenance),
    `No file can show the following; they are claims that audits test: ${notVerifiable.join("; ")}.`,
  ];
}

function releaseSentence({
  what,
  rounds,
  samplingRate,
  noiseMultiplier,
  clipNorm,
}: PlanDescription["releases"][number]): string {
  const often = rounds === 1 ? "Once" : `Up to ${rounds} times, retries included`;
  return (
    `${often}, ${what} is released: each customer is in it with chance ${samplingRate}, moves it by at most ${clipNorm} (L2), ` +
    `and the noise is ${noiseMultiplier} times what one customer can move it.`
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

function unitSentence({ unit, maxMerchantsPerCustomer }: PlanDescription["privacy"]): string {
  if (unit === "node") return "Protected is each device as a whole: whether it had any data, and what its data were.";
  const merchants =
    maxMerchantsPerCustomer === 1
      ? "Somebody who shops at several merchants is protected at each by itself."
      : `The cost stated already covers somebody who shops at up to ${maxMerchantsPerCustomer} merchants.`;
  return `Protected is each customer of a merchant: adding or removing all of one customer's events changes what is released only as much as ε and δ say. ${merchants}`;
}

function strengthSentence({ epsilon, delta, tier, recomputed }: PlanDescription["privacy"]): string {
  const words = {
    strong: "strong protection",
    reasonable: "reasonable protection",
    "not protected": "so much that customers must be regarded as not protected",
  }[tier];
  return `All rounds together cost at most ε = ${epsilon} at δ = ${delta} (recomputed: ${recomputed}): ${words}.`;
}

function trustSentence({ noiseMode, minCohort, maxCorrupt, honestNodes }: PlanDescription["trust"]): string {
  switch (noiseMode) {
    case "distributed":
      return (
        `The coordinator sees only sums of at least ${minCohort} nodes. Every node adds a share of the noise; the promise holds as long as ` +
        `at least ${honestNodes} of them are honest, that is, if at most ${maxCorrupt} work with the coordinator.`
      );
    case "local":
      return `Every node adds all the noise itself, so the promise needs no trust in other nodes. The coordinator sees only sums of at least ${minCohort} nodes.`;
    case "central":
      return "The coordinator adds the noise and sees exact sums: its operator must be trusted with them. This is for simulation only.";
  }
}

function samplingSentence({ samplingIsSecret }: PlanDescription["trust"]): string {
  return samplingIsSecret
    ? "Which customers are sampled is drawn by each node in secret, and ε counts on that secrecy: nodes never write it down or send it."
    : "Every customer is in every round, so ε does not count on secret sampling.";
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
