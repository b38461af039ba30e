/**
 * Binary-tree noise (DP-FTRL): every complete node of a binary tree over `steps` leaves is released once, each with the same Gaussian noise.
 * It is one Gaussian release whose squared sensitivity is the sum, over those nodes, of (how often one customer occurs below the node)².
 *
 * Source: Kairouz et al., "Practical and Private (Deep) Learning without Sampling or Shuffling" (2021), Appendix D; adaptivity: Denisov et
 * al. (2022), Theorem 2.1. Adjacency: a customer's vectors become zero.
 */
import { fail } from "@tributary/errors";
import { checkNoiseMultiplier, checkSteps } from "../orders.ts";

export interface TreeAggregation {
  readonly kind: "tree";
  /** Noise at every node over the sensitivity of one leaf. */
  readonly noiseMultiplier: number;
  /** Leaves of the tree. */
  readonly steps: number;
  /** In how many steps one customer occurs at most; 1 unless given. */
  readonly participations?: number;
  /** Steps between two of them: from step t the next may be t + minSeparation at the earliest; 1 unless given. */
  readonly minSeparation?: number;
}

/** @throws TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_STEPS_INVALID, TRB_DP_PARAMETER_INVALID */
export function checkTree(event: TreeAggregation): void {
  checkNoiseMultiplier(event.noiseMultiplier);
  checkTreeSchedule(event);
}

function checkTreeSchedule({
  steps,
  participations = 1,
  minSeparation = 1,
}: Omit<TreeAggregation, "kind" | "noiseMultiplier">): void {
  checkSteps(steps);
  if (steps === 0) throw fail("TRB_DP_STEPS_INVALID", { steps });
  checkAtLeastOne("participations", participations);
  checkAtLeastOne("minSeparation", minSeparation);
}

/** @throws TRB_DP_PARAMETER_INVALID */
export function checkAtLeastOne(parameter: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 1)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value, expected: "a whole number from 1 on" });
  }
}

/** Above this many table entries the level-by-level bound stands in for the search. */
const mostEntries = 4_000_000;

/**
 * Squared sensitivity in units of one leaf's: the largest over all placements of at most `participations` occurrences, by dynamic programming
 * over subtrees; for huge trees an upper bound that treats every level by itself.
 * @throws TRB_DP_STEPS_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function treeSensitivity(schedule: Omit<TreeAggregation, "kind" | "noiseMultiplier">): number {
  checkTreeSchedule(schedule);
  const { steps, participations = 1, minSeparation = 1 } = schedule;
  const most = Math.min(participations, Math.ceil(steps / minSeparation));
  return most * steps > mostEntries ? levelByLevel(steps, most, minSeparation) : search(steps, most, minSeparation);
}

/** Best value for each (occurrences, leaves at the start of what follows that are still forbidden). */
type Outcomes = ReadonlyMap<string, { readonly count: number; readonly forbidden: number; readonly value: number }>;

/**
 * A subtree no larger than the separation holds one occurrence or none, and its value does not depend on where: as early as allowed leaves
 * most room for the rest. So only how many leaves are still forbidden at its start matters.
 */
function search(steps: number, most: number, separation: number): number {
  const known = new Map<string, Outcomes>();
  const subtree = (level: number, forbidden: number): Outcomes => {
    const key = `${level} ${forbidden}`;
    const before = known.get(key);
    if (before) return before;
    const size = 2 ** level;
    const outcomes = new Map<string, { count: number; forbidden: number; value: number }>();
    if (size <= separation || forbidden >= size) {
      keep(outcomes, 0, Math.max(0, forbidden - size), 0);
      if (forbidden < size) keep(outcomes, 1, Math.max(0, forbidden + separation - size), level + 1);
    } else {
      for (const left of subtree(level - 1, forbidden).values()) {
        for (const right of subtree(level - 1, left.forbidden).values()) {
          const count = left.count + right.count;
          if (count <= most) keep(outcomes, count, right.forbidden, left.value + right.value + count * count);
        }
      }
    }
    known.set(key, outcomes);
    return outcomes;
  };

  let reached = new Map([["0 0", { count: 0, forbidden: 0, value: 0 }]]);
  for (const level of completeSubtrees(steps)) {
    const next = new Map<string, { count: number; forbidden: number; value: number }>();
    for (const left of reached.values()) {
      for (const right of subtree(level, left.forbidden).values()) {
        const count = left.count + right.count;
        if (count <= most) keep(next, count, right.forbidden, left.value + right.value);
      }
    }
    reached = next;
  }
  return Array.from(reached.values(), ({ value }) => value).reduce((a, b) => Math.max(a, b), 0);
}

function keep(
  outcomes: Map<string, { count: number; forbidden: number; value: number }>,
  count: number,
  forbidden: number,
  value: number,
): void {
  const key = `${count} ${forbidden}`;
  const before = outcomes.get(key);
  if (!before || before.value < value) outcomes.set(key, { count, forbidden, value });
}

/** Levels of the complete subtrees that cover `steps` leaves from the left: the binary digits. */
function completeSubtrees(steps: number): number[] {
  const levels: number[] = [];
  for (let level = Math.floor(Math.log2(steps)); level >= 0; level--)
    if (Math.floor(steps / 2 ** level) % 2 === 1) levels.push(level);
  return levels;
}

/** At each level no node holds more than ⌈size/separation⌉, and all together no more than `most`. */
function levelByLevel(steps: number, most: number, separation: number): number {
  let sum = 0;
  for (let size = 1; size <= steps; size *= 2) {
    const each = Math.min(most, Math.ceil(size / separation));
    const full = Math.floor(most / each);
    sum += full * each * each + (most - full * each) ** 2;
  }
  return sum;
}
