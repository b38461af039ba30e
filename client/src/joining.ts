/**
 * How a node is let into a federation, wherever it keeps what it was given. The order is the point: the coordinator proves the key that the invite names
 * before it sees the token; the plan is checked before anything of it is kept.
 */
import { fail } from "@tributary/errors";
import {
  type Crypto,
  fingerprintOf,
  hashOf,
  type IdentityKey,
  type Invite,
  type Plan,
  type Roster,
  type Sha256,
  type Signature,
  type Signer,
  signMember,
  verifyStatement,
} from "@tributary/protocol";
import { planRefusals } from "./decision.ts";
import { requireDevicePlan } from "./device.ts";
import { freshNonce } from "./random.ts";
import type { CoordinatorClient } from "./transport/requests.ts";

/** What joining gives, all of it checked. */
export interface LetIn {
  readonly coordinatorKey: IdentityKey;
  readonly plan: Plan;
  readonly planHash: Sha256;
  readonly planSignature: Signature;
  /** The members so far. */
  readonly roster: Roster;
  readonly catalogue: Uint8Array<ArrayBuffer>;
}

export interface JoiningParty {
  readonly crypto: Crypto;
  readonly client: CoordinatorClient;
  readonly invite: Invite;
  /** A device holds one customer: it joins only where whole nodes are protected. */
  readonly device: boolean;
  /** Asked once the coordinator has proven its key. @throws why this node must not join with it */
  readonly identity: (
    coordinatorKey: IdentityKey,
  ) => (Signer & { readonly key: IdentityKey }) | Promise<Signer & { readonly key: IdentityKey }>;
  /** Asked before anything of the plan is believed. @throws why another plan than this must be joined */
  readonly requirePlan?: (planHash: Sha256) => void;
}

/**
 * @throws TRB_NODE_COORDINATOR_KEY_MISMATCH, TRB_NODE_PLAN_SIGNATURE_INVALID, TRB_NODE_DEVICE_PLAN,
 *   TRB_NODE_COORDINATOR_UNREACHABLE, what `lintPlan` finds, and the coordinator's refusals
 */
export async function askToJoin({ crypto, client, invite, device, identity, requirePlan }: JoiningParty): Promise<LetIn> {
  const coordinatorKey = await provenKey(crypto, client, invite);
  const own = await identity(coordinatorKey);
  const { node, federation, token } = invite;
  const member = signMember(own, federation, { node, key: own.key, kind: device ? "device" : "merchant" });
  const { plan, planSignature, roster } = await client.join(token, member);
  const planHash = hashOf(crypto, plan);
  const genuine = plan.federation === federation && plan.coordinatorKey === coordinatorKey;
  const statement = { purpose: "plan", planHash };
  if (!genuine || !verifyStatement(crypto, statement, planSignature, coordinatorKey)) {
    throw fail("TRB_NODE_PLAN_SIGNATURE_INVALID");
  }
  requirePlan?.(planHash);
  if (device) requireDevicePlan(plan);
  const [fault] = planRefusals(crypto, plan, { acceptLogCatalogue: true });
  if (fault !== undefined) throw fault;
  const catalogue = await client.blob(plan.catalogueHash); // held to its hash there
  return { coordinatorKey, plan, planHash, planSignature, roster, catalogue };
}

/** Asks the coordinator to sign a fresh nonce with the key that the invite names. */
async function provenKey(crypto: Crypto, client: CoordinatorClient, invite: Invite): Promise<IdentityKey> {
  const nonce = freshNonce();
  const { federation, key, signature } = await client.identity(nonce);
  const statement = { purpose: "identity", federation: invite.federation, nonce };
  const proven =
    federation === invite.federation &&
    fingerprintOf(crypto, key) === invite.fingerprint &&
    verifyStatement(crypto, statement, signature, key);
  if (!proven) throw fail("TRB_NODE_COORDINATOR_KEY_MISMATCH", { url: invite.url });
  return key;
}
