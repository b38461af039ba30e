/** The node's reducer: which event goes to which step. Every message is checked for plan and signature first. */
import { fail } from "@tributary/errors";
import { rosterAt } from "@tributary/ledger";
import { type Message, protocolVersion, requireSpoken } from "@tributary/protocol";
import { requirePlan, requireRound, requireSignature, rosterKey } from "./binding.ts";
import { followLines } from "./ledger-copy.ts";
import type { NodeEffect, NodeEvent } from "./node-events.ts";
import { isTraining, type NodeRound, type NodeState } from "./node-state.ts";
import type { Context, Step } from "./step.ts";
import { leaveRound } from "./steps/abort.ts";
import { hearResult } from "./steps/apply.ts";
import { agree } from "./steps/consistency.ts";
import { acknowledgeUpload, takeVector } from "./steps/masked.ts";
import { acceptOffer } from "./steps/offer.ts";
import { hearCohort, hearReveals } from "./steps/reveal.ts";
import { receiveEnvelopes } from "./steps/shares.ts";
import { releaseShares } from "./steps/unmask.ts";

/** Pure. Refuses by throwing a coded error; the state is as it was then. */
export function stepNode(state: NodeState, event: NodeEvent, shell: Context): Step<NodeState, NodeEffect> {
  const { round } = state;
  const own = shell.version ?? protocolVersion;
  const speaking = withKeyOf(state, event.type === "message" ? event.message.round : round?.number, shell);
  const context: Context = { ...speaking, version: round?.offer.version ?? own };
  switch (event.type) {
    case "message":
      return hear(state, event.message, context, own);
    case "trained":
      if (!isCurrent(round, event.round) || !isTraining(round)) return nothing(state); // of a round that it has left
      return takeVector(state, event.vector, context);
    case "trainingFailed":
      if (!isCurrent(round, event.round) || !isTraining(round)) return nothing(state);
      return leaveRound(state, true, context);
    case "uploaded":
      return isCurrent(round, event.round) ? acknowledgeUpload(state) : nothing(state);
    case "expired":
      if (!isCurrent(round, event.round) || round.phase === "left") return nothing(state);
      return leaveRound(state, true, context);
    case "ledger":
      return followLines(state, event.lines, context);
    case "connected":
      return sayAgain(state, context);
    case "policy":
      return { state: { ...state, policy: event.policy }, effects: [{ type: "persist" }] };
  }
}

function hear(state: NodeState, message: Message, context: Context, own: string): Step<NodeState, NodeEffect> {
  const { plan, round } = state;
  requireSpoken(message.version, own);
  requirePlan(message, state);
  if (message.sender !== "coordinator") {
    throw fail("TRB_ROUND_SENDER_UNEXPECTED", { step: message.step, sender: message.sender });
  }
  requireSignature(context, message, plan.coordinatorKey);
  if (message.step === "offer") return acceptOffer(state, message, { ...context, version: message.version });
  if (message.step === "result" || message.step === "abort") return hearResult(state, message, context);
  if (round === null) throw fail("TRB_ROUND_NOT_CURRENT", { step: message.step, round: message.round });
  requireRound(message, { round: round.number, modelHash: round.modelHash, version: round.offer.version });
  switch (message.step) {
    case "adverts":
      return hearCohort(state, round, message, context);
    case "reveals":
      return hearReveals(state, round, message, context);
    case "envelopes":
      return receiveEnvelopes(state, round, message, context);
    case "survivors":
      return agree(state, round, message, context);
    case "unmask":
      return releaseShares(state, round, message, context);
    default: // what only nodes say
      throw fail("TRB_ROUND_SENDER_UNEXPECTED", { step: message.step, sender: message.sender });
  }
}

/** What is still unanswered, byte for byte as it was said before. */
function sayAgain(state: NodeState, context: Context): Step<NodeState, NodeEffect> {
  const { round } = state;
  if (round === null) return nothing(state);
  const send = (message: Message | null): NodeEffect[] => (message === null ? [] : [{ type: "send", message }]);
  switch (round.phase) {
    case "keys":
      return { state, effects: send(round.advert) };
    case "reveal":
      return { state, effects: send(round.reveal) };
    case "shares":
      return { state, effects: send(round.shares) };
    case "masking":
      return { state, effects: [] };
    case "masked": {
      const upload: NodeEffect[] = round.masked === null || round.uploaded ? [] : [{ type: "upload", message: round.masked }];
      return { state, effects: upload };
    }
    case "voted":
      return { state, effects: send(round.vote) };
    case "unmasked":
      return { state, effects: send(round.unmaskShares) };
    case "left":
      return round.vote === null ? leaveRound(state, true, context) : { state, effects: send(round.vote) };
  }
}

/** What is said in a round is signed with the key that the ledger has for it: until a new one is in force the old one is. */
function withKeyOf(state: NodeState, round: number | undefined, context: Context): Context {
  const { signAs } = context;
  if (signAs === undefined || round === undefined) return context;
  const sign = (message: Uint8Array) => signAs(rosterKey(rosterAt(state, round), state.self), message);
  return { ...context, sign };
}

function isCurrent(round: NodeRound | null, number: number): round is NodeRound {
  return round !== null && round.number === number;
}

function nothing(state: NodeState): Step<NodeState, NodeEffect> {
  return { state, effects: [] };
}
