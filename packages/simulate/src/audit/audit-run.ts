/**
 * `tributary audit run`: does a federation leak more than its plan claims? Disclosed canary customers are put in or left out by secret coins, which
 * are committed to before the first round and opened after the last; attackers guess the coins; the guesses are held against the plan.
 *
 * Two federations of one plan run, with the same coins: one with gradient canaries, which every iterate and the final model are attacked for, and
 * one with input canaries, for the final model alone.
 */
import { commitInclusion, drawInclusion, openInclusion, type RandomSource } from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Catalogue } from "@tributary/events";
import {
  type Crypto,
  type IdentityKey,
  type Plan,
  planHash,
  randomSourceFromSeed,
  releaseOf,
  type Sha256,
  toHex,
} from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { planDocument } from "../plan-document.ts";
import { choosePlan } from "../planner/choose-plan.ts";
import { marketLog } from "../scale/market-log.ts";
import type { Population } from "../scale/population.ts";
import { splitLog } from "../scale/split.ts";
import { type PlantedFaults, runAudited } from "./audited-federation.ts";
import { claimedCurve } from "./claim.ts";
import { requireAuditable } from "./given-plan.ts";
import { plantGradientCanaries, scoreFinal, scoreIterates } from "./gradient-canaries.ts";
import { plantInputCanaries, scoreInputs } from "./input-canaries.ts";
import { withCustomers } from "./planted-customers.ts";
import { type Attack, type AttackVerdict, judgeAttacks } from "./verdict.ts";

/** The synthetic federation that is audited. */
export interface AuditedMarket {
  readonly customers: number;
  readonly items: number;
  readonly merchants: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds: number;
  readonly width: number;
  /** q; 1 unless given. */
  readonly samplingRate?: number | undefined;
  /** k; 1 unless given. */
  readonly merchantsPerCustomer?: number | undefined;
}

export interface AuditOptions {
  readonly market: AuditedMarket;
  /** Audited in place of the plan that the planner makes for the market; then the market has as many items as its model, and what it says of ε, rounds and k counts. */
  readonly plan?: Plan;
  readonly canaries: number;
  /** The attacker is given who was sampled: what a plan claims of secret sampling then fails. */
  readonly sampleLists?: boolean;
  /** 32 bytes, unknown to the attackers. Everything follows from it. */
  readonly seed: Uint8Array;
  readonly crypto: Crypto;
  readonly executor: Executor;
  /** The commitment, before anything runs. */
  readonly onCommitment?: (sha256: string) => void;
  readonly onRound?: (what: string, done: number, of: number) => void;
}

/** For tests and studies: what is broken while the plan claims otherwise. */
export interface AuditFaults extends PlantedFaults {
  /** At how many merchants each canary is, whatever the plan says. */
  readonly canaryMerchants?: number;
  /** Only gradient canaries: what input canaries need is training, which takes the time. */
  readonly gradientOnly?: true;
}

export interface AuditReport {
  readonly theoretical: {
    readonly epsilon: number;
    readonly delta: number;
    readonly unit: "customer";
    readonly curve: "gaussian" | "privacy loss distribution";
    /** ε of the curve that the guesses are held against, at the same δ. */
    readonly curveEpsilon: number;
  };
  readonly empirical: {
    readonly epsilonLowerBound: number;
    readonly epsilonLowerBoundIfGaussian: number;
    readonly attacks: readonly AttackVerdict[];
  };
  readonly confidence: number;
  readonly familyWiseError: number;
  readonly consistent: boolean;
  /** Opened: hash("tributary canary coins 1" ‖ count ‖ salt ‖ coins) as `commitInclusion` has it. */
  readonly commitment: { readonly sha256: string; readonly salt: string; readonly coins: string };
  readonly federation: {
    readonly synthetic: true;
    readonly customers: number;
    readonly canaries: number;
    readonly included: number;
    readonly items: number;
    readonly merchants: number;
    readonly honestNodes: number;
    readonly rounds: number;
    readonly parameters: number;
    readonly samplingRate: number;
    readonly noiseMultiplier: number;
    readonly merchantsPerCustomer: number;
    /** Of the plan that was audited. */
    readonly planHash: Sha256;
    /** Whether the planner made it for this audit, or it was given. */
    readonly plan: "made" | "given";
  };
  /** Hex. */
  readonly seed: string;
}

/** A plan, its customers, and the streams of an audit. */
export interface AuditStage {
  readonly plan: Plan;
  readonly population: Population;
  readonly random: (purpose: string) => RandomSource;
}

/** @throws what `choosePlan`, `marketLog` and, of a plan that is given, `requireAuditable` throw */
export function auditStage(market: AuditedMarket, seed: Uint8Array, crypto: Crypto, given?: Plan): AuditStage {
  const { customers, merchants } = market;
  if (given !== undefined) requireAuditable(given, merchants, crypto);
  const items = given?.model.items ?? market.items;
  const marketSeed = new DataView(seed.buffer, seed.byteOffset).getUint32(0, true);
  const log = marketLog({ customers, items, categories: Math.max(2, Math.min(12, Math.floor(items / 10))), seed: marketSeed });
  const plan = given ?? plannedFor(market, log.catalogue, seed, crypto);
  const population = splitLog(log, { nodes: merchants, seed: marketSeed, sizeZipf: 0, disjointCatalogues: false });
  return { plan, population, random: (purpose) => randomSourceFromSeed(crypto, seed, "audit", "", 0, purpose) };
}

function plannedFor(market: AuditedMarket, catalogue: Catalogue, seed: Uint8Array, crypto: Crypto): Plan {
  const { items, samplingRate = 1, merchantsPerCustomer = 1, ...wishes } = market;
  const { plan: numbers } = choosePlan({ ...wishes, catalogueItems: items, samplingRate, merchantsPerCustomer, heads: [] });
  return planDocument(crypto, numbers, {
    federation: "audit",
    coordinatorKey: toHex(crypto.signingPublicKey(seed)) as IdentityKey,
    catalogue,
    catalogueProvenance: "public",
  });
}

/**
 * @throws TRB_AUDIT_TOO_MANY_CANARIES, TRB_AUDIT_CANARIES_UNFIT, TRB_AUDIT_PLAN_UNFIT, and what planning and training throw; a contradiction is no error but a report
 *   with `consistent: false`
 */
export async function auditRun(options: AuditOptions, faults: AuditFaults = {}): Promise<AuditReport> {
  const { market, canaries, seed, crypto, executor, onCommitment, onRound } = options;
  if (canaries > market.customers) throw fail("TRB_AUDIT_TOO_MANY_CANARIES", { canaries, customers: market.customers });
  const { plan, population, random } = auditStage(market, seed, crypto, options.plan);
  const { items } = plan.model;
  const { dimension, rounds, samplingRate, noiseMultiplier } = releaseOf(plan, 0);
  const honestNodes = plan.minCohort - plan.maxCorrupt;
  const merchants = faults.canaryMerchants ?? plan.maxMerchantsPerCustomer;
  const planted = plantGradientCanaries(canaries, { dimension, merchants }, random("coordinates"));
  const customers = plantInputCanaries(canaries, { population, items, nodes: market.merchants }, random("pairs"));
  const claim = claimedCurve(plan);

  const inclusion = drawInclusion(canaries, random("coins"));
  const commitment = commitInclusion(inclusion, crypto.sha256);
  onCommitment?.(toHex(commitment));

  const { included } = inclusion;
  const common = { plan, seed, crypto, executor, faults };
  const progress = (what: string) => (done: number, of: number) => onRound?.(what, done, of);
  const gradient = await runAudited({
    ...{ ...common, population, canaries: { planted, included } },
    onRound: progress("rounds with gradient canaries"),
  });
  const attacks: Attack[] = [
    {
      ...{ threatModel: "every iterate", canaries: "gradient" },
      scores: scoreIterates(gradient.views, gradient.rule, options.sampleLists === true),
    },
    { ...{ threatModel: "final model", canaries: "gradient" }, scores: scoreFinal(planted, gradient.initial, gradient.final) },
  ];
  if (faults.gradientOnly === undefined) {
    const there = customers.filter((_, canary) => included[canary] === 1);
    const input = await runAudited({
      ...{ ...common, population: withCustomers(population, there) },
      onRound: progress("rounds with input canaries"),
    });
    const scored = { model: plan.model, items, executor };
    const scores = await scoreInputs(scored, customers, input.initial, input.final);
    attacks.push({ threatModel: "final model", canaries: "input", scores });
  }
  openInclusion(commitment, inclusion, crypto.sha256);
  const verdict = judgeAttacks(attacks, included, claim);
  const { epsilonLowerBound, epsilonLowerBoundIfGaussian, confidence, familyWiseError, consistent } = verdict;
  return {
    theoretical: {
      ...{ epsilon: claim.epsilon, delta: claim.delta, unit: "customer" },
      ...{ curve: claim.curve, curveEpsilon: claim.curveEpsilon },
    },
    empirical: { epsilonLowerBound, epsilonLowerBoundIfGaussian, attacks: verdict.attacks },
    ...{ confidence, familyWiseError, consistent },
    commitment: { sha256: toHex(commitment), salt: toHex(inclusion.salt), coins: Array.from(included).join("") },
    federation: {
      ...{ synthetic: true, customers: market.customers, canaries },
      included: included.reduce((sum, coin) => sum + coin, 0),
      ...{ items, merchants: market.merchants, honestNodes, rounds, parameters: dimension },
      ...{ samplingRate: Number(samplingRate), noiseMultiplier: Number(noiseMultiplier) },
      merchantsPerCustomer: plan.maxMerchantsPerCustomer,
      ...{ planHash: planHash(crypto, plan), plan: options.plan === undefined ? "made" : "given" },
    },
    seed: toHex(seed),
  };
}
