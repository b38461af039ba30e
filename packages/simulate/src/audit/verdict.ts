/**
 * From scores to a verdict. Each attacker's guesses are one test of the claimed curve. That all is as claimed and one of them says otherwise has
 * chance at most 5 %: the tests share it in fixed parts (Bonferroni with weights; whether any test refutes, Holm's procedure says the same).
 * Lower bounds of ε have the same parts, so that all of them hold together with confidence 95 %.
 */
import { auditScores, type LeastChance, refutesCurve } from "@tributary/dp";

type ThreatModel = "every iterate" | "final model";
type CanaryKind = "gradient" | "input";

/** What one attacker said of the canaries. */
export interface Attack {
  readonly threatModel: ThreatModel;
  readonly canaries: CanaryKind;
  /** `[canaries]` */
  readonly scores: Float64Array;
}

export interface AttackVerdict {
  readonly threatModel: ThreatModel;
  readonly canaries: CanaryKind;
  readonly guesses: number;
  readonly correct: number;
  /** The part of 5 % that this test has. */
  readonly significance: number;
  /** Whether it refutes the claimed curve. */
  readonly refuted: boolean;
  /** Lower bound of ε at the plan's δ, of any mechanism. */
  readonly epsilonLowerBound: number;
  /** Another claim, with an error of its own: if the curve is Gaussian. */
  readonly epsilonLowerBoundIfGaussian: number;
}

export interface Verdict {
  readonly consistent: boolean;
  /** The largest of the attacks' bounds; all hold together with `confidence`. */
  readonly epsilonLowerBound: number;
  readonly epsilonLowerBoundIfGaussian: number;
  readonly confidence: number;
  /** Chance at most that a system which is as claimed is not found consistent. */
  readonly familyWiseError: number;
  readonly attacks: readonly AttackVerdict[];
}

/** Guesses are made of one canary in four, half of them "in": fixed before anything was seen. */
const guessed = 4;
/** Who sees every sum sees most: that test has most of the 5 %. */
const shares: Readonly<Record<ThreatModel, number>> = { "every iterate": 0.04, "final model": 0.005 };
const familyWiseError = 0.05;

export function judgeAttacks(
  attacks: readonly Attack[],
  included: Uint8Array,
  claim: { readonly leastChance: LeastChance; readonly delta: number },
): Verdict {
  const judged = attacks.map(({ threatModel, canaries, scores }): AttackVerdict => {
    const significance = shares[threatModel];
    const guesses = Math.max(2, Math.round(scores.length / guessed));
    const { epsilon, gaussian, run } = auditScores({ scores, included }, { delta: claim.delta, significance, guesses });
    return {
      ...{ threatModel, canaries, guesses, correct: run.correct, significance },
      refuted: refutesCurve(run, claim.leastChance, significance),
      ...{ epsilonLowerBound: epsilon, epsilonLowerBoundIfGaussian: gaussian.epsilon },
    };
  });
  const most = (of: (attack: AttackVerdict) => number) => Math.max(0, ...judged.map(of));
  return {
    consistent: judged.every(({ refuted }) => !refuted),
    epsilonLowerBound: most((attack) => attack.epsilonLowerBound),
    epsilonLowerBoundIfGaussian: most((attack) => attack.epsilonLowerBoundIfGaussian),
    ...{ confidence: 1 - familyWiseError, familyWiseError, attacks: judged },
  };
}
