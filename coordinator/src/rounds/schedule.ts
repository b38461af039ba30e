/**
 * What an operator wants of the rounds of one leadership, and what was measured for it: whom to invite (`cohort.ts`), when (`calendar.ts`), and how long to wait for
 * stragglers (`phase-times.ts`). Nothing of it changes what a plan costs or what nodes check.
 */
import type { Entry } from "@tributary/ledger";
import type { Crypto, Message, NodeId, Plan, Sha256 } from "@tributary/protocol";
import { type Calendar, nextOpening } from "./calendar.ts";
import { type CohortWish, chooseCohort, trackAvailability, turnoutOf } from "./cohort.ts";
import { phaseOf, trackPhaseTimes } from "./phase-times.ts";

export interface RoundSchedule {
  readonly calendar?: Calendar;
  readonly cohort?: CohortWish;
  /** Wait for stragglers as long as answers took lately, within the plan's deadlines; else all that the plan allows. */
  readonly adaptDeadlines?: boolean;
}

export interface ScheduleParts {
  readonly crypto: Pick<Crypto, "sha256">;
  readonly plan: Plan;
  readonly planHash: Sha256;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface KeptSchedule {
  /** Takes up what an earlier leadership left: the last entries, and when their rounds began. */
  resume(entries: readonly Entry[], rounds: readonly { readonly round: number; readonly startedAt: string }[]): void;
  /** Of those connected, who may be asked now. */
  available(online: readonly NodeId[]): NodeId[];
  /** Of those, who is offered the round. */
  invited(online: readonly NodeId[], round: number): NodeId[];
  /** No round begins before; and when somebody who rests may be asked again. */
  notBefore(): number;
  nextChange(): number | undefined;
  connected(node: NodeId): void;
  refused(node: NodeId, code: string): void;
  offered(round: number, nodes: number): void;
  /** The entry with which a round came to its end. */
  ended(entry: Entry): void;
  /** An answer that was taken, or that came too late. */
  answered(message: Pick<Message, "round" | "step">): void;
  /** A phase begins. @returns how long to wait in it, of what the plan allows, in milliseconds */
  deadline(round: number, phase: string, most: number): number;
}

export function keepSchedule(wish: RoundSchedule, { crypto, plan, planHash, now }: ScheduleParts): KeptSchedule {
  const { calendar = {}, cohort = {}, adaptDeadlines = false } = wish;
  const availability = trackAvailability();
  const times = trackPhaseTimes(plan);
  const turnouts: { invited: number; survivors: number }[] = [];
  let survivors: readonly NodeId[] = [];
  let offer = { round: 0, nodes: 0, at: 0 };
  let lastBegan: number | null = null;

  const count = (invited: number, left: number) => {
    turnouts.push({ invited, survivors: left });
    if (turnouts.length > 100) turnouts.shift();
  };

  return {
    resume(entries, rounds) {
      for (const entry of entries) {
        if (entry.kind !== "round") continue;
        survivors = entry.survivors;
        count(entry.cohort.length, entry.survivors.length);
        const begun = rounds.find(({ round }) => round === entry.round);
        if (begun !== undefined) lastBegan = Date.parse(begun.startedAt);
      }
    },
    available: (online) => availability.among(online, now()),
    invited(online, round) {
      const there = availability.among(online, now());
      const view = { online: there, survivors, turnout: turnoutOf(turnouts), planHash, round, minCohort: plan.minCohort };
      return chooseCohort(crypto, cohort, view);
    },
    notBefore: () => nextOpening(calendar, now(), lastBegan),
    nextChange: () => availability.nextChange(now()),
    connected: (node) => availability.back(node),
    refused: (node, code) => availability.refused(node, code, now()),
    offered(round, nodes) {
      offer = { round, nodes, at: now() };
    },
    ended(entry) {
      if (entry.kind !== "round") return;
      survivors = entry.survivors;
      // a round that was offered by another leadership has its cohort in the entry, not those who never answered
      const known = entry.round === offer.round;
      count(known ? offer.nodes : entry.cohort.length, entry.survivors.length);
      lastBegan = known ? offer.at : now();
    },
    answered({ round, step }) {
      const phase = phaseOf(step);
      if (phase !== undefined) times.answered(round, phase, now());
    },
    deadline(round, phase, most) {
      times.began(round, phase, now());
      return adaptDeadlines ? times.deadline(phase, most) : most;
    },
  };
}
