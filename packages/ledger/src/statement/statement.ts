/**
 * What a verified ledger amounts to, in figures: who is protected how strongly against whom, by what was released, for how long, who signed, and what no
 * file can show. `words.ts` says it in English or Chinese. A function of the ledger and of what verifying it came to.
 */
import { describe, type Guarantee, type ProtectionTier, type Statement } from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Crypto } from "@tributary/protocol";
import {
  type Decimal,
  fingerprintOf,
  guaranteeOf,
  largestFullGraph,
  type NodeId,
  type Plan,
  parseDecimal,
  partsCost,
  type Release,
  type Sha256,
} from "@tributary/protocol";
import { keysByNode, rosterAt } from "../roster-changes.ts";
import { spentAfter } from "../spending.ts";
import type { LedgerVerdict } from "../verify.ts";
import { epsilonAt, guessedRight, type Profile, planOfMerchant, profileOf } from "./bounds.ts";
import type { LedgerFacts, ReleaseCount } from "./facts.ts";

/** What no file shows (DESIGN §4). A statement has all of it or is none: the type is this very list. */
export const unverifiable = ["noise", "clipping", "sampling", "counts", "catalogue", "merchants", "tuning"] as const;

/** What ε rests on, beside what the ledger proves. */
export type Assumption = "program" | "customers" | "corrupt" | "dropouts" | "merchants" | "sampling" | "catalogue" | "recipe";

/** Only the type knows it: nothing but `stateLedger` makes a statement. */
declare const stated: unique symbol;

export interface StatedRelease extends Readonly<ReleaseCount> {
  readonly kind: Release["kind"];
  /** Rounds that the plan permits to be charged. */
  readonly permitted: number;
  readonly samplingRate: Decimal;
  readonly clipNorm: Decimal;
  readonly noiseMultiplier: Decimal;
}

/** What one merchant's customers paid at most for their history there. */
export interface MerchantBound {
  readonly node: NodeId;
  /** Charged rounds that it was in. */
  readonly rounds: number;
  /** Null where nothing finite bounds it. */
  readonly epsilon: Decimal | null;
  /** Of which for naming items, by this merchant alone; null where it selected none. */
  readonly selection: { readonly epsilon: Decimal; readonly delta: Decimal } | null;
}

export interface CustomerBound {
  readonly merchants: number;
  readonly epsilon: Decimal | null;
  /** More merchants than the plan says that anybody has. */
  readonly beyondPlan: boolean;
}

export interface Member {
  readonly node: NodeId;
  readonly fingerprint: Sha256;
  /** Rounds whose survivors it voted for, and heads that it countersigned. */
  readonly votes: number;
  readonly heads: number;
  /** The first round that it could be in; 1 for founders. */
  readonly from: number;
  readonly revoked: boolean;
}

export interface LedgerStatement {
  readonly [stated]: true;
  readonly federation: string;
  readonly planHash: Sha256;
  readonly unit: Plan["unit"];
  readonly adjacency: Guarantee["adjacency"];
  /** k */
  readonly maxMerchantsPerCustomer: number;
  /** Spent at most by a customer of up to k merchants. */
  readonly epsilon: Decimal;
  readonly delta: Decimal;
  readonly limit: Decimal;
  readonly tier: ProtectionTier;
  readonly accountant: Plan["accountant"];
  /** [orders] nats, which hold outside of a probability of `outside`. */
  readonly renyi: { readonly orders: readonly number[]; readonly rdp: readonly Decimal[]; readonly outside: number };
  readonly profile: Profile;
  /** Right guesses of somebody who knows everything else; 0.5 is guessing. */
  readonly attacker: { readonly rightAtMost: number };
  readonly releases: readonly StatedRelease[];
  readonly merchants: readonly MerchantBound[];
  /** Empty for unit `node`. */
  readonly customers: readonly CustomerBound[];
  readonly period: { readonly from: string; readonly to: string; readonly closed: boolean };
  readonly trust: {
    readonly noiseMode: Plan["noiseMode"];
    readonly minCohort: number;
    readonly maxCorrupt: number;
    /** Whose noise is counted on. */
    readonly honestNodes: number;
  };
  readonly minCustomers: number;
  readonly assumptions: readonly Assumption[];
  readonly conditional: LedgerVerdict["conditional"];
  readonly signatures: {
    /** Fingerprints, as the ledger has them. */
    readonly coordinator: Sha256;
    readonly roster: Sha256;
    readonly members: readonly Member[];
    readonly software: LedgerFacts["software"];
    readonly softwareChanges: number;
  };
  readonly erasures: number;
  readonly verification: {
    readonly verified: true;
    readonly fullyVerified: boolean;
    readonly trust: LedgerVerdict["trust"];
    readonly completeness: LedgerVerdict["completeness"];
    readonly entries: number;
    readonly head: Sha256;
  };
  /** Mandatory, whole, and in this order. */
  readonly notVerifiable: typeof unverifiable;
  /** The same in the form that `dp` gives guarantees, section by section (NIST SP 800-226), in English. */
  readonly guarantee: Pick<Statement, "tier" | "sections">;
}

/**
 * @param verdict of the same bytes
 * @throws TRB_STATEMENT_UNVERIFIED naming the first entry that doesn't hold
 */
export function stateLedger(facts: LedgerFacts, verdict: LedgerVerdict, crypto: Pick<Crypto, "sha256">): LedgerStatement {
  const [failure] = verdict.failures;
  if (!verdict.verified || failure !== undefined || verdict.key === null || verdict.rosterFingerprint === null) {
    throw unverified(verdict);
  }
  const { genesis } = facts;
  const { plan, planHash } = genesis;
  const members = membersOf(facts);
  const charged = chargedOf(facts);
  const { orders, rdp, epsilon: recomputed } = spentAfter(plan, charged);
  const claimed = verdict.epsilon ?? recomputed;
  // a claim may exceed what follows from the entries: then it is what is stated
  const epsilon = parseDecimal(claimed) >= parseDecimal(recomputed) ? claimed : recomputed;
  const outside = partsCost(plan)?.delta ?? 0;
  const left = (parseDecimal(plan.delta) - outside) / 100;
  const profile = profileOf(orders, rdp.map(parseDecimal), left, outside);
  const guarantee = describe(spentGuarantee(facts, epsilon, profile));
  return {
    federation: genesis.federation,
    planHash,
    unit: plan.unit,
    adjacency: guarantee.guarantee.adjacency,
    maxMerchantsPerCustomer: plan.maxMerchantsPerCustomer,
    epsilon,
    delta: plan.delta,
    limit: plan.epsilon,
    tier: guarantee.tier,
    accountant: plan.accountant,
    renyi: { orders, rdp, outside },
    profile,
    attacker: { rightAtMost: guessedRight(profile) },
    releases: plan.releases.map(({ kind, rounds, samplingRate, clipNorm, noiseMultiplier }, place) => ({
      ...{ kind, permitted: rounds, samplingRate, clipNorm, noiseMultiplier },
      ...(facts.releases[place] ?? { released: 0, abortedCharged: 0, abortedRefunded: 0 }),
    })),
    merchants: merchantBounds(facts),
    customers: plan.unit === "node" ? [] : customerBounds(plan, charged, epsilon),
    period: { from: facts.from, to: facts.to, closed: facts.closed },
    trust: {
      noiseMode: plan.noiseMode,
      minCohort: plan.minCohort,
      maxCorrupt: plan.maxCorrupt,
      honestNodes: plan.noiseMode === "distributed" ? plan.minCohort - plan.maxCorrupt : 1,
    },
    minCustomers: plan.minCustomers,
    assumptions: assumptionsOf(plan, guarantee.guarantee),
    conditional: verdict.conditional,
    signatures: {
      coordinator: verdict.key,
      roster: verdict.rosterFingerprint,
      members: members.map(({ node, key, from }) => ({
        node,
        fingerprint: fingerprintOf(crypto, key),
        from,
        ...(facts.signed.get(node) ?? { votes: 0, heads: 0 }),
        revoked: facts.revoked.has(node),
      })),
      software: facts.software,
      softwareChanges: facts.softwareChanges,
    },
    erasures: facts.erasures,
    verification: {
      verified: true,
      fullyVerified: verdict.fullyVerified,
      trust: verdict.trust,
      completeness: verdict.completeness,
      entries: verdict.entries,
      head: verdict.head,
    },
    notVerifiable: unverifiable,
    guarantee: { tier: guarantee.tier, sections: guarantee.sections },
  } as const satisfies Omit<LedgerStatement, typeof stated> as unknown as LedgerStatement; // the brand exists in the type only
}

function unverified({ failures }: LedgerVerdict) {
  const [first] = failures;
  return fail("TRB_STATEMENT_UNVERIFIED", {
    entry: first?.entry ?? 0,
    line: first?.line ?? 1,
    rule: first?.code ?? "TRB_LEDGER_EMPTY",
    reason: first?.message ?? "there is nothing to state",
  });
}

const chargedOf = ({ releases }: LedgerFacts) => releases.map(({ released, abortedCharged }) => released + abortedCharged);

/** The plan's guarantee, cut down to what was charged. Before the first round it is what the plan permits, at nothing spent. */
function spentGuarantee(facts: LedgerFacts, epsilon: Decimal, { points, mu }: Profile): Guarantee {
  const { plan } = facts.genesis;
  const { mu: _, profile: __, ...permitted } = guaranteeOf(plan);
  const charged = chargedOf(facts);
  const releases = permitted.releases.flatMap((release, place) => {
    const times = charged[place] ?? 0;
    return times === 0 ? [] : [{ ...release, times }];
  });
  const covered = releases.length === 0 ? permitted.releases : releases;
  const sampled = covered.some(({ samplingRate }) => parseDecimal(samplingRate) < 1);
  const shown = points.filter((__, place) => place % 8 === 0);
  const last = points.at(-1);
  return {
    ...permitted,
    sampling: sampled ? "secret-poisson" : "everybody",
    releases: covered,
    epsilon,
    period:
      releases.length === 0
        ? `nothing was released up to ${facts.to}; these are the plan's rounds`
        : `${facts.from} to ${facts.to}, by the coordinator's clock; what is spent does not come back, and another plan costs anew`,
    profile: shown,
    ...(mu === null || last === undefined ? {} : { mu: { value: mu, upTo: last.epsilon } }),
  };
}

/** Everybody who was ever in the roster, with the newest key, and the first round that it could be in. */
function membersOf({ genesis: { roster }, rosterChanges }: LedgerFacts) {
  const first = new Map(roster.map(({ node }) => [node, 1]));
  for (const { member, from } of rosterChanges) if (!first.has(member.node)) first.set(member.node, from);
  const everybody = rosterAt({ roster, rosterChanges }, Number.POSITIVE_INFINITY);
  return everybody.map(({ node, key }) => ({ node, key, from: first.get(node) ?? 1 }));
}

/** One for each member, computed once for each way in which they differ. */
function merchantBounds(facts: LedgerFacts): MerchantBound[] {
  const { chargedWith, rosterChanges, genesis } = facts;
  const { plan, roster } = genesis;
  const plans = new Map<string, Plan>();
  const known = new Map<string, Decimal | null>();
  const keys = keysByNode({ roster, rosterChanges }, Number.POSITIVE_INFINITY);
  return membersOf(facts).map(({ node, ...member }) => {
    const [key = member.key] = keys.get(node) ?? []; // parts of a catalogue name the first one
    const charged = chargedWith.get(node) ?? [];
    const selection = plan.catalogueParts?.find((part) => part.key === key)?.selection ?? null;
    const whose = selection === null ? "" : key;
    const own = plans.get(whose) ?? planOfMerchant(plan, key);
    plans.set(whose, own);
    const same = `${whose} ${charged.join()}`;
    const epsilon = known.get(same) ?? epsilonAt(own, charged, plan.unit === "node" ? plan.maxMerchantsPerCustomer : 1);
    known.set(same, epsilon);
    return {
      node,
      rounds: charged.reduce((sum, rounds) => sum + rounds, 0),
      epsilon,
      selection: selection === null ? null : { epsilon: selection.epsilon, delta: selection.delta },
    };
  });
}

/** At one merchant, at the plan's k, and at twice as many. A recipe that was chosen privately is paid for by one person's whole data, whatever k is. */
function customerBounds(plan: Plan, charged: readonly number[], epsilon: Decimal): CustomerBound[] {
  const planned = plan.maxMerchantsPerCustomer;
  const counts = [...new Set([1, planned, ...(plan.selection === undefined ? [2 * planned] : [])])];
  return counts.map((merchants) => ({
    merchants,
    epsilon: merchants === planned ? epsilon : epsilonAt(plan, charged, merchants),
    beyondPlan: merchants > planned,
  }));
}

function assumptionsOf(plan: Plan, { sampling }: Guarantee): Assumption[] {
  const { noiseMode, graph, unit, maxMerchantsPerCustomer, catalogueProvenance, selection } = plan;
  return [
    "program",
    "customers",
    ...(noiseMode === "distributed" ? (["corrupt"] as const) : []),
    ...(noiseMode === "distributed" && graph?.dropouts === "independent" ? (["dropouts"] as const) : []),
    ...(unit === "customer" && maxMerchantsPerCustomer > 1 ? (["merchants"] as const) : []),
    ...(sampling === "secret-poisson" ? (["sampling"] as const) : []),
    ...(catalogueProvenance === "dp-selection" ? [] : (["catalogue"] as const)),
    ...(selection === undefined ? [] : (["recipe"] as const)),
  ];
}

/** Rounds of more nodes than this run on a graph of neighbours; for the words. */
export const graphBeyond = largestFullGraph;
