/**
 * The privacy loss of one release in one direction, as its hockey-stick curve
 *
 *   δ(ε) = sup_S P(S) − e^ε·Q(S)
 *
 * for the pair (P, Q) that dominates the mechanism: REMOVE has the customer in P, ADD has the customer in Q. Their curves differ as soon as
 * customers are sampled, so they are composed apart and the larger answer counts.
 *
 * Source: Zhu, Dong, Wang, "Optimal Accounting of Differential Privacy via Characteristic Function" (2022), for sampling; Koskela, Jälkö,
 * Honkela (2020) for the Gaussian's formulas.
 */
import { fail } from "@tributary/errors";
import type { AtomicEvent, GaussianRelease } from "../events.ts";
import { hockeyStick } from "../gaussian-dp.ts";
import { normalTail, scaledErfc } from "../normal.ts";
import { integerGaussianLosses } from "./integer-gaussian-loss.ts";

export interface PrivacyLoss {
  /** δ(ε) at any real ε; convex in e^ε. */
  readonly hockeyStick: (epsilon: number) => number;
  /** A loss that is passed downward with probability ≤ mass under P. */
  readonly least: (mass: number) => number;
  /** A loss ε beyond which δ(ε) hardly falls any more: δ(ε) − δ(∞) ≤ mass. */
  readonly most: (mass: number) => number;
  /** Where the loss takes single values only. */
  readonly atoms?: Atoms;
}

interface Atoms {
  /** Given when every loss is a multiple of it: a grid of this interval rounds nothing. */
  readonly interval?: number;
  /** Each loss with its probability under P, in rising order; what is left out has P at most `mass`. */
  readonly visit: (mass: number, atom: (loss: number, probability: number) => void) => void;
}

export interface PrivacyLosses {
  readonly remove: PrivacyLoss;
  readonly add: PrivacyLoss;
}

/** Both directions of an event that the accountant bounds (see `boundsByLoss`). */
export function privacyLosses(event: AtomicEvent): PrivacyLosses {
  switch (event.kind) {
    case "gaussian":
      return event.samplingRate === 1 ? both(gaussianLoss(1 / event.noiseMultiplier)) : sampledLosses(event);
    case "integer-gaussian":
      return integerGaussianLosses(event);
    case "laplace":
      return both(laplaceLoss(event.noiseMultiplier));
    case "approximate":
      return both(approximateLoss(event.epsilon, event.delta));
    default:
      throw fail("TRB_DP_EVENT_UNSUPPORTED", { accountant: "pld", event: event.kind, others: "zcdp, rdp" });
  }
}

/** Above this variance the losses of a single number are too many to be listed: σ ≤ 10⁴. */
const mostIntegerVariance = 1e8;

/** Whether a dominating pair is known: not for discrete noise in several dimensions, nor for all that is ρ-zCDP. */
export function boundsByLoss(event: AtomicEvent): boolean {
  if (event.kind === "integer-gaussian") return event.variance <= mostIntegerVariance;
  return event.kind !== "discrete-gaussian" && event.kind !== "lattice-gaussian" && event.kind !== "zcdp";
}

const both = (loss: PrivacyLoss): PrivacyLosses => ({ remove: loss, add: loss });

/** t with P(Z > t) ≤ mass, by Chernoff's bound. */
const tailPoint = (mass: number): number => Math.sqrt(-2 * Math.log(mass));

/** N(μ, 1) against N(0, 1): the loss is N(μ²/2, μ²). */
export function gaussianLoss(mu: number): PrivacyLoss {
  return {
    hockeyStick: (epsilon) => hockeyStick(mu, epsilon),
    least: (mass) => mu * (mu / 2 - tailPoint(mass)),
    most: (mass) => mu * (mu / 2 + tailPoint(mass)),
  };
}

/** Laplace noise of scale b: losses lie in ±1/b, with mass at both ends. */
function laplaceLoss(scale: number): PrivacyLoss {
  const most = 1 / scale;
  return {
    hockeyStick: (epsilon) => {
      if (epsilon >= most) return 0;
      return epsilon <= -most ? -Math.expm1(epsilon) : -Math.expm1((epsilon - most) / 2);
    },
    least: () => -most,
    most: () => most,
  };
}

/** (ε₀, δ₀): randomised response, and with probability δ₀ everything is told. */
function approximateLoss(epsilon0: number, delta0: number): PrivacyLoss {
  const yes = 1 / (1 + Math.exp(-epsilon0)); // probability of the loss ε₀, under P
  return {
    hockeyStick: (epsilon) => {
      if (epsilon >= epsilon0) return delta0;
      if (epsilon <= -epsilon0) return delta0 - (1 - delta0) * Math.expm1(epsilon);
      return delta0 - (1 - delta0) * yes * Math.expm1(epsilon - epsilon0);
    },
    least: () => -epsilon0,
    most: () => epsilon0,
  };
}

/**
 * REMOVE: P = (1−q)·N(0,σ²) + q·N(1,σ²), Q = N(0,σ²); the loss ln(1 − q + q·e^{(x−½)/σ²}) grows with x, and at the x where it is ε
 *
 *   δ = q·[P(Z > (x−1)/σ) − e^{(x−½)/σ²}·P(Z > x/σ)]
 *
 * ADD: P and Q change places; the loss is the negative, and at the x where it is ε
 *
 *   δ = q·e^ε·[e^{(x−½)/σ²}·P(Z < x/σ) − P(Z < (x−1)/σ)]
 *
 * These are the textbook formulas with their large parts, which cancel, taken out.
 */
function sampledLosses({ samplingRate: q, noiseMultiplier: sigma }: GaussianRelease): PrivacyLosses {
  const variance = sigma * sigma;
  const logMissed = Math.log1p(-q);
  /** The x at which q·e^{(x−½)/σ²} = e^ε − 1 + q, for ε > ln(1 − q). */
  const pointOf = (epsilon: number) => variance * Math.log1p(Math.expm1(epsilon) / q) + 0.5;
  const lossAt = (x: number) => {
    const exponent = (x - 0.5) / variance;
    return exponent > 30 ? exponent + Math.log(q + (1 - q) * Math.exp(-exponent)) : Math.log1p(q * Math.expm1(exponent));
  };
  const perRoot2 = Math.SQRT1_2 / sigma;
  const common = (x: number) => Math.exp(-((x - 1) ** 2) / (2 * variance)); // e^{(x−½)/σ²}·e^{−x²/2σ²}

  const remove: PrivacyLoss = {
    hockeyStick: (epsilon) => {
      if (epsilon <= logMissed) return -Math.expm1(epsilon);
      const x = pointOf(epsilon);
      if (x <= 1)
        return Math.max(0, q * (normalTail((x - 1) / sigma) - Math.exp((x - 0.5) / variance) * normalTail(x / sigma)));
      return (q / 2) * common(x) * (scaledErfc((x - 1) * perRoot2) - scaledErfc(x * perRoot2));
    },
    least: (mass) => lossAt(-sigma * tailPoint(mass)),
    most: (mass) => lossAt(1 + sigma * tailPoint(mass)),
  };
  const add: PrivacyLoss = {
    hockeyStick: (epsilon) => {
      if (epsilon >= -logMissed) return 0;
      const x = pointOf(-epsilon);
      if (x >= 0) {
        const difference = Math.exp((x - 0.5) / variance) * normalTail(-x / sigma) - normalTail((1 - x) / sigma);
        return Math.min(1, Math.max(-Math.expm1(epsilon), q * Math.exp(epsilon) * difference));
      }
      return (q / 2) * Math.exp(epsilon) * common(x) * (scaledErfc(-x * perRoot2) - scaledErfc((1 - x) * perRoot2));
    },
    least: (mass) => -lossAt(sigma * tailPoint(mass)),
    most: (mass) => -lossAt(-sigma * tailPoint(mass)),
  };
  return { remove, add };
}
