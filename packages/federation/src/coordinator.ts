/** The coordinator's reducer: which event goes to which step. Every message is checked for round, roster and signature first. */
import { fail } from "@tributary/errors";
import { rosterAt } from "@tributary/ledger";
import { agreedVersion, type Message, type MessageOf, type NodeId, protocolVersion, requireSpoken } from "@tributary/protocol";
import { messageFrom, requirePlan, requireRound, requireSignature, rosterKey, senderNode } from "./binding.ts";
import type { CoordinatorEffect, CoordinatorEvent } from "./coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "./coordinator-state.ts";
import type { Context, Step } from "./step.ts";
import { giveUp } from "./steps/abort.ts";
import { applyEffect, closeLedger, takeModel, takeSum } from "./steps/apply.ts";
import { announceSurvivors, collectVote } from "./steps/consistency.ts";
import { announceCohort, closeKeys, collectAdvert, stepTime } from "./steps/keys.ts";
import { closeUploads, collectUpload, requireUpload } from "./steps/masked.ts";
import { writeNote } from "./steps/note.ts";
import { offerRound } from "./steps/offer.ts";
import { announceReveals, closeReveals, collectReveal } from "./steps/reveal.ts";
import { closeShares, collectShares, forwardEnvelopes, maskedDeadline } from "./steps/shares.ts";
import { collectUnmaskShares, requestUnmasking, sumEffect } from "./steps/unmask.ts";

type CoordinatorStep = Step<CoordinatorState, CoordinatorEffect>;

/** Pure. Refuses by throwing a coded error; the state is as it was then. */
export function stepCoordinator(state: CoordinatorState, event: CoordinatorEvent, shell: Context): CoordinatorStep {
  const { round } = state;
  const own = shell.version ?? protocolVersion;
  const context: Context = { ...shell, version: round?.offer.version ?? own };
  switch (event.type) {
    case "start":
      return offerRound(state, event.online, { ...context, version: agreedVersion(own, event.version ?? own) });
    case "message":
      return hear(state, event.message, context);
    case "uploaded":
      return collectUpload(state, requireSender(state, event.message, context), event.message, context);
    case "deadline":
      if (round === null || round.number !== event.round || round.phase !== event.phase) return nothing(state);
      return endPhase(state, round, context);
    case "connected":
      return tellAgain(state, event.node, context);
    case "restarted":
      return resume(state);
    case "summed":
      if (round === null || round.number !== event.round || round.phase !== "summing") return nothing(state);
      return takeSum(state, round, event.sumHash);
    case "uploadLost":
      if (round === null || round.number !== event.round || round.phase !== "summing") return nothing(state);
      return giveUp(state, round, event.code, context);
    case "applied":
      if (round === null || round.number !== event.round || round.phase !== "applying") return nothing(state);
      return takeModel(state, round, event, context);
    case "note":
      return writeNote(state, event.note, context);
    case "close":
      return closeLedger(state, event.reason, context);
  }
}

/**
 * Whether the octets of an upload may be received: everything that can be refused is refused before they are.
 * @throws what `uploaded` with this message would throw
 */
export function checkUpload(state: CoordinatorState, message: MessageOf<"masked">, context: Context): void {
  requireUpload(state, requireSender(state, message, context), message);
}

function hear(state: CoordinatorState, message: Message, context: Context): CoordinatorStep {
  const round = requireSender(state, message, context);
  switch (message.step) {
    case "advert":
      return collectAdvert(state, round, message, context);
    case "reveal":
      return collectReveal(state, round, message, context);
    case "shares":
      return collectShares(state, round, message, context);
    case "vote":
      return collectVote(state, round, message, context);
    case "unmaskShares":
      return collectUnmaskShares(state, round, message, context);
    case "masked": // comes with its vector, as `uploaded`
      throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: message.step, phase: round.phase });
    default: // what only the coordinator says
      throw fail("TRB_ROUND_SENDER_UNEXPECTED", { step: message.step, sender: message.sender });
  }
}

/** The round that a message belongs to, once its sender is known to be who it says and to take part. */
function requireSender(state: CoordinatorState, message: Message, context: Context): CoordinatorRound {
  const { round } = state;
  requireSpoken(message.version, context.version);
  requirePlan(message, state);
  const node = senderNode(message);
  if (round === null) throw fail("TRB_ROUND_NOT_CURRENT", { step: message.step, round: message.round });
  requireRound(message, { round: round.number, modelHash: round.offer.modelHash, version: round.offer.version });
  requireSignature(context, message, rosterKey(rosterAt(state, round.number), node));
  if (!round.invited.includes(node)) throw fail("TRB_ROUND_NOT_INVITED", { node, round: round.number });
  return round;
}

/** A deadline has passed: go on with whoever is there, or give the round up. */
function endPhase(state: CoordinatorState, round: CoordinatorRound, context: Context): CoordinatorStep {
  switch (round.phase) {
    case "keys":
      return closeKeys(state, round, context);
    case "reveal":
      return closeReveals(state, round, context);
    case "shares":
      return closeShares(state, round, context);
    case "masked":
      return closeUploads(state, round, context);
    case "consistency":
    case "unmask":
      return giveUp(state, round, "TRB_ROUND_DEADLINE_PASSED", context);
    case "summing":
    case "applying": // wait for the shell, not for nodes
      return nothing(state);
  }
}

/** What one node is waiting for, once more. */
function tellAgain(state: CoordinatorState, node: NodeId, context: Context): CoordinatorStep {
  const { round, announcement } = state;
  const tell = (message: Message | null): CoordinatorStep =>
    message === null ? nothing(state) : { state, effects: [{ type: "send", to: [node], message }] };
  if (round === null) return tell(announcement);
  const missing = (list: readonly Message[]) => messageFrom(list, node) === undefined;
  switch (round.phase) {
    case "keys":
      return tell(round.invited.includes(node) && missing(round.adverts) ? round.offer : announcement);
    case "reveal":
      return tell(round.cohort.includes(node) && missing(round.reveals) ? announceCohort(state, round, context) : null);
    case "shares": {
      const announce = round.graphSeed === null ? announceCohort : announceReveals;
      return tell(round.cohort.includes(node) && missing(round.shares) ? announce(state, round, context) : null);
    }
    case "masked":
      return tell(
        round.sharers.includes(node) && missing(round.uploads) ? forwardEnvelopes(state, round, node, context) : null,
      );
    case "consistency":
      return tell(
        round.survivors.includes(node) && missing(round.votes) ? announceSurvivors(state, round, node, context) : null,
      );
    case "unmask":
      return tell(
        round.survivors.includes(node) && missing(round.unmaskShares) ? requestUnmasking(state, round, context) : null,
      );
    case "summing":
    case "applying":
      return nothing(state);
  }
}

/** After a restart: deadlines run again from the start, and what the shell was asked for is asked for again. */
function resume(state: CoordinatorState): CoordinatorStep {
  const { round, plan } = state;
  if (state.closed) return { state, effects: [{ type: "finished" }] };
  if (round === null) return nothing(state); // the shell starts the next one
  const { number } = round;
  const wait = (milliseconds: number): CoordinatorStep => ({
    state,
    effects: [{ type: "setDeadline", round: number, phase: round.phase, milliseconds }],
  });
  switch (round.phase) {
    case "keys":
      return wait(plan.deadlines.keys);
    case "reveal":
    case "shares":
      return wait(stepTime(plan, round.phase));
    case "masked":
      return wait(maskedDeadline(state));
    case "consistency":
      return wait(plan.deadlines.consistency);
    case "unmask":
      return wait(plan.deadlines.unmask);
    case "summing":
      return { state, effects: round.unmasking === null ? [] : [sumEffect(state, round, round.unmasking)] };
    case "applying":
      return { state, effects: round.sumHash === null ? [] : [applyEffect(state, round, round.sumHash)] };
  }
}

function nothing(state: CoordinatorState): CoordinatorStep {
  return { state, effects: [] };
}
