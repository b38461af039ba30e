/**
 * An audit that needs one training run. m canaries are each put in with probability ½, in secret; an attacker who sees what was released
 * guesses for r of them whether they were in, and is right v times. If all was (ε, δ)-private, that happens with probability at most
 *
 *   p = P[B ≥ v] + 2mδ·max_{1≤i≤m} P[v − i ≤ B < v]/i,   B ~ Bin(r, 1/(1 + e^−ε)).
 *
 * An ε at which p < `significance` is refuted; the largest refuted one is the empirical lower bound. r must not depend on how the
 * guesses came out: fix it beforehand, or pay for every r that was tried (`one-run-scores.ts`).
 *
 * Source: Steinke, Nasr, Jagielski, "Privacy Auditing with One (1) Training Run" (2023), Theorem 5.2.
 */
import { fail } from "@tributary/errors";
import { binomialPoint, binomialTail, checkSignificance } from "./binomial.ts";

/** What one run showed. */
export interface OneRun {
  /** m: canaries that were in or out by a secret coin each. */
  readonly canaries: number;
  /** r ≤ m: for how many the attacker guessed. */
  readonly guesses: number;
  /** v ≤ r: how many guesses were right. */
  readonly correct: number;
}

/** Where a lower bound is reported: δ of the claim, and the chance with which the bound may be wrong although all is right. */
export interface OneRunTarget {
  /** 0 ≤ δ < 1 */
  readonly delta: number;
  readonly significance: number;
}

/** A larger ε is not told from infinity: eight times as many guesses as there are atoms would be needed. */
const mostEpsilon = 256;

/**
 * The chance of so many right guesses or more, were all (ε, δ)-private; at most 1.
 * @throws TRB_DP_AUDIT_COUNTS_INVALID, TRB_DP_AUDIT_DELTA_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function oneRunPValue(run: OneRun, { epsilon, delta }: { readonly epsilon: number; readonly delta: number }): number {
  checkOneRun(run);
  checkAuditDelta(delta);
  if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "a finite number from 0 on" });
  }
  const { canaries, guesses, correct } = run;
  const right = 1 / (1 + Math.exp(-epsilon));
  const tail = binomialTail(correct, guesses, right);
  if (delta === 0) return tail;
  let steepest = 0;
  let below = 0; // P[v − i ≤ B < v]
  for (let i = 1; i <= correct; i++) {
    below += binomialPoint(correct - i, guesses, right);
    steepest = Math.max(steepest, below / i);
    if (steepest * (i + 1) >= 1) break; // below ≤ 1: nothing steeper follows
  }
  return Math.min(1, tail + 2 * canaries * delta * steepest);
}

/**
 * The largest ε that is refuted, rounded down; 0 when none is.
 * @throws the codes of `oneRunPValue`, TRB_DP_AUDIT_SIGNIFICANCE_INVALID
 */
export function oneRunEpsilon(run: OneRun, { delta, significance }: OneRunTarget): number {
  checkSignificance(significance);
  return largestRefuted((epsilon) => oneRunPValue(run, { epsilon, delta }) < significance);
}

/** The end of the refuted stretch, rounded down to 2^−40 of itself; `from` where that is not refuted itself. */
export function largestRefuted(refuted: (parameter: number) => boolean, from = 0): number {
  if (!refuted(from)) return from;
  let low = from;
  let high = Math.max(1, 2 * from);
  while (high < mostEpsilon && refuted(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 2 ** -40 * high) {
    const middle = low + (high - low) / 2;
    if (refuted(middle)) low = middle;
    else high = middle;
  }
  return low;
}

export function checkOneRun({ canaries, guesses, correct }: OneRun): void {
  const inOrder = correct >= 0 && correct <= guesses && guesses <= canaries;
  const counts = [canaries, guesses, correct].every((count) => Number.isInteger(count) && count <= 1e7);
  if (!(inOrder && counts && guesses >= 1)) throw fail("TRB_DP_AUDIT_COUNTS_INVALID", { canaries, guesses, correct });
}

/** δ of an audit may be 0, unlike an accountant's. @throws TRB_DP_AUDIT_DELTA_INVALID */
export function checkAuditDelta(delta: number): void {
  if (!(delta >= 0 && delta < 1)) throw fail("TRB_DP_AUDIT_DELTA_INVALID", { delta });
}
