/**
 * From an attacker's scores of canaries to guesses, and from guesses to lower bounds.
 *
 * How many guesses are made must not depend on how they came out. So either one number is fixed beforehand, or several are, and each is
 * tested at `significance` over how many there are (Bonferroni), whichever the largest bound comes from.
 */
import { fail } from "@tributary/errors";
import { gaussianEpsilon } from "../accounting/gaussian-dp.ts";
import { checkSignificance } from "./binomial.ts";
import { largestRefuted, type OneRun, type OneRunTarget, oneRunPValue } from "./one-run.ts";
import { leastChanceGaussian, refutesCurve } from "./one-run-curve.ts";

/** How sure an attacker is of each canary, and the coins. */
export interface CanaryScores {
  /** `[canaries]`; higher means: more likely in. */
  readonly scores: ArrayLike<number>;
  /** `[canaries]`, 1 or 0: the secret coins, opened after the run. */
  readonly included: ArrayLike<number>;
}

/** Of how many canaries guesses are made, fixed beforehand. */
export interface GuessingRule {
  /** r, or several, fixed before the scores were seen. */
  readonly guesses: number | readonly number[];
  /** Guess "in" for the highest scores and "out" for the lowest, half and half; or "in" only. `both` unless given. */
  readonly side?: "both" | "in";
}

/** What a run refutes. */
export interface OneRunAudit {
  /** A lower bound on ε at `delta`, of any mechanism. Wrong with chance at most `significance`. */
  readonly epsilon: number;
  readonly run: OneRun;
  /** A lower bound on the μ of a mechanism whose trade-off curve is Gaussian, and its ε at `delta`. Wrong with chance at most `significance`. */
  readonly gaussian: { readonly mu: number; readonly epsilon: number; readonly run: OneRun };
  readonly delta: number;
  readonly significance: number;
  /** How many numbers of guesses were tried and paid for. */
  readonly tried: number;
}

/**
 * Both bounds at each number of guesses, each kind's largest. The two kinds are claims of their own: who quotes whichever is larger doubles
 * the chance of being wrong.
 * @throws TRB_DP_AUDIT_SCORES_INVALID, TRB_DP_LENGTH_MISMATCH, TRB_DP_AUDIT_COUNTS_INVALID, TRB_DP_AUDIT_SIGNIFICANCE_INVALID,
 *   TRB_DP_DELTA_INVALID
 */
export function auditScores(canaries: CanaryScores, rule: GuessingRule & OneRunTarget): OneRunAudit {
  const { delta, significance, side = "both" } = rule;
  if (!(delta > 0 && delta < 1)) throw fail("TRB_DP_DELTA_INVALID", { delta });
  const numbers = typeof rule.guesses === "number" ? [rule.guesses] : rule.guesses;
  const order = byScore(canaries);
  const runs = numbers.map((guesses) => countCorrect(order, canaries.included, guesses, side));
  const [first] = runs;
  if (first === undefined) throw fail("TRB_DP_AUDIT_COUNTS_INVALID", { canaries: order.length, guesses: 0, correct: 0 });
  checkSignificance(significance);
  const each = significance / runs.length;
  // a run is searched only where it refutes more than those before it
  const best = (refutes: (run: OneRun, parameter: number) => boolean) =>
    runs.reduce(
      (found, run) => {
        const value = largestRefuted((parameter) => refutes(run, parameter), found.value);
        return value > found.value ? { value, run } : found;
      },
      { value: 0, run: first },
    );
  const any = best((run, epsilon) => oneRunPValue(run, { epsilon, delta }) < each);
  const curve = best((run, mu) => refutesCurve(run, leastChanceGaussian(mu), each));
  return {
    epsilon: any.value,
    run: any.run,
    gaussian: { mu: curve.value, epsilon: gaussianEpsilon(curve.value, delta), run: curve.run },
    delta,
    significance,
    tried: runs.length,
  };
}

/** Canaries from the lowest score up; equal ones in their own order, which was there before the coins. */
function byScore({ scores, included }: CanaryScores): Uint32Array {
  if (included.length !== scores.length) {
    throw fail("TRB_DP_LENGTH_MISMATCH", { length: included.length, expected: scores.length });
  }
  for (let place = 0; place < scores.length; place++) {
    const coin = included[place];
    if (!Number.isFinite(scores[place]) || (coin !== 0 && coin !== 1)) throw fail("TRB_DP_AUDIT_SCORES_INVALID", { place });
  }
  const score = (place: number) => scores[place] as number;
  return Uint32Array.from(scores, (_, place) => place).sort((a, b) => score(a) - score(b) || a - b);
}

function countCorrect(order: Uint32Array, included: ArrayLike<number>, guesses: number, side: "both" | "in"): OneRun {
  const canaries = order.length;
  if (!(Number.isInteger(guesses) && guesses >= 1 && guesses <= canaries)) {
    throw fail("TRB_DP_AUDIT_COUNTS_INVALID", { canaries, guesses, correct: 0 });
  }
  const lowest = side === "both" ? Math.floor(guesses / 2) : 0;
  let correct = 0;
  for (const canary of order.subarray(0, lowest)) correct += 1 - (included[canary] as number);
  for (const canary of order.subarray(canaries - (guesses - lowest))) correct += included[canary] as number;
  return { canaries, guesses, correct };
}
