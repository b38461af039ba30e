/**
 * What a coordinator and the corrupt nodes together can work out. They hear everything that honest nodes say, open every envelope whose key
 * they have, and keep every share. A secret counts as theirs when their shares interpolate to it: that is tried, not counted, so a
 * threshold that is too low shows.
 *
 * A masked vector is a linear equation, y_u = x_u + own mask + Σ ± pairwise masks. Masks whose keys are known drop out. What is left can
 * cancel only between the two nodes that share it, so the sums that can be learnt are those over the connected components of nodes that
 * share an unknown pairwise mask, and of these only the ones in which no own mask is unknown and no pairwise mask lacks its other side.
 */
import type { Crypto, MessageOf, NodeId, Sha256 } from "@tributary/protocol";
import {
  agreementKeyOf,
  combineShares,
  envelopeKey,
  openEnvelope,
  seedCommitment,
  shareIndex,
} from "../../packages/secagg/src/index.ts";

/** U1 as one honest node was told it, and what its keys are bound to. */
export interface CohortView {
  readonly node: NodeId;
  readonly round: number;
  readonly planHash: Sha256;
  readonly modelHash: Sha256;
  readonly h1: Sha256;
  readonly cohort: readonly NodeId[];
  /** Its own keys, and those of everybody that it shares with. */
  readonly adverts: readonly MessageOf<"advert">[];
}

export interface Knowledge {
  /** Secret keys that the adversary made itself, or got out of a corrupt node. */
  readonly holdEncryptionKey: (key: string, secret: string) => void;
  readonly holdMaskKey: (key: string) => void;
  /** An honest node's envelopes left it. */
  readonly shares: (view: CohortView, message: MessageOf<"shares">) => void;
  /** An honest node released shares that it held. */
  readonly released: (view: CohortView, message: MessageOf<"unmaskShares">) => void;
  /** An honest node's masked vector left it. */
  readonly uploaded: (view: CohortView, sharers: readonly NodeId[]) => void;
  /** Sets of honest nodes whose vectors' sum, and no smaller sum of theirs, can be learnt. */
  readonly learnable: (round: number) => readonly (readonly NodeId[])[];
}

type Kind = "ownMask" | "maskKey";

interface Equation {
  readonly view: CohortView;
  readonly sharers: readonly NodeId[];
}

export function createKnowledge(crypto: Crypto): Knowledge {
  const encryptionSecrets = new Map<string, string>();
  const maskKeys = new Set<string>();
  const ownMasks = new Set<string>();
  const known = new Map<string, Map<number, string>>();
  const equations = new Map<number, Map<NodeId, Equation>>();

  /** One more share of a secret; when all that are known interpolate to it, the secret is known. */
  const add = (advert: MessageOf<"advert">, h1: Sha256, kind: Kind, x: number, y: string) => {
    const { maskKey, seedCommitment: commitment } = advert.body;
    const name = `${h1} ${advert.sender} ${kind}`;
    const shares = known.get(name) ?? new Map<number, string>();
    known.set(name, shares);
    if (shares.has(x) || x === 0) return;
    shares.set(x, y);
    const secret = combineShares([...shares].map(([place, share]) => ({ x: place, y: share })));
    if (kind === "ownMask" && seedCommitment(crypto, secret) === commitment) ownMasks.add(commitment);
    if (kind === "maskKey" && agreementKeyOf(crypto, secret) === maskKey) maskKeys.add(maskKey);
  };

  return {
    holdEncryptionKey: (key, secret) => void encryptionSecrets.set(key, secret),
    holdMaskKey: (key) => void maskKeys.add(key),
    shares(view, message) {
      const { node, round, h1, adverts, cohort } = view;
      const own = advertOf(adverts, node);
      for (const { to, nonce, box } of message.body.envelopes) {
        const secret = encryptionSecrets.get(advertOf(adverts, to)?.body.encryptionKey ?? "");
        if (secret === undefined || own === undefined) continue;
        const key = envelopeKey(crypto, view, secret, own.body.encryptionKey, node, to);
        const opened = openEnvelope(crypto, key, { nonce, box }, { from: node, to, round });
        if (opened === undefined) continue;
        add(own, h1, "ownMask", shareIndex(cohort, to), opened.ownMask);
        add(own, h1, "maskKey", shareIndex(cohort, to), opened.maskKey);
      }
    },
    released({ node, h1, adverts, cohort }, message) {
      const x = shareIndex(cohort, node);
      for (const kind of ["ownMask", "maskKey"] as const) {
        for (const { node: of, share } of message.body[kind]) {
          const advert = advertOf(adverts, of);
          if (advert !== undefined) add(advert, h1, kind, x, share);
        }
      }
    },
    uploaded(view, sharers) {
      const round = equations.get(view.round) ?? new Map<NodeId, Equation>();
      equations.set(view.round, round);
      round.set(view.node, { view, sharers });
    },
    learnable: (round) => components(equations.get(round) ?? new Map<NodeId, Equation>(), maskKeys, ownMasks),
  };
}

function components(
  equations: ReadonlyMap<NodeId, Equation>,
  maskKeys: ReadonlySet<string>,
  ownMasks: ReadonlySet<string>,
): NodeId[][] {
  const blocked = new Set<NodeId>();
  const sides = new Map<string, NodeId[]>();
  for (const [node, { view, sharers }] of equations) {
    const own = advertOf(view.adverts, node);
    if (own === undefined || !ownMasks.has(own.body.seedCommitment)) blocked.add(node);
    if (own === undefined || maskKeys.has(own.body.maskKey)) continue;
    for (const peer of sharers) {
      const theirs = peer === node ? undefined : advertOf(view.adverts, peer)?.body.maskKey;
      if (theirs === undefined || maskKeys.has(theirs)) continue;
      const name = [view.h1, ...[own.body.maskKey, theirs].sort()].join(" ");
      sides.set(name, [...(sides.get(name) ?? []), node]);
    }
  }
  const root = new Map<NodeId, NodeId>([...equations.keys()].map((node) => [node, node]));
  const find = (node: NodeId): NodeId => {
    const up = root.get(node) ?? node;
    return up === node ? node : find(up);
  };
  for (const [first, second] of sides.values()) {
    if (first === undefined) continue;
    if (second === undefined) blocked.add(first);
    else root.set(find(first), find(second));
  }
  const all = new Map<NodeId, NodeId[]>();
  for (const node of equations.keys()) all.set(find(node), [...(all.get(find(node)) ?? []), node]);
  return [...all.values()].filter((component) => !component.some((node) => blocked.has(node)));
}

const advertOf = (adverts: readonly MessageOf<"advert">[], node: string) => adverts.find(({ sender }) => sender === node);
