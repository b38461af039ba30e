/**
 * Reading δ(ε) and ε(δ) off composed losses: the tilt is taken off from the top of the window down, everything uncertain is added to the side of
 * less privacy, and what was added bounds the truth from below.
 */
import type { Convolved } from "./convolution.ts";

/** Which point of the curve is asked for: it decides where precision goes. */
export type Question = { readonly delta: number } | { readonly epsilon: number };

/** An answer that the truth does not pass, and one that it passes or reaches. */
export interface Enclosure {
  readonly upper: number;
  readonly lower: number;
}

/** An answer in one direction. */
export interface Found extends Enclosure {
  /** How much of δ is the transform's rounding; 1 where the answer lies below the window. */
  readonly blur: number;
}

/** The tilt under which one direction was composed, and where. */
export interface TiltedWindow {
  readonly lambda: number;
  /** ln E e^{λL} of everything */
  readonly logMoment: number;
  /** Losses between which the composed weights are needed. */
  readonly low: number;
  readonly high: number;
  /** Whether losses above `high` are possible. */
  readonly open: boolean;
  /** Probability of an infinite loss. */
  readonly infinite: number;
  /** What the rounding of each loss to the grid may have added to the sum, but for probability η: at most perRoot·√ln(1/η) + bias. */
  readonly spread: { readonly perRoot: number; readonly bias: number };
  /** Mass moved upward from below the grids. */
  readonly moved: number;
}

/** −ln of the tilted mass that may lie outside the window on either side: 5e-12. */
export const windowLog = 26;
/** Of δ itself: the rounding of the curves' values, which are good to 1e-15 each. */
const curveAllowance = 1e-8;

export function readTail(window: TiltedWindow, composed: Convolved, question: Question, interval: number): Found {
  const curve = new Curve(window, composed, question, interval);
  const { perRoot, bias } = window.spread;
  if ("epsilon" in question) {
    const { upper } = curve.at(question.epsilon);
    const eta = Math.max(1e-3 * upper, 1e-300);
    const shifted = curve.at(question.epsilon + perRoot * Math.sqrt(-Math.log(eta)) + bias);
    return { upper, lower: Math.max(0, shifted.upper * (1 - 2 * curveAllowance) - shifted.added - eta), blur: 0 };
  }
  const { delta } = question;
  const upper = curve.solve(delta);
  const below = curve.at(Math.max(0, upper - interval)); // where the weight is that decides
  const unresolved = upper > 0 && upper <= curve.bottom * interval;
  const blur = unresolved ? 1 : upper === 0 ? 0 : Math.min(1, below.fromErrors / delta);
  const eta = 1e-3 * delta;
  const margin = curve.at(curve.solve(1.5 * (delta + eta))).added; // additions shrink as ε grows, and the next ε is larger
  if (!(margin < 0.4 * delta)) return { upper, lower: 0, blur };
  const above = curve.solve((delta + eta + margin) * (1 + 2 * curveAllowance));
  return { upper, lower: Math.max(0, above - perRoot * Math.sqrt(-Math.log(eta)) - bias), blur };
}

class Curve {
  /** Index of the lowest grid point of the window. */
  readonly bottom: number;
  private readonly top: number;
  private readonly window: TiltedWindow;
  private readonly error: number;
  private readonly interval: number;
  /** [points down from the top] Σ of the weights above the point, and Σ of weights·e^{point − loss}; their difference is δ there. */
  private readonly mass: Float64Array;
  private readonly discounted: Float64Array;
  private readonly known: number;

  constructor(window: TiltedWindow, { weights, error }: Convolved, question: Question, interval: number) {
    const { lambda, logMoment } = window;
    const size = weights.length;
    this.window = window;
    this.error = error;
    this.interval = interval;
    this.top = Math.ceil(window.high / interval);
    this.bottom = Math.max(Math.floor(window.low / interval), this.top - size + 1);
    const points = this.top - this.bottom + 1;
    this.mass = new Float64Array(points);
    this.discounted = new Float64Array(points);
    // nothing below the point in question is needed, nor below 0
    const lowest = Math.max(-1, "epsilon" in question ? Math.floor(question.epsilon / interval) - 1 : -1);
    const enough = "delta" in question ? 2 * question.delta : Number.POSITIVE_INFINITY;
    const shrink = Math.exp(-interval);
    const growth = Math.exp(lambda * interval);
    let [mass, discounted, factor, known] = [0, 0, 0, 0];
    for (let at = ((this.top % size) + size) % size; known < points; known++) {
      const index = this.top - known;
      discounted *= shrink;
      this.mass[known] = mass;
      this.discounted[known] = discounted;
      if (index < lowest || mass - discounted > enough) {
        known++;
        break;
      }
      factor = known % 64 === 0 ? Math.exp(logMoment - lambda * index * interval) : factor * growth;
      const weight = (Math.max(0, weights[at] as number) + error) * factor;
      mass += weight;
      discounted += weight;
      at = at === 0 ? size - 1 : at - 1;
    }
    this.known = known;
  }

  /** The upper δ(ε), and at most how much of it is additions rather than composed weights. */
  at(epsilon: number): { upper: number; added: number; fromErrors: number } {
    const index = Math.max(Math.floor(epsilon / this.interval), this.top - this.known + 1);
    const point = this.top - index;
    let finite = 0;
    if (point >= 0) {
      const [mass, discounted] = [this.mass[point] as number, this.discounted[point] as number];
      finite = Math.max(0, mass - discounted * Math.exp(epsilon - index * this.interval));
    }
    const fromErrors = this.errorsAbove(epsilon, index + 1);
    const upper = Math.min(1, (finite + this.beyond) * (1 + curveAllowance));
    return { upper, added: 2 * fromErrors + this.beyond + 2 * this.outside(epsilon) + this.window.moved, fromErrors };
  }

  /** The ε at which the upper δ(ε) comes down to δ; 0 at least. */
  solve(delta: number): number {
    const budget = delta / (1 + curveAllowance) - this.beyond;
    if (budget <= 0) return Number.POSITIVE_INFINITY;
    const above = (point: number) => (this.mass[point] as number) - (this.discounted[point] as number) > budget;
    let low = 0;
    let high = this.known; // the first point above the budget, if any
    while (low < high) {
      const middle = (low + high) >> 1;
      if (above(middle)) high = middle;
      else low = middle + 1;
    }
    if (low === this.known) return Math.max(0, this.bottom * this.interval); // nothing is known of what lies below
    // δ(ε) = mass − e^{ε − point}·discounted up to the next point
    const point = (this.top - low) * this.interval;
    return Math.max(0, point + Math.log(((this.mass[low] as number) - budget) / (this.discounted[low] as number)));
  }

  /** What the error bound of every weight from index `first` on contributes to δ(ε): two geometric sums. */
  private errorsAbove(epsilon: number, first: number): number {
    const { lambda, logMoment } = this.window;
    const terms = this.top - first + 1;
    if (terms <= 0) return 0;
    const series = (rate: number) => Math.expm1(-rate * this.interval * terms) / Math.expm1(-rate * this.interval);
    const loss = first * this.interval;
    const sum = series(lambda) - Math.exp(epsilon - loss) * series(lambda + 1);
    return this.error * Math.exp(logMoment - lambda * loss) * Math.max(0, sum);
  }

  /** Tilted mass outside the window, were it all at this loss. */
  private outside(loss: number): number {
    const { lambda, logMoment } = this.window;
    return Math.exp(Math.min(0, logMoment - lambda * loss - windowLog));
  }

  /** Losses above the window, and infinite ones. */
  private get beyond(): number {
    return this.window.infinite + (this.window.open ? this.outside(this.window.high) : 0);
  }
}
