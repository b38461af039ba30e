/**
 * Choosing the best of several options privately, exactly. Scores are whole numbers; one customer moves each by at most Δ.
 *
 *   exponentialMechanism   P[i] ∝ exp(ε·qᵢ/2Δ).  ε-private (McSherry, Talwar 2007), and ε²/8-zCDP (Cesar, Rogers 2021)
 *   permuteAndFlip         goes through the options in random order and takes option i with probability exp(ε(qᵢ − max)/2Δ). ε-private,
 *                          never worse than the exponential mechanism in expected score (McKenna, Sheldon 2020). It has the distribution
 *                          of report-noisy-max with exponential noise of scale 2Δ/ε (Ding et al. 2021), without any real number.
 *
 * `monotone`: one customer's presence moves all scores in the same direction (counts are like that). Then exp(ε·q/Δ) costs the same ε.
 * Both take time that depends on the scores, so whoever can time them learns of those.
 */
import { fail } from "@tributary/errors";
import type { PrivacyEvent } from "../accounting/events.ts";
import { checkFromZero } from "../accounting/orders.ts";
import type { Rational } from "../exact/rational.ts";
import { bernoulliExp } from "../sampling/bernoulli.ts";
import { gibbsChoice } from "../sampling/gibbs-choice.ts";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";
import { positiveEpsilon, positiveSensitivity } from "./decimals.ts";
import { penalty, pure } from "./laplace.ts";

/** What a choice may cost, and how far one customer moves a score. */
export interface SelectionOptions {
  /** A decimal string. */
  readonly epsilon: string;
  /** Δ, a decimal string; "1" unless given. */
  readonly sensitivity?: string;
  readonly monotone?: boolean;
}

/** The chosen candidate, and what choosing cost. */
export interface Selection {
  /** The number of the option chosen. */
  readonly choice: number;
  readonly event: PrivacyEvent;
}

/**
 * Costs (ε, 0); `rhoOfExponential` says what it costs in zCDP.
 * @param scores whole numbers, at least one
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_EPSILON_INVALID, TRB_DP_SENSITIVITY_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function exponentialMechanism(scores: readonly number[], options: SelectionOptions, random: RandomSource): Selection {
  const choices = penalties(scores, options).map((gamma) => ({ gamma, multiplicity: 1n }));
  return { choice: gibbsChoice(choices, random), event: pure(options.epsilon) };
}

/** ρ of the exponential mechanism: ε²/8, because its privacy loss has a range of ε only, wherever that lies. @throws TRB_DP_PARAMETER_INVALID */
export function rhoOfExponential(epsilon: number): number {
  checkFromZero("epsilon", epsilon);
  return (epsilon * epsilon) / 8;
}

/** Report noisy max. Costs (ε, 0). @throws as `exponentialMechanism` */
export function permuteAndFlip(scores: readonly number[], options: SelectionOptions, random: RandomSource): Selection {
  const gammas = penalties(scores, options);
  const words = wordReader(random);
  const order = gammas.map((_, i) => i);
  for (let last = order.length - 1; ; last--) {
    const place = words.below(last + 1);
    const choice = order[place] as number;
    order[place] = order[last] as number;
    // the best has γ = 0 and is taken for certain, so that this ends
    if (bernoulliExp(gammas[choice] as Rational, words)) return { choice, event: pure(options.epsilon) };
  }
}

/** γᵢ = ε(max − qᵢ)/2Δ, or without the 2. */
function penalties(scores: readonly number[], { epsilon, sensitivity = "1", monotone = false }: SelectionOptions) {
  if (scores.length === 0 || !scores.every(Number.isSafeInteger)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "scores", value: "none, or not whole", expected: "whole numbers" });
  }
  const best = BigInt(scores.reduce((a, b) => Math.max(a, b)));
  const [rate, delta] = [positiveEpsilon(epsilon), positiveSensitivity(sensitivity)];
  return scores.map((score) => penalty(rate, best - BigInt(score), delta, monotone ? 1 : 2));
}
