/**
 * Gradient canaries: made-up customers who send one coordinate of the update and nothing else, each a coordinate of its own, so that none
 * stands in another's way. They send more than the clip norm on purpose: a system that clips brings them to C, and one that doesn't is found out.
 *
 * The attacker knows everything but the coins: every customer's sum of the round, and the vectors of all nodes beyond the honest minimum. What is
 * left of a round's sum at canary i, in clip norms, is x = c + N(0, σ²), where c is how many of the canary's merchants took it into their sample.
 * By Neyman and Pearson nothing tells better than the likelihood ratio, which is added up over rounds:
 *
 *   ln Σ_j P[j]·exp(j·x/σ² − j²/2σ²),   P[j] the chance of being in j of k samples;
 *
 * who is given the lists of the samples knows j instead. Of the final model alone the attacker reads how far the coordinate has moved.
 */
import type { RandomSource } from "@tributary/dp";
import { wordReader } from "@tributary/dp";
import { fail } from "@tributary/errors";

/** Where canaries are planted; public, as the rest of the design is: only the coins are secret. */
export interface GradientCanaries {
  /** `[canaries]`, no coordinate twice. */
  readonly coordinates: Uint32Array;
  /** `[canaries]`, 1 or −1. */
  readonly signs: Int8Array;
  /** k: at how many merchants each canary is a customer. */
  readonly merchants: number;
}

/** What a gradient canary sends, in clip norms. */
export const canaryLength = 4;

/** @throws TRB_AUDIT_CANARIES_UNFIT when there are fewer coordinates than canaries */
export function plantGradientCanaries(
  canaries: number,
  { dimension, merchants }: { readonly dimension: number; readonly merchants: number },
  random: RandomSource,
): GradientCanaries {
  if (canaries > dimension) {
    throw fail("TRB_AUDIT_CANARIES_UNFIT", { canaries, reason: `the model has ${dimension} numbers, and each needs one` });
  }
  const words = wordReader(random);
  const places = Uint32Array.from({ length: dimension }, (_, place) => place);
  // as many steps of Fisher and Yates's shuffle as are needed
  for (let i = 0; i < canaries; i++) {
    const j = i + Number(words.below(BigInt(dimension - i)));
    [places[i], places[j]] = [places[j] as number, places[i] as number];
  }
  const signs = Int8Array.from({ length: canaries }, () => (words.bits(1) === 1 ? 1 : -1));
  return { coordinates: places.slice(0, canaries), signs, merchants };
}

/** The canaries of one node: canary i is a customer of nodes i, …, i + k − 1, counted modulo the honest ones. */
export function canariesAt({ coordinates, merchants }: GradientCanaries, node: number, honestNodes: number): number[] {
  if (node >= honestNodes) return [];
  return [...coordinates.keys()].filter((canary) => (node - (canary % honestNodes) + honestNodes) % honestNodes < merchants);
}

/** What the attacker sees of one round. */
export interface RoundView {
  /** `[canaries]`, in clip norms: what is left of the sum at each canary, with its sign taken off. */
  readonly left: Float64Array;
  /** `[canaries]`: how many of its merchants would have a canary in their sample, whether it is in or not. */
  readonly drawn: Uint8Array;
}

/** What the attacker knows of a round beforehand, by the plan. */
export interface RoundRule {
  readonly samplingRate: number;
  /** σ of the honest minimum's noise, in clip norms. */
  readonly deviation: number;
  /** k that the plan allows for. */
  readonly merchants: number;
}

/**
 * ln of how much likelier each canary is in than out, by all rounds.
 * @param sampleLists whether the attacker is given who was sampled
 */
export function scoreIterates(views: readonly RoundView[], rule: RoundRule, sampleLists: boolean): Float64Array {
  const { samplingRate: q, deviation, merchants } = rule;
  const variance = deviation * deviation;
  const chances = binomialChances(merchants, q);
  const scores = new Float64Array(views[0]?.left.length ?? 0);
  for (const { left, drawn } of views) {
    for (let canary = 0; canary < scores.length; canary++) {
      const x = left[canary] as number;
      const exponent = (count: number) => (count * x - (count * count) / 2) / variance;
      const gain = sampleLists
        ? exponent(drawn[canary] as number)
        : logSum(chances.map((chance, j) => Math.log(chance) + exponent(j)));
      scores[canary] = (scores[canary] as number) + gain;
    }
  }
  return scores;
}

/** By the final model alone: how far each canary's coordinate moved to where it pulls. What is sent is a gradient: steps go against it. */
export function scoreFinal({ coordinates, signs }: GradientCanaries, before: Float32Array, after: Float32Array): Float64Array {
  return Float64Array.from(
    coordinates,
    (place, canary) => (signs[canary] as number) * ((before[place] as number) - (after[place] as number)),
  );
}

/** `[n + 1]` P[Bin(n, q) = j] */
function binomialChances(n: number, q: number): number[] {
  let chances = [1];
  for (let i = 0; i < n; i++) chances = [...chances, 0].map((chance, j) => chance * (1 - q) + (chances[j - 1] ?? 0) * q);
  return chances;
}

function logSum(exponents: readonly number[]): number {
  const most = Math.max(...exponents);
  return most + Math.log(exponents.reduce((sum, exponent) => sum + Math.exp(exponent - most), 0));
}
