/**
 * Tries to break a mechanism: runs it many times on two neighbouring inputs and looks for an event that is likelier under one of them than
 * the claimed (ε, δ) permit. For any event E, (ε, δ)-privacy says P[M(x) ∈ E] ≤ e^ε·P[M(x′) ∈ E] + δ in both directions, so
 *
 *   ε ≥ ln((P⁻ − δ)/P⁺),   P⁻ and P⁺ Clopper–Pearson bounds of the two chances
 *
 * holds but for the false-alarm rate. The event is chosen on one half of the samples and judged on the other, so that choosing costs nothing.
 * A mechanism that is not refuted is not proven private: there may be events, inputs or rare failures that were not looked at.
 *
 * Sources: Ding, Wang, Wang, Zhang, Kifer, "Detecting Violations of Differential Privacy" (2018); Gilbert, McMillan, "Property Testing for
 * Differential Privacy" (2018).
 */
import { fail } from "@tributary/errors";
import { checkSignificance, clopperPearsonLower, clopperPearsonUpper } from "./binomial.ts";
import { checkAuditDelta } from "./one-run.ts";
import { intervals, lowestBits, type Partition } from "./partitions.ts";

/** Fills the array with that many independent outputs of the mechanism on one input. */
export type Draw = (outputs: Float64Array) => void;

/** A mechanism on two inputs that a customer makes the difference between. */
export interface Neighbours {
  readonly first: Draw;
  readonly second: Draw;
}

/** What is said to hold: (ε, δ), which an audit may refute. */
export interface Claim {
  readonly epsilon: number;
  readonly delta: number;
}

/** What is claimed, and how much is drawn. */
export interface DistinguishOptions {
  /** What the mechanism is said to keep: one point of its δ(ε), or better several. */
  readonly claims: readonly Claim[];
  /** Outputs drawn from each input; half to choose events, half to judge them. */
  readonly samples: number;
  /** The chance that a mechanism which keeps all claims is refuted; 1e-9 unless given. */
  readonly falseAlarm?: number;
  /** Where to look; intervals and lowest bits unless given. */
  readonly partitions?: readonly Partition[];
}

/** What was found against one claim. */
export interface Finding {
  readonly claim: Claim;
  /** Refuted: `epsilon` is above the claim's. */
  readonly refuted: boolean;
  /** A lower bound on ε at the claim's δ; 0 where nothing was found. */
  readonly epsilon: number;
  /** The event: in which partition it was found, of how many cells it consists, and under which input it is the likelier. */
  readonly event: { readonly partition: string; readonly cells: number; readonly likelier: "first" | "second" } | null;
  /** At least this under the likelier input, at most this under the other. */
  readonly chances: readonly [likelierAtLeast: number, otherAtMost: number];
}

/** Whether any claim was refuted, and by what. */
export interface Verdict {
  readonly refuted: boolean;
  readonly findings: readonly Finding[];
  readonly samples: number;
  readonly falseAlarm: number;
}

interface Event {
  readonly partition: string;
  readonly likelier: "first" | "second";
  readonly cells: ReadonlySet<number>;
  readonly cellOf: (output: number) => number;
}

/**
 * Draws outputs on two neighbouring inputs, looks for the event that tells them apart best, and judges the claims by it.
 * @throws TRB_DP_AUDIT_TOO_FEW_SAMPLES, TRB_DP_AUDIT_DELTA_INVALID, TRB_DP_AUDIT_SIGNIFICANCE_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function distinguish(mechanism: Neighbours, options: DistinguishOptions): Verdict {
  const { claims, samples, falseAlarm = 1e-9, partitions = [intervals(64), lowestBits(8)] } = options;
  checkSignificance(falseAlarm);
  if (claims.length === 0 || partitions.length === 0) {
    throw fail("TRB_DP_PARAMETER_INVALID", {
      parameter: "claims",
      value: claims.length,
      expected: "one or more, and a partition",
    });
  }
  for (const { epsilon, delta } of claims) {
    checkAuditDelta(delta);
    if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
      throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "a finite number from 0 on" });
    }
  }
  const error = falseAlarm / (2 * claims.length); // each chance of each claim
  // with fewer, even an event that always happens under one input and never under the other would not refute ε = 0
  const least = 2 * Math.ceil(Math.log(error) / Math.log(0.5));
  if (!(Number.isInteger(samples) && samples % 2 === 0 && samples >= least && samples <= 1e8)) {
    throw fail("TRB_DP_AUDIT_TOO_FEW_SAMPLES", { samples, least: `an even number from ${least} to 10^8` });
  }
  const drawn = { first: new Float64Array(samples), second: new Float64Array(samples) };
  mechanism.first(drawn.first);
  mechanism.second(drawn.second);
  const half = samples / 2;
  const training = { first: drawn.first.subarray(0, half), second: drawn.second.subarray(0, half) };
  const judging = { first: drawn.first.subarray(half), second: drawn.second.subarray(half) };

  const candidates = partitions.flatMap((partition) => eventsOf(partition, training));
  const findings = claims.map((claim) => judge(claim, candidates, judging, error));
  return { refuted: findings.some(({ refuted }) => refuted), findings, samples, falseAlarm };
}

type Halves = { readonly first: Float64Array; readonly second: Float64Array };

/** A family of nested events, the likeliest ratios first, and how often each happened in training. */
interface Candidates {
  readonly event: Omit<Event, "cells">;
  readonly cells: readonly number[];
  /** `[cells]` of outputs in the first so many cells. */
  readonly likelier: readonly number[];
  readonly other: readonly number[];
  readonly samples: number;
}

/** By Neyman and Pearson, the best events gather the cells with the largest ratios. */
function eventsOf(partition: Partition, training: Halves): Candidates[] {
  const cellOf = partition.learn(training.first, training.second);
  const counts = { first: countCells(training.first, cellOf), second: countCells(training.second, cellOf) };
  const seen = [...new Set([...counts.first.keys(), ...counts.second.keys()])];
  return (["first", "second"] as const).map((likelier) => {
    const [more, less] = likelier === "first" ? [counts.first, counts.second] : [counts.second, counts.first];
    const ratio = (cell: number) => ((more.get(cell) ?? 0) + 0.5) / ((less.get(cell) ?? 0) + 0.5);
    const cells = seen.toSorted((a, b) => ratio(b) - ratio(a));
    const running = (found: ReadonlyMap<number, number>) => {
      let sum = 0;
      return cells.map((cell) => (sum += found.get(cell) ?? 0));
    };
    return {
      event: { partition: partition.name, likelier, cellOf },
      ...{ cells, likelier: running(more), other: running(less), samples: training.first.length },
    };
  });
}

function judge(claim: Claim, candidates: readonly Candidates[], judging: Halves, error: number): Finding {
  const event = choose(claim.delta, candidates, error);
  if (event === null) return { claim, refuted: false, epsilon: 0, event: null, chances: [0, 1] };
  const { partition, likelier, cells, cellOf } = event;
  const hits = (outputs: Float64Array) => outputs.reduce((sum, output) => sum + (cells.has(cellOf(output)) ? 1 : 0), 0);
  const trials = judging.first.length;
  const counted = { first: hits(judging.first), second: hits(judging.second) };
  const other = likelier === "first" ? "second" : "first";
  const chances = [
    clopperPearsonLower(counted[likelier], trials, error),
    clopperPearsonUpper(counted[other], trials, error),
  ] as const;
  const epsilon = epsilonOfChances(chances, claim.delta);
  return {
    ...{ claim, refuted: epsilon > claim.epsilon, epsilon },
    ...{ event: { partition, cells: cells.size, likelier }, chances },
  };
}

/** The event that promises most, by Wilson's intervals on the training half: only a choice, so they may be rough. */
function choose(delta: number, candidates: readonly Candidates[], error: number): Event | null {
  const deviations = Math.sqrt(-2 * Math.log(error));
  let best: Event | null = null;
  let most = 0;
  for (const { event, cells, likelier, other, samples } of candidates) {
    for (const [place, hits] of likelier.entries()) {
      const low = wilson(hits, samples, -deviations);
      const epsilon = epsilonOfChances([low, wilson(other[place] ?? 0, samples, deviations)], delta);
      if (epsilon <= most) continue;
      most = epsilon;
      best = { ...event, cells: new Set(cells.slice(0, place + 1)) };
    }
  }
  return best;
}

const epsilonOfChances = ([low, high]: readonly [number, number], delta: number): number =>
  low > delta ? Math.max(0, Math.log((low - delta) / high)) : 0;

function wilson(hits: number, trials: number, deviations: number): number {
  const share = hits / trials;
  const square = deviations ** 2 / trials;
  const spread = deviations * Math.sqrt((share * (1 - share) + square / 4) / trials);
  return (share + square / 2 + spread) / (1 + square);
}

function countCells(outputs: Float64Array, cellOf: (output: number) => number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const output of outputs) {
    const cell = cellOf(output);
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  }
  return counts;
}
