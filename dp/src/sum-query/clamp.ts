/**
 * Step 2 of a sum query: each coordinate of a node's sum is clamped to what its quota of customers can reach.
 *
 * So one node with more sampled customers than its quota can't push the sum of all out of 32 bits. Clamping moves two sums never
 * further apart (it is 1-Lipschitz in each coordinate), so the sensitivity stays Δ; that is so only *before* the noise: clamping
 * noisy values would leave spikes at the bound, of a height that tells what was below. Nobody is dropped to meet the quota.
 * What is not a number becomes 0: no step before lets one through, but it would swallow the noise.
 * The coordinator has no half of this step: what was clamped is lost.
 */
import { fail } from "@tributary/errors";
import { eachStretch, type Support } from "./support.ts";

/**
 * Clamps each coordinate of a node's sum, in place.
 * @param total [dimension] grid units, changed in place
 * @param bound `clampBound` of `sumQueryParameters`, grid units
 */
export function clampToQuota(total: Float64Array, bound: number): void {
  checkClampBound(bound);
  if (isWithin(total, bound)) return; // nearly always: looking takes a fifth of what clamping takes
  for (let i = 0; i < total.length; i++) {
    const value = total[i] as number;
    if (value > bound) total[i] = bound;
    else if (!(value >= -bound)) total[i] = value < -bound ? -bound : 0;
  }
}

/**
 * Adds a node's clamped sum to another sum on the grid, in one pass: for simulations, in which what is noised is the sum of all nodes.
 * @param sum [dimension] grid units, changed in place
 * @param total [dimension] grid units, all numbers
 * @param support outside of which `total` is 0: everywhere unless given
 */
export function addClamped(sum: Float64Array, total: Float64Array, bound: number, support?: Support): void {
  checkClampBound(bound);
  const add = (from: number, to: number): void => addClampedStretch(sum, total, bound, from, to);
  if (support === undefined) add(0, sum.length);
  else eachStretch(support, add);
}

function addClampedStretch(sum: Float64Array, total: Float64Array, bound: number, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const value = total[i] as number;
    if (Math.abs(value) <= bound) sum[i] = (sum[i] as number) + value;
    else sum[i] = (sum[i] as number) + (value > bound ? bound : Math.max(value, -bound));
  }
}

function isWithin(total: Float64Array, bound: number): boolean {
  for (let i = 0; i < total.length; i++) if (!(Math.abs(total[i] as number) <= bound)) return false;
  return true;
}

/** @throws TRB_DP_PARAMETER_INVALID */
function checkClampBound(bound: number): void {
  if (!(bound >= 0)) throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "bound", value: bound, expected: "0 or above" });
}
