/**
 * `tributary node join`: makes a home for one node in one federation, by what `joining.ts` is given. The membership is written last, so that a join which
 * was cut short can simply be repeated.
 */
import { fail } from "@tributary/errors";
import {
  customerParagraph,
  decodeInvite,
  fingerprintOf,
  type IdentityKey,
  type Invite,
  type NodeId,
  type PlanLanguage,
  rosterFingerprint,
  type Sha256,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { openDatabase } from "./home/database.ts";
import { replaceFile } from "./home/durable.ts";
import { openIdentity } from "./home/keys.ts";
import { layoutOf, makeFolders } from "./home/layout.ts";
import { lockHome } from "./home/lock.ts";
import { type Membership, readMembership, writeMembership, writePlan } from "./home/membership.ts";
import { writePolicyOnce } from "./home/policy.ts";
import { askToJoin } from "./joining.ts";
import { channelOf } from "./transport/channel.ts";
import { connectHttp } from "./transport/http.ts";
import { requirePrivate } from "./transport/private-channel.ts";

export interface Joined {
  readonly federation: string;
  readonly node: NodeId;
  /** SHA-256 of this node's identity key: what the other merchants name in `tributary node trust`. */
  readonly fingerprint: Sha256;
  readonly coordinatorFingerprint: Sha256;
  readonly planHash: Sha256;
  /** What a customer should know of the plan, in one paragraph. */
  readonly customers: { readonly language: PlanLanguage; readonly paragraph: string };
  /** Of the members so far; the founding roster's stands in the ledger's first entry. */
  readonly rosterFingerprint: Sha256;
  readonly members: readonly { readonly node: NodeId; readonly fingerprint: Sha256 }[];
}

export interface JoinOptions {
  readonly invite: string;
  readonly home: string;
  /** A device, which holds one customer: it joins only where whole nodes are protected. */
  readonly device?: boolean;
  /** Of what is said for customers; English unless given. */
  readonly language?: PlanLanguage;
  /** A file with the certificates that the coordinator's must be signed by, instead of those that Node trusts; kept. */
  readonly ca?: string;
  /** Takes an invite to another machine over plain HTTP; kept. */
  readonly insecureHttp?: true;
}

/**
 * Joins, or repeats a join with the same answer. Charges, votes and the policy of an earlier join stay as they are.
 * @throws TRB_INVITE_INVALID, TRB_NODE_PLAIN_HTTP, TRB_NODE_CA_UNREADABLE, TRB_NODE_COORDINATOR_KEY_MISMATCH, TRB_NODE_PLAN_SIGNATURE_INVALID, TRB_NODE_CATALOGUE_MISMATCH,
 *   TRB_NODE_DEVICE_PLAN, TRB_NODE_ALREADY_JOINED, TRB_NODE_HOME_BUSY, TRB_NODE_COORDINATOR_UNREACHABLE, what `lintPlan` finds, and the coordinator's refusals
 */
export async function joinFederation(options: JoinOptions): Promise<Joined> {
  const { device = false, language = "en" } = options;
  const invite = decodeInvite(options.invite);
  const channel = channelOf(options);
  const layout = layoutOf(options.home);
  const crypto = nodeCrypto();
  requirePrivate(invite.url, channel);
  makeFolders(layout);
  const lock = lockHome(layout);
  const client = connectHttp(invite.url, channel);
  try {
    const identity = openIdentity(layout, crypto);
    const database = openDatabase(layout);
    try {
      const before = readMembership(database);
      const { coordinatorKey, plan, planHash, planSignature, roster, catalogue } = await askToJoin({
        ...{ crypto, client, invite, device },
        identity(provenKey) {
          requireSameParty(before, invite, provenKey);
          return identity;
        },
        requirePlan(hash) {
          if (before !== undefined && before.planHash !== hash) throw otherFederation(before, options.home);
        },
      });
      await replaceFile(layout.catalogue, catalogue);
      writePlan(layout, plan);
      writePolicyOnce(layout, plan);
      writeMembership(database, {
        federation: invite.federation,
        node: invite.node,
        url: invite.url,
        coordinatorKey,
        planHash,
        planSignature,
        ...channel,
      });
      return {
        federation: invite.federation,
        node: invite.node,
        fingerprint: fingerprintOf(crypto, identity.key),
        coordinatorFingerprint: invite.fingerprint,
        planHash,
        customers: { language, paragraph: customerParagraph(plan, language) },
        rosterFingerprint: rosterFingerprint(crypto, roster),
        members: roster.map(({ node, key }) => ({ node, fingerprint: fingerprintOf(crypto, key) })),
      };
    } finally {
      database.close();
    }
  } finally {
    await client.close();
    lock.release();
  }
}

function requireSameParty(before: Membership | undefined, invite: Invite, coordinatorKey: IdentityKey): void {
  if (before === undefined) return;
  const same =
    before.federation === invite.federation && before.node === invite.node && before.coordinatorKey === coordinatorKey;
  if (!same) throw otherFederation(before, invite.node);
}

function otherFederation({ federation, node }: Membership, home: string) {
  return fail("TRB_NODE_ALREADY_JOINED", { home, federation, node });
}
