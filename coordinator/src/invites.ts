/**
 * Who gets in. An invite's token (128 bits) is stored as its SHA-256 only, works once, expires, and from its use on belongs to
 * the identity key that used it: the same key may ask again and gets the same answer.
 */
import { createHash, randomBytes } from "node:crypto";
import { fail } from "@tributary/errors";
import { parseLine } from "@tributary/ledger";
import { encodeInvite, inviteSchema, nodeId, type RosterMember, verifyMember } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { z } from "zod";
import { accessNote, type Decision, decidedAtHome } from "./access/notes.ts";
import { type CoordinatorIdentity, identityFromFile } from "./home/identity.ts";
import { homeLayout } from "./home/layout.ts";
import type { Membership } from "./membership.ts";
import { admissionNote } from "./notes.ts";
import { homeOf, openPlace, type Place } from "./storage/place.ts";
import type { Store } from "./storage/store.ts";
import { parseRequest } from "./transport/answers.ts";

export interface InviteRequest {
  /** The public name that the node will have. */
  readonly node: string;
  /** Where the node reaches the coordinator. */
  readonly url: string;
  readonly hours: number;
}

export interface MadeInvite {
  /** To be handed over out of band. */
  readonly invite: string;
  /** RFC 3339. */
  readonly expires: string;
}

const requestSchema = z.strictObject({
  node: nodeId,
  url: inviteSchema.shape.url,
  hours: z
    .number()
    .positive()
    .max(24 * 366),
});

/**
 * Makes an invite, whether the server runs or not.
 * @returns the string to hand over out of band, and when it stops working (RFC 3339)
 * @throws TRB_COORDINATOR_HOME_EMPTY before the first start, TRB_ROSTER_CLOSED after its last entry, TRB_COORDINATOR_NODE_TAKEN
 */
export async function createInvite(
  place: Place,
  request: InviteRequest,
  decision: Decision = decidedAtHome,
): Promise<MadeInvite> {
  const home = homeOf(place);
  const store = await openPlace(place);
  try {
    return await createInviteIn(store, identityFromFile(homeLayout(home).identity), request, decision);
  } finally {
    await store.close();
  }
}

/** The same, in a store that is open. Once there is a ledger, it tells of the invite; who was invited before stands in its first entry by having come. */
export async function createInviteIn(
  store: Pick<Store, "plan" | "ledgerSize" | "ledgerLines" | "members" | "addInvite" | "request">,
  { fingerprint }: Pick<CoordinatorIdentity, "fingerprint">,
  request: InviteRequest,
  decision: Decision,
): Promise<MadeInvite> {
  const { node, url, hours } = parseRequest(requestSchema, request);
  const plan = (await store.plan())?.plan;
  if (!plan) throw fail("TRB_COORDINATOR_HOME_EMPTY", { home: "this place" });
  await requireOpen(store);
  const begun = (await store.ledgerSize()) > 0;
  if ((await store.members()).some((member) => member.node === node)) throw fail("TRB_COORDINATOR_NODE_TAKEN", { node });
  const token = randomBytes(16).toString("hex");
  const expires = new Date(Date.now() + hours * 3_600_000).toISOString();
  // an entry about an invite that a crash kept from being made harms nobody; one without an entry would
  if (begun) await store.request(accessNote("invite", node, decision));
  await store.addInvite({ tokenHash: hashToken(token), node, expires });
  return { invite: encodeInvite({ federation: plan.federation, url, token, fingerprint, node }), expires };
}

/**
 * Admits a member, once. Before the federation has begun it is a founder; afterwards it waits until the ledger says from which round on it takes part, which is
 * asked for here, and again when the same key repeats its call.
 * @returns whether it is new; false when the same key repeats its call
 * @throws TRB_COORDINATOR_INVITE_UNKNOWN, …_EXPIRED, …_USED, …_OTHER_NODE, TRB_COORDINATOR_MEMBER_INVALID,
 *   TRB_COORDINATOR_NODE_TAKEN, TRB_ROSTER_CLOSED
 */
export async function acceptInvite(
  store: Pick<Store, "invite" | "ledgerSize" | "ledgerLines" | "members" | "admit" | "request">,
  membership: Pick<Membership, "isUsed" | "all">,
  federation: string,
  token: string,
  member: RosterMember,
): Promise<boolean> {
  const tokenHash = hashToken(token);
  const invite = await store.invite(tokenHash);
  if (!invite) throw fail("TRB_COORDINATOR_INVITE_UNKNOWN");
  if (invite.node !== member.node) throw fail("TRB_COORDINATOR_INVITE_OTHER_NODE", { node: invite.node });
  if (!verifyMember(nodeCrypto(), federation, member)) throw fail("TRB_COORDINATOR_MEMBER_INVALID");
  if (invite.key === member.key) {
    await askForAdmission(store, membership, member);
    return false;
  }
  if (invite.key !== null) throw fail("TRB_COORDINATOR_INVITE_USED");
  if (Date.parse(invite.expires) <= Date.now()) throw fail("TRB_COORDINATOR_INVITE_EXPIRED", { expires: invite.expires });
  await requireOpen(store);
  const isTaken = (await store.members()).some(({ node }) => node === member.node) || (await membership.isUsed(member.key));
  if (isTaken) throw fail("TRB_COORDINATOR_NODE_TAKEN", { node: member.node });
  if (!(await store.admit(tokenHash, member))) throw fail("TRB_COORDINATOR_INVITE_USED");
  await askForAdmission(store, membership, member);
  return true;
}

/** Once the federation has begun; its first entry has everybody who joined before. */
async function askForAdmission(
  store: Pick<Store, "ledgerSize" | "request">,
  membership: Pick<Membership, "all">,
  member: RosterMember,
): Promise<void> {
  if ((await store.ledgerSize()) === 0) return;
  const standing = (await membership.all()).find((one) => one.member.node === member.node);
  if (standing?.entry !== null || standing.state === "revoked") return;
  await store.request(admissionNote(member));
}

async function requireOpen(store: Pick<Store, "ledgerSize" | "ledgerLines">): Promise<void> {
  const entries = await store.ledgerSize();
  if (entries === 0) return;
  const [last = ""] = await store.ledgerLines(entries - 1);
  if (parseLine(last).kind === "closing") throw fail("TRB_ROSTER_CLOSED");
}

const hashToken = (token: string) => createHash("sha256").update(token).digest("hex");
