/** What a round's steps amount to for whoever watches: how long phases took, who dropped out in each, how the round ended. */
import type { CoordinatorRound, CoordinatorState } from "@tributary/federation";
import type { PhaseDeadline } from "../rounds/under-way.ts";
import type { CoordinatorMetrics, Dropout } from "./metrics.ts";

/** What an engine tells of itself. */
export interface RoundWatch {
  /** How to ask the engine that runs now how many events wait. */
  queue(length: () => number): void;
  /** A phase begins that waits for nodes, for so many milliseconds at most. */
  waits(round: number, phase: string, milliseconds: number): void;
  /** After the effects of a step are carried out. */
  stepped(before: Pick<CoordinatorState, "round">, after: Pick<CoordinatorState, "round">): void;
  /** @param code why it was given up; undefined: something was released */
  ended(code: string | undefined): void;
}

/** @param now seconds of a clock that only goes on */
export function roundWatch(
  metrics: Pick<CoordinatorMetrics, "phaseEnded" | "droppedOut" | "roundEnded">,
  now: () => number = () => performance.now() / 1000,
): RoundWatch & { readonly waiting: () => number; readonly deadline: () => PhaseDeadline | undefined } {
  let waiting = () => 0;
  /** Undefined after a leadership began in mid-round: how long its phase has taken then is nobody's to say. */
  let phase: { readonly round: number; readonly name: string; readonly since: number } | undefined;
  let roundSince: number | undefined;
  let deadline: PhaseDeadline | undefined;

  return {
    waiting: () => waiting(),
    deadline: () => deadline,
    queue(length) {
      waiting = length;
      [phase, roundSince, deadline] = [undefined, undefined, undefined];
    },
    waits(round, phaseName, milliseconds) {
      deadline = { round, phase: phaseName, at: new Date(Date.now() + milliseconds).toISOString() };
    },
    stepped({ round: before }, { round: after }) {
      if (before?.number === after?.number && before?.phase === after?.phase) return;
      if (before !== null && phase?.round === before.number && phase.name === before.phase) {
        metrics.phaseEnded(before.phase, now() - phase.since);
      }
      if (before === null && after !== null) roundSince = now();
      phase = after === null ? undefined : { round: after.number, name: after.phase, since: now() };
      const lost = before === null ? undefined : lostIn(before, after);
      if (lost !== undefined) metrics.droppedOut(...lost);
    },
    ended(code) {
      metrics.roundEnded(code, roundSince === undefined ? undefined : now() - roundSince);
      roundSince = undefined;
    },
  };
}

/**
 * Where a phase waits for everybody, who it goes on or gives up without. Later phases end as soon as enough have answered, so whoever hadn't is no
 * dropout.
 */
function lostIn(before: CoordinatorRound, after: CoordinatorRound | null): [Dropout, number] | undefined {
  const next = after?.number === before.number ? after : null;
  if (before.phase === "keys") return ["keys", before.invited.length - (next?.cohort ?? before.adverts).length];
  if (before.phase === "shares") return ["shares", before.cohort.length - (next?.sharers ?? before.shares).length];
  if (before.phase === "masked") return ["masked", before.sharers.length - (next?.survivors ?? before.uploads).length];
  return undefined;
}
