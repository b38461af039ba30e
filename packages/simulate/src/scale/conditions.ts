/**
 * Who is there, who is slow, who vanishes and who cheats, attempt by attempt: functions of the seed alone, so that both ways to aggregate, and
 * a run that was killed and goes on, meet the same world. An attempt is one offer of a round, whatever becomes of it.
 */
import { fail } from "@tributary/errors";
import { type SeededRandom, seededRandom } from "@tributary/events";
import { lognormal } from "../market/distributions.ts";
import type { AvailabilityTrace } from "./availability-trace.ts";

/** The step of the round at which a node falls silent; `upload` is also where one that is too slow misses the deadline. */
export const faultSteps = ["keys", "shares", "upload", "vote", "unmask"] as const;
export type FaultStep = (typeof faultSteps)[number];

/**
 * What an adversary does with its vector instead of what the protocol says:
 * - `flip`: its sum with the sign turned, as often as its quota allows: poisoning that a clamp can't see;
 * - `largest`: every coordinate as far from its own sum's sign as the clamp lets any: the most that counts as admissible, √dimension times
 *   what clipping lets an honest node of one customer send;
 * - `noise`: uniform words: the sum is worth nothing afterwards;
 * - `freeRide`: its sum without its share of the noise: the others' margin (`maxCorrupt`) has to do.
 */
export const adversaryKinds = ["flip", "largest", "noise", "freeRide"] as const;
export type AdversaryKind = (typeof adversaryKinds)[number];

export interface ConditionSettings {
  readonly nodes: number;
  /** How many are invited to a round. */
  readonly cohort: number;
  readonly seed: number;
  /** Chance that a node is online, on average over the day. */
  readonly availability: number;
  /** How far availability swings over a day (0: not at all, 1: from nobody to twice the average), each node at an hour of its own. */
  readonly dailySwing: number;
  /** Attempts in a day. */
  readonly attemptsPerDay: number;
  /** Instead of chance: when each node was really there. */
  readonly trace?: AvailabilityTrace | undefined;
  /** Chance that an invited node falls silent, at a step drawn evenly. */
  readonly dropout: number;
  /** σ of the logarithm of a node's speed, and again of its speed in one round; 0: nobody is slow. */
  readonly slowness: number;
  /** The upload's deadline, in medians of the time that nodes take. */
  readonly patience: number;
  /** Share of the nodes that cheat. */
  readonly adversaries: number;
  readonly adversary: AdversaryKind;
}

export const calmConditions: Omit<ConditionSettings, "nodes" | "cohort" | "seed" | "trace"> = {
  availability: 1,
  dailySwing: 0,
  attemptsPerDay: 24,
  dropout: 0,
  slowness: 0,
  patience: 4,
  adversaries: 0,
  adversary: "flip",
};

/** One offer: who is invited, and what befalls them. */
export interface Attempt {
  /** Ascending. */
  readonly invited: Uint32Array;
  /** Nodes that fall silent, and when. */
  readonly faults: ReadonlyMap<number, FaultStep>;
  /** Invited nodes that cheat. */
  readonly adversaries: ReadonlySet<number>;
}

/** @throws TRB_SIMULATE_SCALE_OPTION */
export function checkConditions(settings: ConditionSettings): void {
  const ranges = [
    ["cohort", settings.cohort, 1, settings.nodes],
    ["availability", settings.availability, 0, 1],
    ["daily swing", settings.dailySwing, 0, 1],
    ["attempts a day", settings.attemptsPerDay, 1, 1e6],
    ["dropout", settings.dropout, 0, 1],
    ["slowness", settings.slowness, 0, 10],
    ["patience", settings.patience, 0, 1e6],
    ["adversaries", settings.adversaries, 0, 1],
  ] as const;
  for (const [option, value, least, most] of ranges) {
    if (value >= least && value <= most) continue;
    throw fail("TRB_SIMULATE_SCALE_OPTION", { option, value, reason: `it must be from ${least} to ${most}` });
  }
}

/** @param number attempts so far */
export function attemptOf(settings: ConditionSettings, number: number): Attempt {
  const invited = invite(settings, number);
  const faults = new Map<number, FaultStep>();
  const adversaries = new Set<number>();
  for (const node of invited) {
    const fault = faultOf(settings, node, number);
    if (fault !== undefined) faults.set(node, fault);
    if (isAdversary(settings, node)) adversaries.add(node);
  }
  return { invited, faults, adversaries };
}

export function isAdversary({ adversaries, seed }: ConditionSettings, node: number): boolean {
  return adversaries > 0 && seededRandom(seed, "conditions", "adversary", node).fraction() < adversaries;
}

/** Evenly among those who are online: a shuffle of all nodes that stops when enough have been met. */
function invite(settings: ConditionSettings, number: number): Uint32Array {
  const { nodes, cohort, seed } = settings;
  const random = seededRandom(seed, "conditions", "cohort", number);
  const moved = new Map<number, number>(); // where the shuffle differs from 0, 1, 2, …
  const chosen: number[] = [];
  for (let place = 0; place < nodes && chosen.length < cohort; place++) {
    const other = place + random.below(nodes - place);
    const node = moved.get(other) ?? other;
    moved.set(other, moved.get(place) ?? place);
    if (isOnline(settings, node, number)) chosen.push(node);
  }
  return Uint32Array.from(chosen).sort();
}

function isOnline(settings: ConditionSettings, node: number, number: number): boolean {
  const { availability, dailySwing, attemptsPerDay, trace, seed } = settings;
  if (trace) return trace.isOnline(node, number);
  if (availability === 1 && dailySwing === 0) return true;
  const home = dailySwing === 0 ? 0 : seededRandom(seed, "conditions", "home", node).fraction();
  const chance = availability * (1 + dailySwing * Math.cos(2 * Math.PI * (number / attemptsPerDay + home)));
  return seededRandom(seed, "conditions", "online", node, number).fraction() < chance;
}

function faultOf(settings: ConditionSettings, node: number, number: number): FaultStep | undefined {
  const { dropout, slowness, patience, seed } = settings;
  if (dropout > 0) {
    const random = seededRandom(seed, "conditions", "dropout", node, number);
    if (random.fraction() < dropout) return faultSteps[random.below(faultSteps.length)];
  }
  if (slowness === 0) return undefined;
  const own = speed(slowness, seededRandom(seed, "conditions", "speed", node));
  const now = speed(slowness, seededRandom(seed, "conditions", "speed", node, number));
  return own * now > patience ? "upload" : undefined;
}

const speed = (spread: number, random: SeededRandom) => lognormal(1, spread, random);
