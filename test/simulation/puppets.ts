/**
 * Nodes whose keys a corrupt coordinator has: they say whatever helps it. For every cohort that it shows anybody they have fresh keys, make
 * envelopes that open, and vote for every choice.
 */

import type { LedgerPlace } from "@tributary/ledger";
import {
  hashOf,
  type MessageOf,
  type NodeId,
  protocolVersion,
  type Sha256,
  signMessage,
  signTakenIn,
} from "@tributary/protocol";
import {
  agreementKeyOf,
  envelopeKey,
  graphCommitment,
  type ShareGraph,
  sealEnvelope,
  seedCommitment,
  shareIndex,
  splitSecretAt,
  uniformSeed,
} from "../../packages/secagg/src/index.ts";
import type { Choice } from "./corrupt-coordinator.ts";
import type { Identity } from "./crypto.ts";
import type { Federation } from "./federation.ts";
import { stream } from "./randomness.ts";
import type { Watch } from "./watch.ts";

/** What a message of the round at hand is bound to. */
export interface Binding {
  readonly planHash: Sha256;
  readonly modelHash: Sha256;
  readonly round: number;
}

/** A node's place in a cohort, played by the adversary. */
export interface Puppet {
  readonly id: NodeId;
  readonly advert: MessageOf<"advert">;
  readonly secrets: { readonly mask: string; readonly encryption: string; readonly seed: string; readonly graph: string };
}

export function headerOf({ plan }: Federation, binding: Binding, sender: NodeId | "coordinator") {
  return { version: protocolVersion, federation: plan.federation, ...binding, sender };
}

/** Fresh keys, signed by `by`: for a corrupt node itself, for an honest one anybody but it. */
export function puppetOf(
  federation: Federation,
  watch: Watch,
  binding: Binding,
  id: NodeId,
  by: Identity,
  label: string,
  head: LedgerPlace,
): Puppet {
  const { crypto, plan } = federation;
  const random = stream(`puppet ${label} ${id} ${binding.round}`);
  const secrets = {
    mask: uniformSeed(random),
    encryption: uniformSeed(random),
    seed: uniformSeed(random),
    graph: uniformSeed(random),
  };
  const body = {
    maskKey: agreementKeyOf(crypto, secrets.mask),
    encryptionKey: agreementKeyOf(crypto, secrets.encryption),
    seedCommitment: seedCommitment(crypto, secrets.seed),
    ...(plan.graph === undefined ? {} : { graphCommitment: graphCommitment(crypto, binding, id, secrets.graph) }),
    head: {
      ...{ entries: head.entries, hash: head.hash },
      signature: signTakenIn(by, plan.federation, { node: id, entries: head.entries, head: head.hash }),
    },
  };
  watch.adversaryHolds({ encryption: [body.encryptionKey, secrets.encryption], mask: body.maskKey });
  const unsigned = { ...headerOf(federation, binding, id), step: "advert", body } as const;
  return { id, secrets, advert: signMessage<"advert">(by, unsigned) };
}

/** The puppet's envelope for one node of this cohort. */
export function envelopeFrom(
  { crypto }: Federation,
  binding: Binding & { readonly h1: Sha256 },
  adverts: readonly MessageOf<"advert">[],
  graph: Pick<ShareGraph, "holders" | "threshold">,
  { id, secrets }: Puppet,
  to: NodeId,
): { readonly from: NodeId; readonly nonce: string; readonly box: string } {
  const cohort = adverts.map(({ sender }) => sender as NodeId);
  const holders = graph.holders(id);
  const points = holders.map((node) => shareIndex(cohort, node));
  const threshold = Math.min(points.length, graph.threshold);
  const share = (secret: string, label: string) =>
    splitSecretAt(secret, threshold, points, stream(`${label} ${secret}`))[holders.indexOf(to)] ?? "";
  const advert = adverts.find(({ sender }) => sender === to);
  if (advert === undefined) throw new Error(`${to} is not in the cohort`);
  const key = envelopeKey(crypto, binding, secrets.encryption, advert.body.encryptionKey, id, to);
  const shares = { ownMask: share(secrets.seed, "own mask"), maskKey: share(secrets.mask, "mask key") };
  return {
    from: id,
    ...sealEnvelope(crypto, key, { from: id, to, round: binding.round }, shares, stream(`nonce ${id} ${to}`)),
  };
}

/** What a puppet says of a vector that it need not have made: whatever U2 its neighbours want to hear of. */
export function maskedOf(
  federation: Federation,
  binding: Binding & { readonly h1: Sha256 },
  id: NodeId,
  by: Identity,
  sharers: readonly NodeId[],
): MessageOf<"masked"> {
  const { h1, ...bound } = binding;
  const { crypto, plan } = federation;
  const body = { h1, sha256: h1, length: plan.releases[0]?.dimension ?? 1, sharersHash: hashOf(crypto, [...sharers]) };
  return signMessage<"masked">(by, { ...headerOf(federation, bound, id), step: "masked", body } as const);
}

/** A vote in this node's name. */
export function voteOf(
  federation: Federation,
  binding: Binding & { readonly h1: Sha256 },
  id: NodeId,
  by: Identity,
  choice: Choice,
): MessageOf<"vote"> {
  const { h1, ...bound } = binding;
  return signMessage<"vote">(by, { ...headerOf(federation, bound, id), step: "vote", body: { h1, choice } } as const);
}
