/**
 * Membership inference on one node's message: is this customer in it? The attacker has the customer's history and so its update g, by the graph that nodes
 * run; and, as the guarantee allows, all other customers' histories, so that what is left of the message is noise, or noise and g. By Neyman and Pearson
 * nothing tells better than how far it reaches along g:
 *
 *   score = ⟨y − Σ others, g⟩ / |g|      N(0, σ²) of a stranger, N(|g|, σ²) of a member;  |g| ≤ C
 *
 * `packages/simulate/src/audit/attacks/membership.ts` attacks trained models; here it is a message before anything is made of it.
 */

import { clopperPearsonLower, clopperPearsonUpper, noiseDeviation } from "@tributary/dp";
import { type Histories, sliceHistories } from "@tributary/events";
import { normalQuantile } from "../../../dp/src/auditing/normal-quantile.ts";
import { type Roc, rocOf } from "../../../packages/simulate/src/audit/attacks/roc.ts";
import { claimedCurve } from "../../../packages/simulate/src/audit/claim.ts";
import { type Layer, messageOf } from "./messages.ts";
import { clippedSum, type Stage } from "./stage.ts";

export interface MembershipFound {
  readonly layer: Layer;
  readonly cases: number;
  readonly roc: Roc;
  /** `[cases]` */
  readonly scores: Float64Array;
  readonly members: Uint8Array;
}

/** One customer of a node, in its sum and left out of it. */
interface Case {
  readonly within: Float64Array;
  readonly without: Float64Array;
  readonly update: Float64Array;
}

/** The customers of one merchant, each with and without, by the graph. */
export async function casesOf(stage: Stage, log: Histories, customers: number): Promise<Case[]> {
  const within = await clippedSum(stage, log);
  const cases: Case[] = [];
  for (const customer of [...log.customers.keys()].slice(0, customers)) {
    const others = [...log.customers.keys()].filter((other) => other !== customer);
    const without = await clippedSum(stage, sliceHistories(log, others));
    const update = messageOf(stage, await clippedSum(stage, sliceHistories(log, [customer])), "bare", "");
    if (Math.hypot(...update) > 0) cases.push({ within, without, update }); // who has one event has nothing to learn from
  }
  return cases;
}

/** @param draws messages of each customer, half of them with the customer in it */
export function attackMembership(stage: Stage, cases: readonly Case[], layer: Layer, draws: number): MembershipFound {
  const scores = new Float64Array(cases.length * draws);
  const members = new Uint8Array(scores.length);
  let place = 0;
  for (const [customer, { within, without, update }] of cases.entries()) {
    const others = messageOf(stage, without, "bare", "");
    const norm = Math.hypot(...update);
    for (let draw = 0; draw < draws; draw++) {
      const member = draw % 2;
      const message = messageOf(stage, member === 1 ? within : without, layer, `member ${layer} ${customer} ${draw}`);
      scores[place] = message.reduce((sum, y, i) => sum + (y - (others[i] ?? 0)) * (update[i] ?? 0), 0) / norm;
      members[place++] = member;
    }
  }
  return { layer, cases: scores.length, roc: rocOf(scores, members), scores, members };
}

export function membershipInWords({ roc, cases }: MembershipFound): string {
  const percent = (part: number) => (100 * part).toFixed(1);
  const at = roc.at.slice(1).map(({ falsePositiveRate, truePositiveRate, interval: [low, high] }) => {
    return `${percent(truePositiveRate)} % found at ${percent(falsePositiveRate)} % false alarms (95 %: ${percent(low)} to ${percent(high)})`;
  });
  return [`AUC ${roc.auc.toFixed(3)} of ${cases} messages`, ...at.toReversed()].join(", ");
}

/** Standard deviation of the AUC of scores that tell nothing: √((n + m + 1)/12nm), of Mann and Whitney's statistic. */
export function aucDeviation(members: Uint8Array): number {
  const n = members.reduce((sum, member) => sum + member, 0);
  const m = members.length - n;
  return Math.sqrt((n + m + 1) / (12 * n * m));
}

/** σ of the noise along any direction, in clip norms: of one node's share, or of the honest minimum's. */
export function noiseOf({ parameters, plan }: Stage, layer: "one node's noise" | "the cohort's noise"): number {
  const nodes = layer === "one node's noise" ? 1 : plan.minCohort - plan.maxCorrupt;
  return noiseDeviation(parameters.nodeVariance, nodes) / (parameters.scale * parameters.grid.clipNorm);
}

export interface AgainstClaim {
  readonly falsePositiveRate: number;
  readonly truePositiveRate: number;
  /** The most that the plan allows at this rate, in one round. */
  readonly allowed: number;
  /** Whether hits and alarms, each within what chance leaves of them, contradict the plan. */
  readonly refuted: boolean;
}

/** Of each of the two intervals. Three rates make it 6e-11 for all. */
const falseAlarm = 1e-11;

/**
 * Hits at thresholds that are fixed beforehand, where noise alone would be above with the chances named, against what one round of the plan allows: a true
 * positive rate t takes a false positive rate of `leastChance(t)` at least.
 */
export function againstClaim({ plan }: Stage, { scores, members }: MembershipFound, deviation: number): AgainstClaim[] {
  const round = { ...plan, releases: plan.releases.map((release) => ({ ...release, rounds: 1 })) };
  const { leastChance } = claimedCurve(round);
  const positives = members.reduce((sum, member) => sum + member, 0);
  return [0.1, 0.01, 0.001].map((rate) => {
    const threshold = deviation * normalQuantile(1 - rate);
    const above = [0, 1].map((side) => scores.filter((score, place) => members[place] === side && score > threshold).length);
    const [alarms = 0, hits = 0] = above;
    return {
      falsePositiveRate: alarms / (members.length - positives),
      truePositiveRate: hits / positives,
      allowed: largest((part) => leastChance(part) <= rate),
      refuted:
        leastChance(clopperPearsonLower(hits, positives, falseAlarm)) >
        clopperPearsonUpper(alarms, members.length - positives, falseAlarm),
    };
  });
}

/** Of a condition that holds up to some part between 0 and 1. */
function largest(holds: (part: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
