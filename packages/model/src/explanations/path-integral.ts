/**
 * ∫₀¹ slope(α) dα for many slopes at once, where the sum of all of them is the derivative of a score that is known at every point: so each
 * interval's error in that sum is known exactly, and only those are halved that need it. A recurrent model may flip from one answer to
 * another within a hundredth of the way; a fixed grid was off by the whole score there (measured: explainer.test.ts).
 */

/** What is known at one point of the way. */
export interface PathPoint {
  /** α, 0 … 1 */
  readonly extent: number;
  readonly score: number;
  /** `[events]`: how fast the score rises with each event's extent. */
  readonly slopes: Float64Array;
}

export interface PathIntegral {
  /** [events] */
  readonly contributions: Float64Array;
  /** score(1) − score(0) − Σ contributions: what the quadrature leaves. */
  readonly residual: number;
}

/** The first intervals are short near 0, where a block's norm lets an event come in at once. */
const firstIntervals = 16;
const mostPoints = 400;
/** Of the score's whole change: how much an interval may be off. */
const tolerance = 5e-4;

/** @param evaluate points in any order, each once */
export async function integratePath(
  evaluate: (extents: readonly number[]) => Promise<readonly PathPoint[]>,
): Promise<PathIntegral> {
  const grid = Array.from({ length: firstIntervals + 1 }, (_, place) => (place / firstIntervals) ** 3);
  let points = await evaluate(grid);
  const change = (points.at(-1)?.score ?? 0) - (points[0]?.score ?? 0);
  for (;;) {
    const middles = intervals(points)
      .filter(([a, b]) => Math.abs(error(a, b)) > tolerance * Math.abs(change))
      .map(([a, b]) => (a.extent + b.extent) / 2);
    if (middles.length === 0 || points.length + middles.length > mostPoints) break;
    points = [...points, ...(await evaluate(middles))].sort((a, b) => a.extent - b.extent);
  }
  const contributions = new Float64Array(points[0]?.slopes.length ?? 0);
  for (const [a, b] of intervals(points)) {
    for (let event = 0; event < contributions.length; event++) {
      const mean = ((a.slopes[event] ?? 0) + (b.slopes[event] ?? 0)) / 2;
      contributions[event] = (contributions[event] ?? 0) + (b.extent - a.extent) * mean;
    }
  }
  return { contributions, residual: change - sum(contributions) };
}

function intervals(points: readonly PathPoint[]): readonly (readonly [PathPoint, PathPoint])[] {
  return points.slice(1).map((b, place) => [points[place] ?? b, b] as const);
}

/** Of the trapezoid rule, over all events together. */
function error(a: PathPoint, b: PathPoint): number {
  return b.score - a.score - ((b.extent - a.extent) * (sum(a.slopes) + sum(b.slopes))) / 2;
}

const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
