/**
 * Whether something grows: the Theil–Sen slope of a series and its lower confidence bound, which follows from Kendall's statistic (Sen 1968, "Estimates of the
 * regression coefficient based on Kendall's tau"). No outlier moves it, and nothing is assumed of the noise but that its order is exchangeable.
 *
 *   S = Σ_{i<j} sign(y_j − y_i),   Var S = n(n−1)(2n+5)/18,   bound = the ⌊(N − z·√Var S)/2⌋-th smallest of the N = n(n−1)/2 slopes
 *
 * The true slope is below the bound with probability P(Z > z): a series that doesn't grow faster than it may is said to leak that seldom. The normal
 * approximation errs on the safe side so far out, because S is bounded.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Trend {
  readonly points: number;
  /** Median of all slopes between two points, in units of y a unit of x. */
  readonly slope: number;
  /** The slope is larger than this but for the false-alarm rate; −∞ where there are too few points to say anything. */
  readonly atLeast: number;
}

/** P(Z > 6) = 9.9e-10: how often a series that is as it should be is said to leak. */
const quantile = 6;
export const falseAlarmRate = 1e-9;

/** Points at the same x become one, their median. */
export function trendOf(series: readonly Point[]): Trend {
  const points = [...Map.groupBy(series, ({ x }) => x)]
    .map(([x, same]) => ({ x, y: median(same.map(({ y }) => y)) }))
    .sort((a, b) => a.x - b.x);
  const n = points.length;
  const slopes = points.flatMap((a, i) => points.slice(i + 1).map((b) => (b.y - a.y) / (b.x - a.x))).sort((a, b) => a - b);
  const spread = quantile * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const rank = Math.floor((slopes.length - spread) / 2) - 1;
  return { points: n, slope: median(slopes), atLeast: slopes[rank] ?? Number.NEGATIVE_INFINITY };
}

/** Fewest points with which a steady climb is found: below, no series of any steepness has a bound. */
export function fewestPoints(): number {
  for (let n = 2; ; n++) {
    const pairs = (n * (n - 1)) / 2;
    if (Math.floor((pairs - quantile * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)) / 2) >= 1) return n;
  }
}

/** NaN of nothing. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
