/**
 * How much noise, how many steps, what sampling rate keep a target, by any accountant. Answers are on a grid (millionths of noise, whole
 * steps, billionths of a rate) and checked: the one that is returned keeps the target, its neighbour does not.
 */
import { fail, isTributaryError } from "@tributary/errors";
import { type AccountantName, type AccountOptions, account, type PrivacyBound } from "./account.ts";
import { type PrivacyEvent, sampledGaussian } from "./events.ts";
import { checkDelta } from "./orders.ts";

/** An ε at a δ that an accountant must not find passed. */
export interface Target extends AccountOptions {
  readonly accountant: AccountantName;
  /** ε > 0 that must not be passed. */
  readonly epsilon: number;
  readonly delta: number;
  /** Other releases on the same customers that the target must cover as well. */
  readonly besides?: PrivacyEvent;
}

/**
 * The least noise multiplier whose event keeps the target, rounded up to a millionth.
 * @param event what runs at a noise multiplier; more noise must not cost more
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_TARGET_UNREACHABLE, and what `event` and the accountant throw
 */
export function noiseFor(
  target: Target,
  event: (noiseMultiplier: number) => PrivacyEvent,
): { noiseMultiplier: number; bound: PrivacyBound } {
  const unit = 1e6;
  // larger numbers cost more: −ln z runs from much noise to little
  const found = largest(
    target,
    "noise multiplier",
    { from: 0.01 * unit, to: 1e6 * unit, start: unit, unit, rising: false },
    event,
  );
  return { noiseMultiplier: found.value, bound: found.bound };
}

/** The most times that the event can run within the target, up to 10⁹. @throws as `noiseFor` */
export function stepsFor(target: Target, event: PrivacyEvent): { steps: number; bound: PrivacyBound } {
  const range = { from: 1, to: 1e9, start: 1000, unit: 1, rising: true };
  const found = largest(target, "number of steps", range, (count) => ({ kind: "repeated", event, count }));
  return { steps: found.value, bound: found.bound };
}

/**
 * The largest sampling rate whose event keeps the target, rounded down to a billionth.
 * @param event what runs at a sampling rate, or how much noise and how many rounds of sampled Gaussians; a larger rate must not cost less
 * @throws as `noiseFor`
 */
export function samplingRateFor(
  target: Target,
  event: ((samplingRate: number) => PrivacyEvent) | { readonly noiseMultiplier: number; readonly steps: number },
): { samplingRate: number; bound: PrivacyBound } {
  const ran = typeof event === "function" ? event : gaussiansOf(event);
  const unit = 1e9;
  const found = largest(target, "sampling rate", { from: 1, to: unit, start: unit / 100, unit, rising: true }, ran);
  return { samplingRate: found.value, bound: found.bound };
}

const gaussiansOf =
  ({ noiseMultiplier, steps }: { readonly noiseMultiplier: number; readonly steps: number }) =>
  (rate: number): PrivacyEvent => ({ kind: "repeated", event: sampledGaussian(rate, noiseMultiplier), count: steps });

interface Range {
  /** Whole numbers; the value is the number over `unit`. */
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly unit: number;
  /** Whether larger values cost more. */
  readonly rising: boolean;
}

interface Tried {
  readonly index: number;
  readonly value: number;
  /** ln(ε/target): at most 0 when the target is kept. */
  readonly excess: number;
  readonly bound: PrivacyBound | null;
}

/** The value at the edge of what keeps the target, on the side that keeps it. */
function largest(
  target: Target,
  quantity: string,
  range: Range,
  event: (value: number) => PrivacyEvent,
): { value: number; bound: PrivacyBound } {
  const { epsilon, delta, accountant, interval, besides } = target;
  if (!(epsilon > 0 && Number.isFinite(epsilon))) throw fail("TRB_DP_EPSILON_INVALID", { epsilon });
  checkDelta(delta);
  const empty = account(accountant, interval === undefined ? {} : { interval });
  const before = besides ? empty.add(besides) : empty;
  const { unit } = range;
  const attempt = (index: number): Tried => {
    const value = index / unit;
    const after = before.add(event(value));
    try {
      const bound = after.epsilon(delta);
      return { index, value, excess: Math.log(bound.epsilon / epsilon), bound };
    } catch (error) {
      if (!isTributaryError(error) || error.code !== "TRB_DP_EPSILON_UNBOUNDED") throw error;
      return { index, value, excess: Number.POSITIVE_INFINITY, bound: null };
    }
  };

  // PLD on a coarse grid finds the neighbourhood for a tenth of the work
  const rough =
    accountant === "pld" && interval === undefined && epsilon > 0.1 ? roughly(target, quantity, range, event) : null;
  const safest = range.rising ? range.from : range.to;
  const boldest = range.rising ? range.to : range.from;
  let kept: Tried | null = null;
  let passed: Tried | null = null;
  let index = rough ?? range.start;
  for (let factor = rough === null ? 2 : 1.001; ; factor *= factor) {
    const tried = attempt(index);
    if (tried.excess <= 0) kept = tried;
    else passed = tried;
    if (kept && passed) break;
    if (index === (kept ? boldest : safest)) {
      if (kept?.bound) return { value: kept.value, bound: kept.bound };
      const [least, most] = [range.from / unit, range.to / unit];
      throw fail("TRB_DP_TARGET_UNREACHABLE", { quantity, least, most, epsilon, delta });
    }
    const up = (kept !== null) === range.rising;
    index = Math.max(range.from, Math.min(range.to, up ? Math.ceil(index * factor) : Math.floor(index / factor)));
  }

  let [older, newer]: [Tried, Tried] = [kept, passed];
  for (let tries = 0; Math.abs(passed.index - kept.index) > 1; tries++) {
    const tried = attempt(next(kept, passed, older, newer, tries));
    [older, newer] = [newer, tried];
    if (tried.excess <= 0) kept = tried;
    else passed = tried;
  }
  return { value: kept.value, bound: kept.bound as PrivacyBound };
}

function roughly(target: Target, quantity: string, range: Range, event: (value: number) => PrivacyEvent): number {
  const { value } = largest({ ...target, interval: 2e-3 }, quantity, range, event);
  return Math.round(value * range.unit);
}

/**
 * Where to look next: the secant through the last two, in logarithms; once it lands beside a point that is known, its neighbour; and every
 * third time the middle, so that no shape of the curve can make the search crawl.
 */
function next(kept: Tried, passed: Tried, older: Tried, newer: Tried, tries: number): number {
  const low = Math.min(kept.index, passed.index);
  const high = Math.max(kept.index, passed.index);
  const middle = high - low < 4 ? Math.floor((low + high) / 2) : Math.round(Math.sqrt(low * high));
  const [x, y] = [Math.log(older.index), Math.log(newer.index)];
  const slope = (newer.excess - older.excess) / (y - x);
  const guess = Math.exp(y - newer.excess / slope);
  if (tries % 3 === 2 && high / low > 1.001) return Math.max(low + 1, Math.min(high - 1, middle));
  if (!(guess > low - 1 && guess < high + 1)) return Math.max(low + 1, Math.min(high - 1, middle));
  // the last points fall on one side of the edge: step over it, so that both sides close in
  const beside = newer.excess <= 0 === kept.index < passed.index ? Math.ceil(guess) : Math.floor(guess);
  return Math.max(low + 1, Math.min(high - 1, beside));
}
