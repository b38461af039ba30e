/**
 * Nodes whose keys a corrupt coordinator has: they say whatever helps it. For every cohort that it shows anybody they have fresh keys, make
 * envelopes that open, and vote for every choice.
 */

import { type MessageOf, type NodeId, protocolVersion, type Sha256, signMessage } from "@tributary/protocol";
import {
  agreementKeyOf,
  envelopeKey,
  sealEnvelope,
  seedCommitment,
  shareIndex,
  splitSecret,
  uniformSeed,
} from "../../packages/secagg/src/index.ts";
import type { Choice } from "./corrupt-coordinator.ts";
import type { Identity } from "./crypto.ts";
import { type Federation, quorumOf } from "./federation.ts";
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
  readonly secrets: { readonly mask: string; readonly encryption: string; readonly seed: string };
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
): Puppet {
  const { crypto } = federation;
  const random = stream(`puppet ${label} ${id} ${binding.round}`);
  const secrets = { mask: uniformSeed(random), encryption: uniformSeed(random), seed: uniformSeed(random) };
  const body = {
    maskKey: agreementKeyOf(crypto, secrets.mask),
    encryptionKey: agreementKeyOf(crypto, secrets.encryption),
    seedCommitment: seedCommitment(crypto, secrets.seed),
  };
  watch.adversaryHolds({ encryption: [body.encryptionKey, secrets.encryption], mask: body.maskKey });
  const unsigned = { ...headerOf(federation, binding, id), step: "advert", body } as const;
  return { id, secrets, advert: signMessage<"advert">(by, unsigned) };
}

/** The puppet's envelope for one node of this cohort. */
export function envelopeFrom(
  federation: Federation,
  binding: Binding & { readonly h1: Sha256 },
  adverts: readonly MessageOf<"advert">[],
  { id, secrets }: Puppet,
  to: NodeId,
): { readonly from: NodeId; readonly nonce: string; readonly box: string } {
  const { crypto, plan } = federation;
  const cohort = adverts.map(({ sender }) => sender as NodeId);
  const threshold = Math.min(cohort.length, quorumOf(cohort.length, plan));
  const place = shareIndex(cohort, to) - 1;
  const share = (secret: string, label: string) =>
    splitSecret(secret, threshold, cohort.length, stream(`${label} ${secret}`))[place] ?? "";
  const advert = adverts.find(({ sender }) => sender === to);
  if (advert === undefined) throw new Error(`${to} is not in the cohort`);
  const key = envelopeKey(crypto, binding, secrets.encryption, advert.body.encryptionKey, id, to);
  const shares = { ownMask: share(secrets.seed, "own mask"), maskKey: share(secrets.mask, "mask key") };
  return {
    from: id,
    ...sealEnvelope(crypto, key, { from: id, to, round: binding.round }, shares, stream(`nonce ${id} ${to}`)),
  };
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
