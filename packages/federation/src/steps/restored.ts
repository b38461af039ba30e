/**
 * A coordinator that comes back from a backup. After the backup was made it may have gone on, and nothing in it says how far. Whatever it wrote into the
 * ledger since, its nodes have, and they refuse a ledger that ends before theirs (TRB_NODE_LEDGER_FORKED). What they may have and nobody can see is one
 * round: each number ends with an entry, so only the number after the last entry's can have been begun. Its vectors may have left their nodes, and
 * its sum may have been unmasked. So that number is used up and charged, and no vector is ever made for it again.
 */

import type { CoordinatorEffect } from "../coordinator-events.ts";
import { type CoordinatorState, dueNote, whatFollows } from "../coordinator-state.ts";
import type { Context, Step } from "../step.ts";
import { giveUp } from "./abort.ts";
import { newRound } from "./offer.ts";

/** What of a state goes into a backup: all but the round under way, whose shares and keys open what its nodes masked. Its number counts as not begun. */
export function betweenRounds(state: CoordinatorState): CoordinatorState {
  return state.round === null ? state : { ...state, round: null, lastRound: state.round.number - 1 };
}

/**
 * Writes the one round that may have been begun since the backup as given up and charged, with the code TRB_ROUND_RESTORED. Where none can have been begun
 * without another entry (the ledger is closed, rounds are paused, a promotion is due, none is left), nothing happens.
 * @param state as `betweenRounds` left it
 */
export function settleRestored(state: CoordinatorState, context: Context): Step<CoordinatorState, CoordinatorEffect> {
  const following = whatFollows(state);
  const none = state.closed || state.paused || dueNote(state) !== undefined || !("release" in following);
  if (none) return { state, effects: [] };
  const round = newRound(state, following.release, [], context);
  return giveUp({ ...state, lastRound: round.number }, { ...round, phase: "masked" }, "TRB_ROUND_RESTORED", context);
}
