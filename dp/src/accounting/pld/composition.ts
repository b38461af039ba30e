/**
 * What many releases leak together in one direction, from above: losses on a grid, composed by FFT under exponential tilting.
 *
 * A transform's rounding is about 1e-16 of the largest probability, which would drown a δ of 1e-12. So each release's weights are first multiplied by
 * e^{λl}/M(λ), which moves the bulk to where δ is decided; after composition the factor is taken off again. Rounding is then relative to δ
 * itself. Everything that is lost or uncertain is added back on the side of less privacy:
 *
 * - weights beyond a release's grid, and the composed tail above the window (Chernoff's bound at a λ of its own): infinite loss;
 * - what the circle wraps around into the window only adds to it;
 * - rounding of the transform: its bound is added to every weight.
 */
import { fail } from "@tributary/errors";
import type { Releases } from "../events.ts";
import { convolve, type Repeated } from "./convolution.ts";
import { type GridLoss, moments, onGrid } from "./grid-loss.ts";
import type { PrivacyLoss, PrivacyLosses } from "./losses.ts";

/** One kind of release, in both directions, and how often. */
export interface CountedLosses {
  readonly key: string;
  readonly losses: PrivacyLosses;
  readonly count: Releases["count"];
}

/** Which point of the curve is asked for: it decides where precision goes. */
export type Question = { readonly delta: number } | { readonly epsilon: number };

/** An answer that the truth does not pass, and one that it passes or reaches. */
export interface Enclosure {
  readonly upper: number;
  readonly lower: number;
}

/** An answer in one direction; blurred when more than a thousandth of it is additions, or it lies below the window. */
interface Found extends Enclosure {
  readonly blurred: boolean;
}

export interface Answer extends Enclosure {
  /** Grid interval, in nats. */
  readonly interval: number;
  /** What made the upper answer larger than it had to be. */
  readonly widened: readonly string[];
}

const directions = ["remove", "add"] as const;
type Direction = (typeof directions)[number];

/** Tries of grids and tilts; the last one is answered with whatever it has. */
const mostAttempts = 30;
const mostRefinements = 3;

const usualInterval = 1e-4;
/** Wider windows get a coarser grid, narrower ones a finer one. */
const mostPoints = 2 ** 20;
const fewestPoints = 2 ** 10;
/** Losses that spread wider than this, in nats, are not worth a grid. */
const mostRange = 1e6;
/** −ln of the tilted mass that may lie outside the window: 5e-12. */
const windowLog = 26;
/** Of δ itself: the rounding of the curves' values, which are good to 1e-15 each. */
const curveAllowance = 1e-8;

/** The δ at an ε, or the ε at a δ: the larger of both directions. @param interval fixes the grid */
export function compose(parts: readonly CountedLosses[], question: Question, interval?: number): Answer {
  if (!(support(parts, 1e-12) < mostRange)) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  let target = "delta" in question ? question.delta : 1e-12;
  let grid = interval ?? startingInterval(parts, target);
  let around: readonly (number | undefined)[] = [undefined, undefined];
  let refined = 0;
  for (let attempt = 1; ; attempt++) {
    const last = attempt === mostAttempts;
    const sides = directions.map((direction, i) => plan(parts, direction, question, grid, target, around[i]));
    const points = Math.max(...sides.map((side) => (side.high - side.low) / grid));
    const likely = Math.max(...sides.map((side) => side.likelyDelta));
    if ("epsilon" in question && likely * 1e-6 < target && target > 1e-290 && !last) {
      target = Math.max(1e-300, likely * 1e-8); // cut less off: δ is smaller than was thought
      continue;
    }
    const fitting = interval ?? fittingInterval(grid, points, support(parts, target));
    if (fitting !== grid && !last) {
      grid = fitting;
      continue;
    }
    const found = answer(sides, points, question, grid);
    // Chernoff's bound may have pointed far from the answer: tilt to where that was found, if it is not known sharply
    if (last || refined === mostRefinements || found.every(({ blurred }) => !blurred)) {
      const largest = (of: (each: Enclosure) => number) => Math.max(...found.map(of));
      return {
        upper: largest(({ upper }) => upper),
        lower: largest(({ lower }) => lower),
        interval: grid,
        widened: remarks(found, grid, interval),
      };
    }
    refined++;
    around = found.map(({ upper, blurred }, i) => (blurred && Number.isFinite(upper) ? upper : around[i]));
  }
}

function remarks(found: readonly Found[], grid: number, asked: number | undefined): string[] {
  const remarks: string[] = [];
  if (asked === undefined && grid > usualInterval)
    remarks.push(`losses spread so wide that the grid is ${grid} instead of ${usualInterval}`);
  if (found.some(({ blurred }) => blurred)) remarks.push("the transform's rounding is above a thousandth of δ");
  return remarks;
}

/** Coarser where the window is too wide for the transform, finer where it has too few points, as long as single losses fit. */
function fittingInterval(grid: number, points: number, range: number): number {
  if (points > mostPoints) return grid * 2 ** Math.ceil(Math.log2(points / mostPoints));
  const finer = grid / 2 ** Math.max(0, Math.ceil(Math.log2(fewestPoints / points)));
  return range / finer < mostPoints ? finer : grid;
}

interface Side {
  readonly parts: readonly { readonly loss: GridLoss; readonly count: number }[];
  readonly lambda: number;
  /** ln E e^{λL} of everything */
  readonly logMoment: number;
  /** Losses between which the composed weights are needed. */
  readonly low: number;
  readonly high: number;
  /** Whether losses above `high` are possible. */
  readonly open: boolean;
  readonly infinite: number;
  /** Chernoff's bound of δ at the point in question. */
  readonly likelyDelta: number;
  /** What the coarse rounding of each loss may have added to the sum, but for probability η: at most a·√ln(1/η) + b. */
  readonly spread: { readonly perRoot: number; readonly bias: number };
  /** Mass moved upward from below the grids. */
  readonly moved: number;
}

const grids = new Map<string, GridLoss>();

function gridOf(key: string, direction: Direction, loss: PrivacyLoss, interval: number, mass: number): GridLoss {
  const rounded = 10 ** Math.floor(Math.log10(mass)); // so that questions near each other share a grid
  const name = `${key} ${direction} ${interval} ${rounded}`;
  const before = grids.get(name);
  if (before) return before;
  if (grids.size >= 32) grids.clear();
  const made = onGrid(loss, interval, Math.max(rounded, 1e-300));
  grids.set(name, made);
  return made;
}

const massOf = (parts: readonly CountedLosses[], target: number): number =>
  Math.min(0.1, (1e-9 * target) / parts.reduce((sum, { count }) => sum + count, 0));

/** The widest range of losses of one release. */
function support(parts: readonly CountedLosses[], target: number): number {
  const mass = massOf(parts, target);
  const ranges = parts.flatMap(({ losses: { remove, add } }) =>
    [remove, add].map((loss) => loss.most(mass) - loss.least(mass)),
  );
  return Math.max(...ranges);
}

function startingInterval(parts: readonly CountedLosses[], target: number): number {
  return usualInterval * 2 ** Math.max(0, Math.ceil(Math.log2(support(parts, target) / (mostPoints / 2) / usualInterval)));
}

/** Chooses the tilt and the window of one direction. */
function plan(
  parts: readonly CountedLosses[],
  direction: Direction,
  question: Question,
  interval: number,
  target: number,
  around?: number,
): Side {
  const mass = massOf(parts, target);
  const rounded = parts.map(({ key, losses, count }) => ({
    loss: gridOf(key, direction, losses[direction], interval, mass),
    count,
  }));
  const steps = parts.reduce((sum, { count }) => sum + count, 0);
  const cumulants = (lambda: number) => {
    let [log, mean, variance] = [0, 0, 0];
    for (const { loss, count } of rounded) {
      const one = moments(loss, lambda);
      log += count * one.log;
      mean += count * one.mean;
      variance += count * one.variance;
    }
    return { log, mean, variance };
  };
  let [furthest, lowest, highest] = [0, 0, 0];
  for (const { loss, count } of rounded) {
    const last = loss.first + loss.weights.length - 1;
    furthest = Math.max(furthest, Math.abs(last), Math.abs(loss.first));
    lowest += count * loss.first;
    highest += count * last;
  }
  const mostTilt = 600 / (furthest * interval);
  const start = cumulants(0);
  const scale = Math.sqrt(Math.max(start.variance, 1e-30));
  const epsilon = "epsilon" in question ? question.epsilon : around;
  const wished =
    epsilon !== undefined
      ? chooseTilt(cumulants, { epsilon }, mostTilt, (epsilon - start.mean) / start.variance)
      : chooseTilt(cumulants, { log: -Math.log(target) }, mostTilt, Math.sqrt(-2 * Math.log(target)) / scale);
  const tilt = Math.min(mostTilt, Math.max(wished, 1e-3 / scale));
  const { log: logMoment, mean, variance } = cumulants(tilt);
  const deviation = Math.max(Math.sqrt(variance), interval / 4);

  /** Chernoff: beyond this loss, up (sign 1) or down (−1), lies less than e^−windowLog of the tilted mass. */
  const edge = (sign: 1 | -1): number => {
    const most = mostTilt - sign * tilt;
    if (!(most > 0)) return sign * Number.POSITIVE_INFINITY;
    const beside = (theta: number) => {
      const there = cumulants(tilt + sign * theta);
      return { log: there.log - logMoment, mean: sign * there.mean, variance: there.variance };
    };
    const theta = chooseTilt(beside, { log: windowLog }, most, Math.sqrt(2 * windowLog) / deviation);
    return (sign * (beside(theta).log + windowLog)) / theta;
  };
  const point = epsilon ?? Math.max(0, (logMoment - Math.log(target)) / tilt);
  const high = Math.min(edge(1), highest * interval);
  const low = Math.max(
    Math.min(edge(-1), point - interval, high - 2 * interval),
    Math.min(lowest * interval, high - 2 * interval),
  );
  return {
    parts: rounded,
    lambda: tilt,
    logMoment,
    low,
    high,
    open: high < highest * interval,
    infinite: -Math.expm1(rounded.reduce((sum, { loss, count }) => sum + count * Math.log1p(-loss.infinite), 0)),
    likelyDelta: Math.min(1, Math.exp(logMoment - tilt * (epsilon ?? mean))),
    spread: { perRoot: interval * Math.sqrt(steps / 2), bias: (steps * interval * interval) / 8 },
    moved: steps * mass,
  };
}

/**
 * λ > 0 with K′(λ) = ε, or with λK′(λ) − K(λ) = log, where Chernoff's bounds are best; by Newton's method, roughly: any λ gives a
 * bound, a good one gives digits.
 */
function chooseTilt(
  cumulants: (lambda: number) => { log: number; mean: number; variance: number },
  aim: { readonly log: number } | { readonly epsilon: number },
  most: number,
  start: number,
): number {
  let low = 0;
  let high = most;
  let lambda = start;
  for (let i = 0; i < 60; i++) {
    if (!(lambda > low && lambda < high)) lambda = low === 0 ? high / 8 : (low + high) / 2;
    const { log, mean, variance } = cumulants(lambda);
    const excess = "epsilon" in aim ? mean - aim.epsilon : lambda * mean - log - aim.log;
    if (Math.abs(excess) < ("epsilon" in aim ? 0.1 * Math.sqrt(variance) : 0.2)) break;
    if (excess > 0) high = lambda;
    else low = lambda;
    if (high - low < 0.01 * high) break;
    const next = lambda - excess / ("epsilon" in aim ? variance : lambda * variance);
    // where K grows exponentially Newton's steps become tiny: halve instead
    lambda = Math.abs(next - lambda) < 0.1 * lambda && Math.abs(excess) > 3 ? (low + high) / 2 : next;
  }
  return Math.min(most, lambda);
}

function answer(sides: readonly Side[], points: number, question: Question, interval: number): Found[] {
  const [remove, add] = sides as [Side, Side];
  const size = 2 ** Math.ceil(Math.log2(Math.max(points + 4, 16)));
  const tilted = (side: Side): Repeated[] => side.parts.map(({ loss, count }) => tilt(loss, count, side.lambda));
  const [forRemove, forAdd] = [tilted(remove), tilted(add)];
  const convolved = convolve(
    size,
    forRemove.map((a, i) => ({ a, b: forAdd[i] as Repeated })),
  );
  const tails = [new Tail(remove, convolved.a, interval), new Tail(add, convolved.b, interval)];
  return tails.map((tail) => ("epsilon" in question ? tail.deltaAt(question.epsilon) : tail.epsilonAt(question.delta)));
}

function tilt(loss: GridLoss, count: number, lambda: number): Repeated {
  const { log } = moments(loss, lambda);
  const weights = loss.weights.map((weight, i) => weight * Math.exp(lambda * loss.interval * (loss.first + i) - log));
  return { first: loss.first, weights, count };
}

/** The composed losses of one direction from the top of the window down, with the tilt taken off. */
class Tail {
  private readonly size: number;
  private readonly top: number;
  private readonly bottom: number;

  private readonly side: Side;
  private readonly composed: { weights: Float64Array; error: number };
  private readonly interval: number;

  constructor(side: Side, composed: { weights: Float64Array; error: number }, interval: number) {
    this.side = side;
    this.composed = composed;
    this.interval = interval;
    this.size = composed.weights.length;
    this.top = Math.ceil(side.high / interval);
    this.bottom = Math.max(Math.floor(side.low / interval), this.top - this.size + 1);
  }

  deltaAt(epsilon: number): Found {
    const { upper } = this.curveAt(epsilon);
    const eta = 1e-3 * upper;
    const { perRoot, bias } = this.side.spread;
    const shifted = this.curveAt(epsilon + perRoot * Math.sqrt(Math.log(1 / Math.max(eta, 1e-300))) + bias);
    const lower = Math.max(0, shifted.upper * (1 - 2 * curveAllowance) - shifted.added - eta);
    return { upper, lower, blurred: false };
  }

  epsilonAt(delta: number): Found {
    const upper = this.solve(delta);
    const blurred = upper > 0 && (upper <= this.bottom * this.interval || this.curveAt(upper).fromErrors > 1e-3 * delta);
    const eta = 1e-3 * delta;
    const { perRoot, bias } = this.side.spread;
    const margin = this.curveAt(this.solve(1.5 * (delta + eta))).added; // additions shrink as ε grows, and the next ε is larger
    if (!(margin < 0.4 * delta)) return { upper, lower: 0, blurred };
    const above = this.solve((delta + eta + margin) * (1 + 2 * curveAllowance));
    return { upper, lower: Math.max(0, above - perRoot * Math.sqrt(-Math.log(eta)) - bias), blurred };
  }

  /** The upper δ(ε), and at most how much of it is additions rather than composed weights. */
  private curveAt(epsilon: number): { upper: number; added: number; fromErrors: number } {
    const { error } = this.composed;
    let fromWeights = 0;
    let fromErrors = 0;
    this.walk((loss, weight, factor) => {
      if (loss <= epsilon) return false;
      const part = -Math.expm1(epsilon - loss) * factor;
      fromWeights += weight * part;
      fromErrors += error * part;
      return true;
    });
    const upper = Math.min(1, (fromWeights + fromErrors + this.beyond) * (1 + curveAllowance));
    return { upper, added: 2 * fromErrors + this.beyond + 2 * this.outside(epsilon) + this.side.moved, fromErrors };
  }

  /** Tilted mass outside the window, were it all at this loss. */
  private outside(loss: number): number {
    const { lambda, logMoment } = this.side;
    return Math.exp(Math.min(0, logMoment - lambda * loss - windowLog));
  }

  /** Losses above the window, and infinite ones. */
  private get beyond(): number {
    return this.side.infinite + (this.side.open ? this.outside(this.side.high) : 0);
  }

  /** The ε at which the upper δ(ε) comes down to δ; 0 at least. */
  private solve(delta: number): number {
    const { error } = this.composed;
    const budget = delta / (1 + curveAllowance) - this.beyond;
    if (budget <= 0) return Number.POSITIVE_INFINITY;
    const shrink = Math.exp(-this.interval);
    let mass = 0; // Σ of weights above the present loss
    let discounted = 0; // Σ of weights·e^{present loss − loss}
    let found = Math.max(0, this.bottom * this.interval); // where nothing is known of what lies below
    this.walk((loss, weight, factor) => {
      discounted *= shrink;
      if (mass - discounted > budget) {
        // δ(ε) = mass − e^{ε − loss}·discounted up to the next point
        found = loss + Math.log((mass - budget) / discounted);
        return false;
      }
      if (loss < 0) {
        found = 0;
        return false;
      }
      const whole = (weight + error) * factor;
      mass += whole;
      discounted += whole;
      return true;
    });
    return Math.max(0, found);
  }

  /** From the top down: loss, weight (0 at least) and the factor e^{K − λ·loss} that takes the tilt off, until `visit` says false. */
  private walk(visit: (loss: number, weight: number, factor: number) => boolean): void {
    const { lambda, logMoment } = this.side;
    const { weights } = this.composed;
    const growth = Math.exp(lambda * this.interval);
    let factor = 0;
    for (let index = this.top, steps = 0; index >= this.bottom; index--, steps++) {
      const loss = index * this.interval;
      factor = steps % 64 === 0 ? Math.exp(logMoment - lambda * loss) : factor * growth;
      const at = ((index % this.size) + this.size) % this.size;
      if (!visit(loss, Math.max(0, weights[at] as number), factor)) return;
    }
  }
}
