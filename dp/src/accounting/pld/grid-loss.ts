/**
 * A privacy loss on the grid of multiples of `interval`, rounded so that it never looks more private: "connect the dots". The curve δ(ε) is
 * kept exactly at the grid points and joined by straight lines in e^ε; it is convex in e^ε, so the joined curve lies above it, and it is the
 * curve of a distribution on the grid. That stays true under composition.
 *
 * Source: Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, "Connect the Dots" (2022), §4.
 *
 * The same distribution arises when a loss l between two points is moved to one of them at random, so that e^{−l} is kept on average. So the
 * rounding has a mean between 0 and interval²/8 and a width of `interval`, which bounds from below what was rounded up (see `Composition`).
 */
import type { PrivacyLoss } from "./losses.ts";

export interface GridLoss {
  readonly interval: number;
  /** Index of the first weight: its loss is first·interval. */
  readonly first: number;
  /** [points] probabilities under P, from above */
  readonly weights: Float64Array;
  /** Probability of an infinite loss. */
  readonly infinite: number;
  /** Whether losses were rounded to get here. */
  readonly rounded: boolean;
}

/** @param mass what may be added to the infinite loss, and moved up from below the first point, at most */
export function onGrid(loss: PrivacyLoss, interval: number, mass: number): GridLoss {
  if (loss.atoms) return atomsOnGrid(loss, loss.atoms, interval, mass);
  const first = Math.floor(loss.least(mass) / interval);
  const last = Math.max(first + 1, Math.ceil(loss.most(mass) / interval));
  const weights = new Float64Array(last - first + 1);
  const up = Math.expm1(interval); // e^h − 1
  const growth = up + 1;
  let here = loss.hockeyStick(first * interval);
  let fall = 0; // δ at the previous point − δ here
  for (let i = 0; i < weights.length - 1; i++) {
    const next = loss.hockeyStick((first + i + 1) * interval);
    const step = here - next;
    weights[i] = Math.max(0, i === 0 ? 1 - here - step / up : (growth * fall - step) / up);
    fall = step;
    here = next;
  }
  weights[weights.length - 1] = Math.max(0, (fall * growth) / up);
  return { interval, first, weights, infinite: Math.max(0, here), rounded: true };
}

/**
 * Single losses: each is divided between the two points beside it, so that its P and its Q = e^{−l}·P are kept. That is the same curve,
 * without taking differences of δ, which would drown single points in rounding.
 */
function atomsOnGrid(loss: PrivacyLoss, atoms: NonNullable<PrivacyLoss["atoms"]>, interval: number, mass: number): GridLoss {
  const exact = atoms.interval === interval;
  const first = Math.floor(loss.least(mass) / interval + (exact ? 0.5 : 0));
  const last = Math.max(first + 1, Math.ceil(loss.most(mass) / interval + (exact ? -0.5 : 0)));
  const weights = new Float64Array(last - first + 1);
  const put = (index: number, probability: number) => {
    const at = Math.min(last, Math.max(first, index)) - first;
    weights[at] = (weights[at] as number) + probability;
  };
  const width = -Math.expm1(-interval); // 1 − e^−h
  atoms.visit(mass, (value, probability) => {
    if (exact) return put(Math.round(value / interval), probability);
    const below = Math.floor(value / interval);
    const share = Math.min(1, -Math.expm1(below * interval - value) / width);
    put(below, probability * (1 - share));
    put(below + 1, probability * share);
  });
  return { interval, first, weights, infinite: mass, rounded: !exact };
}

/** ln E e^{λL} over the finite losses, with the mean and variance of the loss under weights multiplied by e^{λL}. */
export function moments(
  { interval, first, weights }: GridLoss,
  lambda: number,
): { log: number; mean: number; variance: number } {
  // from the loss at which e^{λL} is largest to where it is smallest: what underflows is negligible
  const length = weights.length;
  const [start, step] = lambda >= 0 ? [length - 1, -1] : [0, 1];
  const ratio = Math.exp(-Math.abs(lambda) * interval);
  let total = 0;
  let sum = 0;
  let squares = 0;
  let factor = 1;
  for (let count = 0, i = start; count < length; count++, i += step) {
    if (count % 64 === 0) factor = Math.exp(-Math.abs(lambda) * interval * count);
    const weight = (weights[i] as number) * factor;
    factor *= ratio;
    total += weight;
    sum += weight * i;
    squares += weight * i * i;
  }
  const mean = sum / total;
  return {
    log: Math.log(total) + lambda * interval * (first + start),
    mean: (first + mean) * interval,
    variance: Math.max(0, squares / total - mean * mean) * interval * interval,
  };
}
