/**
 * One sum out of several that should say the same, of which some may be lies: what a server makes of a cohort that was aggregated in groups, each
 * group a secure sum of its own.
 *
 *   median          the middle value of each coordinate, the mean of the two middle ones where there is no middle
 *   trimmed-mean    the mean of each coordinate without its `trim` least and its `trim` greatest values
 *
 * (Yin, Chen, Ramchandran, Bartlett, "Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates", ICML 2018, definitions 1 and 2, over
 * groups instead of nodes.) With fewer than half of the groups spoiled, `trim` at most where means are trimmed, every coordinate of the result lies
 * between two values that unspoiled groups gave. It is a function of released sums, so it costs no privacy.
 *
 * The noise that is left, of g unspoiled groups with deviation σ each: σ/√g for the mean, and about √(π/2) = 1.25 times that for the median.
 */
import { fail } from "@tributary/errors";

export type RobustRule = { readonly rule: "median" } | { readonly rule: "trimmed-mean"; readonly trim: number };

/** How many groups a rule needs so that something is left. */
export const fewestGroups = (robust: RobustRule): number => (robust.rule === "median" ? 1 : 2 * robust.trim + 1);

/**
 * @param sums one a group, modulo 2³². [groups][dimension]
 * @returns integer units modulo 2³², of one group as it were: rounded toward zero. [dimension]
 * @throws TRB_MODEL_LENGTH_MISMATCH with too few groups for the rule, or sums of different lengths
 */
export function robustSum(sums: readonly Uint32Array[], robust: RobustRule): Uint32Array {
  const [first] = sums;
  const fewest = fewestGroups(robust);
  if (first === undefined || sums.length < fewest) {
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "The list of groups' sums", found: sums.length, expected: fewest });
  }
  const dimension = first.length;
  for (const { length } of sums) {
    if (length !== dimension) {
      throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "A group's sum", found: length, expected: dimension });
    }
  }
  const dropped = robust.rule === "median" ? Math.floor((sums.length - 1) / 2) : robust.trim;
  const kept = sums.length - 2 * dropped;
  const signed = sums.map(({ buffer, byteOffset }) => new Int32Array(buffer, byteOffset, dimension));
  const values = new Int32Array(sums.length);
  const combined = new Int32Array(dimension);
  for (let i = 0; i < dimension; i++) {
    for (let group = 0; group < values.length; group++) values[group] = (signed[group] as Int32Array)[i] as number;
    values.sort();
    let total = 0;
    for (let place = dropped; place < dropped + kept; place++) total += values[place] as number;
    combined[i] = Math.trunc(total / kept);
  }
  return new Uint32Array(combined.buffer);
}
