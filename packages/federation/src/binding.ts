/**
 * What ties a message to its round: every message names federation, plan, model, round and step, and is signed by its sender
 * over all of that. Here both sides put it on and check it; a message that fails is refused before its body is looked at.
 */
import { fail } from "@tributary/errors";
import {
  type BodyOf,
  baseVersion,
  canonicalBytes,
  type IdentityKey,
  type Message,
  type MessageOf,
  type NodeId,
  type Plan,
  protocolVersion,
  type Roster,
  type Sha256,
  type StepName,
  signMessage,
  toHex,
  verifyMessage,
} from "@tributary/protocol";
import type { Context } from "./step.ts";

/** The round that a message belongs to. */
export interface Bound {
  readonly plan: Plan;
  readonly planHash: Sha256;
  readonly modelHash: Sha256;
  readonly round: number;
}

/** Signs a message of this party. */
export function speak<Step extends StepName>(
  context: Context,
  { plan, planHash, modelHash, round }: Bound,
  sender: NodeId | "coordinator",
  step: Step,
  body: BodyOf<Step>,
): MessageOf<Step> {
  // whoever comes late, of whatever minor, must understand what the ledger has
  const isNews = step === "result" || step === "abort";
  const version = isNews ? baseVersion : (context.version ?? protocolVersion);
  const header = { version, federation: plan.federation, planHash, modelHash, round, sender };
  return signMessage<Step>(context, { ...header, step, body } as unknown as Parameters<typeof signMessage<Step>>[1]);
}

/**
 * Checks federation and plan, before anything else is believed.
 * @throws TRB_ROUND_WRONG_FEDERATION, TRB_ROUND_PLAN_MISMATCHED
 */
export function requirePlan(message: Message, { plan, planHash }: Pick<Bound, "plan" | "planHash">): void {
  if (message.federation !== plan.federation) throw fail("TRB_ROUND_WRONG_FEDERATION");
  if (message.planHash !== planHash) throw fail("TRB_ROUND_PLAN_MISMATCHED");
}

/**
 * Checks round, version and model. A round is spoken in its offer's version alone.
 * @throws TRB_ROUND_NOT_CURRENT, TRB_ROUND_VERSION_UNKNOWN, TRB_ROUND_MODEL_MISMATCHED
 */
export function requireRound(
  message: Message,
  { round, modelHash, version }: Pick<Bound, "round" | "modelHash"> & { readonly version: string },
): void {
  if (message.round !== round) throw fail("TRB_ROUND_NOT_CURRENT", { step: message.step, round: message.round });
  if (message.version !== version) {
    throw fail("TRB_ROUND_VERSION_UNKNOWN", { version: message.version, expected: version });
  }
  if (message.modelHash !== modelHash) throw fail("TRB_ROUND_MODEL_MISMATCHED", { round });
}

/** @throws TRB_ROUND_SIGNATURE_INVALID */
export function requireSignature({ crypto }: Context, message: Message, key: IdentityKey): void {
  if (!verifyMessage(crypto, message, key)) {
    throw fail("TRB_ROUND_SIGNATURE_INVALID", { step: message.step, sender: message.sender });
  }
}

/** Rounds between two changes have one roster (`rosterAt`), and every message asks for a key of it. */
const keys = new WeakMap<Roster, ReadonlyMap<string, IdentityKey>>();

/** A node's pinned key. @param roster of the round, by the ledger. @throws TRB_ROUND_SENDER_UNKNOWN */
export function rosterKey(roster: Roster, node: string): IdentityKey {
  const byNode = keys.get(roster) ?? new Map(roster.map((member) => [member.node, member.key]));
  keys.set(roster, byNode);
  const key = byNode.get(node);
  if (key === undefined) throw fail("TRB_ROUND_SENDER_UNKNOWN", { sender: node });
  return key;
}

/** The node that a message says it is from. @throws TRB_ROUND_SENDER_UNEXPECTED for the coordinator */
export function senderNode(message: Message): NodeId {
  if (message.sender === "coordinator") {
    throw fail("TRB_ROUND_SENDER_UNEXPECTED", { step: message.step, sender: message.sender });
  }
  return message.sender as NodeId;
}

/** Whether two documents have the same canonical bytes. */
export function sameDocument(a: unknown, b: unknown): boolean {
  return toHex(canonicalBytes(a)) === toHex(canonicalBytes(b));
}

/** The message of one sender in a list that holds one of each. */
export function messageFrom<Listed extends Message>(list: readonly Listed[], node: string): Listed | undefined {
  return list.find(({ sender }) => sender === node);
}

/** All messages of a list by their senders, for steps that look up many. */
export function bySender<Listed extends Message>(list: readonly Listed[]): ReadonlyMap<string, Listed> {
  return new Map(list.map((message) => [message.sender, message]));
}

/** The list with one more, ascending by sender. */
export function withMessage<Listed extends Message>(list: readonly Listed[], message: Listed): readonly Listed[] {
  return [...list, message].sort((a, b) => (a.sender < b.sender ? -1 : 1));
}

/** The senders of a list, in its order. */
export function senders(list: readonly Message[]): NodeId[] {
  return list.map(senderNode);
}

export function sameNodes(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((node, i) => node === b[i]);
}
