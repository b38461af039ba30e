/**
 * Entries between rounds: an operator's pause, a change of the roster, a node's note of an erasure, a model put forward, or gone back to. They are written while no round is under way, so that all
 * nodes of a round have countersigned the entry just before it. Nodes fetch them with the lines that they lack (`followEntry`).
 */
import { fail } from "@tributary/errors";
import {
  claimFailures,
  courseAfterPromotion,
  courseAfterRollback,
  type EntryContent,
  type EntryOf,
  earliestChange,
  keptAfterRollback,
  pausedAfter,
  withRosterEntry,
  writeAfter,
} from "@tributary/ledger";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorState } from "../coordinator-state.ts";
import type { Context, Step } from "../step.ts";

type NoteKind = "roster" | "operator" | "erasure" | "promotion" | "rollback";
export type Note = { [Kind in NoteKind]: EntryContent<Kind> }[NoteKind];

/** @throws TRB_ROUND_LEDGER_CLOSED, TRB_ROUND_IN_PROGRESS, TRB_ROUND_NOTE_REFUSED for what an auditor would refuse the ledger for */
export function writeNote(state: CoordinatorState, note: Note, context: Context): Step<CoordinatorState, CoordinatorEffect> {
  const { plan, planHash, roster, rosterChanges, modelHash, kept, course, lastRound, charged, barred, paused, erasures } =
    state;
  if (state.closed) throw fail("TRB_ROUND_LEDGER_CLOSED");
  if (state.round !== null) throw fail("TRB_ROUND_IN_PROGRESS", { round: state.round.number });
  const content = announced(note, state);
  const { entry, line, head } = writeAfter<NoteKind>(context, state.head, content, state.writtenAt);
  const standing = { modelHash, kept, course, lastRound, charged, barred, rosterChanges, paused, erasures };
  const [failure] = claimFailures(entry, standing, { plan, planHash, roster }, context.crypto);
  if (failure !== undefined) throw fail("TRB_ROUND_NOTE_REFUSED", { kind: entry.kind, reason: failure.message });
  const effect: CoordinatorEffect = { type: "persist", entry: { line, entry } };
  return { state: { ...state, head, writtenAt: entry.at, ...after(entry, state) }, effects: [effect] };
}

/** Whoever comes, or has another key, counts from the earliest round that the plan permits, unless the note says a later one. */
function announced(note: Note, { plan, lastRound }: CoordinatorState): Note {
  if (note.kind !== "roster" || note.from !== undefined) return note;
  if (note.admitted === undefined && note.rotated === undefined) return note;
  return { ...note, from: earliestChange(plan, lastRound) };
}

function after(
  note: EntryOf<NoteKind>,
  { barred, rosterChanges, paused, erasures, kept, course }: CoordinatorState,
): Partial<CoordinatorState> {
  switch (note.kind) {
    case "roster":
      return { barred: [...barred, ...note.revoked], rosterChanges: withRosterEntry(rosterChanges, note) };
    case "operator":
      return { barred, paused: pausedAfter(note) ?? paused, erasures };
    case "erasure":
      return { barred, paused, erasures: { ...erasures, [note.node]: note.on } };
    case "promotion":
      return { course: courseAfterPromotion(course, note, kept) };
    case "rollback": {
      const { modelHash, optimiser } = note;
      const optimiserHash = optimiser === "kept" ? (kept?.optimiserHash ?? null) : null;
      return { modelHash, optimiserHash, kept: keptAfterRollback(kept, modelHash), course: courseAfterRollback(course) };
    }
  }
}
