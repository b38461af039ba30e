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
import { type Enclosure, type Found, type Question, readTail, type TiltedWindow, windowLog } from "./tail.ts";

/** One kind of release, in both directions, and how often. */
export interface CountedLosses {
  readonly key: string;
  readonly losses: PrivacyLosses;
  readonly count: Releases["count"];
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
/** Rounding below this part of δ needs no better tilt. */
const sharp = 1e-6;

const usualInterval = 1e-4;
/** Wider windows get a coarser grid, narrower ones a finer one. */
const mostPoints = 2 ** 20;
const fewestPoints = 2 ** 10;
/** Losses that spread wider than this, in nats, are not worth a grid. */
const mostRange = 1e6;

/** The δ at an ε, or the ε at a δ: the larger of both directions. @param interval fixes the grid */
export function compose(parts: readonly CountedLosses[], question: Question, interval?: number): Answer {
  if (!(support(parts, 1e-12) < mostRange)) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  let target = "delta" in question ? question.delta : 1e-12;
  let grid = interval ?? startingInterval(parts, target);
  let around: readonly (number | undefined)[] = [undefined, undefined];
  let refined = 0;
  let found: readonly Found[] = [];
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
    found = answer(sides, points, question, grid).map((now, i) => better(now, found[i]));
    // Chernoff's bound may have pointed far from the answer: tilt to where that was found, if it is not known sharply
    if (last || refined === mostRefinements || found.every(({ blur }) => blur < sharp)) {
      const largest = (of: (each: Enclosure) => number) => Math.max(...found.map(of));
      return {
        upper: largest(({ upper }) => upper),
        lower: largest(({ lower }) => lower),
        interval: grid,
        widened: remarks(found, grid, interval),
      };
    }
    refined++;
    around = found.map(({ upper, blur }, i) => (blur >= sharp && Number.isFinite(upper) ? upper : around[i]));
  }
}

/** Two enclosures of one number: what both allow. */
function better(now: Found, before: Found | undefined): Found {
  if (!before) return now;
  const sharper = now.upper <= before.upper ? now : before;
  return { ...sharper, lower: Math.max(now.lower, before.lower) };
}

function remarks(found: readonly Found[], grid: number, asked: number | undefined): string[] {
  const remarks: string[] = [];
  if (asked === undefined && grid > usualInterval)
    remarks.push(`losses spread so wide that the grid is ${grid} instead of ${usualInterval}`);
  if (found.some(({ blur }) => blur > 1e-3)) remarks.push("the transform's rounding is above a thousandth of δ");
  return remarks;
}

/** Coarser where the window is too wide for the transform, finer where it has too few points, as long as single losses fit. */
function fittingInterval(grid: number, points: number, range: number): number {
  if (points > mostPoints) return grid * 2 ** Math.ceil(Math.log2(points / mostPoints));
  const finer = grid / 2 ** Math.max(0, Math.ceil(Math.log2(fewestPoints / points)));
  return range / finer < mostPoints ? finer : grid;
}

interface Side extends TiltedWindow {
  readonly parts: readonly { readonly loss: GridLoss; readonly count: number }[];
  /** Chernoff's bound of δ at the point in question. */
  readonly likelyDelta: number;
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
  const movedSteps = rounded.reduce((sum, { loss, count }) => sum + (loss.rounded ? count : 0), 0);
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
  const mostTilt = Math.min(600 / furthest, 30) / interval; // nothing overflows, nor do single weights swamp the rest
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
    spread: { perRoot: interval * Math.sqrt(movedSteps / 2), bias: (movedSteps * interval * interval) / 8 },
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
  return [readTail(remove, convolved.a, question, interval), readTail(add, convolved.b, question, interval)];
}

function tilt(loss: GridLoss, count: number, lambda: number): Repeated {
  const { log } = moments(loss, lambda);
  const weights = loss.weights.map((weight, i) => weight * Math.exp(lambda * loss.interval * (loss.first + i) - log));
  return { first: loss.first, weights, count };
}
