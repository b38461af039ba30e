/**
 * How long stragglers are waited for: as long as nodes took lately, with a margin, instead of all the time that the plan allows. A dead node then costs a round seconds and not the
 * plan's minutes. The plan's deadlines stay the upper bound that nodes count on:
 *
 *   D(phase) = min(plan, max(least, offset + 2·t̂ + 500 ms)),   t̂ the longest time that an answer took in the last 10 rounds, from when uploads may leave on
 *
 * Answers that came too late count with the time that they took, so that a deadline that was too short gets longer by itself. Nobody who never answers makes it longer. With fewer
 * than 3 rounds measured the plan's deadline holds. The step of uploads never ends before `uploadOffset` has passed and `least` more: vectors leave then, whatever is measured.
 */
import type { CoordinatorPhase } from "@tributary/federation";
import type { Plan } from "@tributary/protocol";

/** Phases that wait for nodes. */
export type WaitingPhase = Exclude<CoordinatorPhase, "summing" | "applying">;

/** Milliseconds below which no deadline goes: a slow network's way there and back, and a garbage collection. */
export const leastDeadline = 2_000;
const slack = 500;
const rounds = 10;
const fewest = 3;

export interface PhaseTimes {
  /** A phase begins. */
  began(round: number, phase: string, now: number): void;
  /** An answer came in time, or too late. */
  answered(round: number, phase: string, now: number): void;
  /**
   * How long to wait in a phase.
   * @param most what the plan allows, in milliseconds
   */
  deadline(phase: string, most: number): number;
}

interface Measured {
  readonly round: number;
  readonly began: number;
  /** Of the last answer; null before one. */
  longest: number | null;
}

export function trackPhaseTimes({ deadlines }: Pick<Plan, "deadlines">): PhaseTimes {
  const measured = new Map<string, Measured[]>();
  return {
    began(round, phase, now) {
      const of = measured.get(phase) ?? [];
      if (of.at(-1)?.round === round) return; // set again after a restart
      measured.set(phase, [...of, { round, began: now, longest: null }].slice(-rounds - 1));
    },
    answered(round, phase, now) {
      const found = measured.get(phase)?.findLast((one) => one.round === round);
      if (found !== undefined) found.longest = Math.max(found.longest ?? 0, now - found.began);
    },
    deadline(phase, most) {
      // uploads leave so long after the offer, which was before the phase began: at the earliest now, at the latest then
      const offset = phase === "masked" ? deadlines.uploadOffset : 0;
      const known = (measured.get(phase) ?? []).flatMap(({ longest }) => (longest === null ? [] : [longest]));
      if (known.length < fewest) return most;
      const needed = Math.max(offset + leastDeadline, 2 * Math.max(0, ...known) + slack);
      return Math.min(most, needed);
    },
  };
}

/** Which phase an answer belongs to; undefined for what answers none. */
export function phaseOf(step: string): WaitingPhase | undefined {
  return phases[step];
}

const phases: Readonly<Record<string, WaitingPhase>> = {
  advert: "keys",
  reveal: "reveal",
  shares: "shares",
  masked: "masked",
  vote: "consistency",
  unmaskShares: "unmask",
};
