/** A valid ledger of any length: four merchants' rounds without the vectors, every signature genuine. */
import { closeSync, openSync, writeSync } from "node:fs";
import { makeCatalogue } from "@tributary/events";
import { type EntryContent, type EntryKind, emptyHead, mechanismOf, spentAfter, writeAfter } from "@tributary/ledger";
import { softwareHash } from "@tributary/ledger/software";
import {
  type Crypto,
  type IdentityKey,
  type NodeId,
  type Plan,
  planHash,
  protocolVersion,
  type Sha256,
  type Signer,
  signMember,
  signMessage,
  signTakenIn,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { choosePlan, planDocument } from "@tributary/simulate";

const merchants = 4;
/** ⌊4/2⌋ + 1, as nobody is counted corrupt. */
const quorum = 3;

interface Party extends Signer {
  readonly key: IdentityKey;
}

function party(crypto: Crypto, number: number): Party {
  const secret = new Uint8Array(32).fill(number);
  const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
  return { key, sign: (message) => crypto.sign(message, secret) };
}

function planOf(crypto: Crypto, coordinatorKey: IdentityKey, rounds: number): Plan {
  const catalogue = makeCatalogue(Array.from({ length: 50 }, (_, item) => ({ id: `item-${item}` })));
  const wishes = { catalogueItems: 50, customers: 4_000, merchants, epsilon: 8, delta: 1e-6, rounds };
  const facts = { federation: "bench", coordinatorKey, catalogue, catalogueProvenance: "public" } as const;
  return planDocument(crypto, choosePlan(wishes).plan, facts);
}

/** @returns signatures of nodes in it: votes and countersignatures */
export function writeMadeUpLedger(path: string, entries: number): number {
  const crypto = nodeCrypto();
  const coordinator = party(crypto, 99);
  const nodes = Array.from({ length: merchants }, (_, i) => ({ node: `shop-${i + 1}` as NodeId, ...party(crypto, i + 1) }));
  const cohort = nodes.map(({ node }) => node);
  const plan = planOf(crypto, coordinator.key, entries);
  const { federation } = plan;
  const writer = { crypto, sign: coordinator.sign, now: "2000-01-01T00:00:00.000Z", software: softwareHash(import.meta.url) };
  const hashOf = (text: string) => toHex(crypto.sha256(new TextEncoder().encode(text))) as Sha256;
  const file = openSync(path, "w");
  let head = emptyHead;
  const write = <Kind extends EntryKind>(content: EntryContent<Kind>) => {
    const { line, head: next } = writeAfter(writer, head, content);
    writeSync(file, `${line}\n`);
    head = next;
  };
  const hash = planHash(crypto, plan);
  const roster = nodes.map(({ node, key, sign }) => signMember({ sign }, federation, { node, key, kind: "merchant" }));
  write({ kind: "genesis", federation, coordinatorKey: coordinator.key, plan, planHash: hash, roster });
  let modelHash = plan.initialModelHash;
  for (let round = 1; round < entries; round++) {
    const [h1, sumHash, nextModelHash] = [hashOf(`h1 ${round}`), hashOf(`sum ${round}`), hashOf(`model ${round}`)];
    const header = { version: protocolVersion, federation, planHash: hash, modelHash, round };
    const choice = { for: "survivors", sharers: cohort, survivors: cohort } as const;
    const votes = nodes.slice(0, quorum).map(({ node, sign }) => {
      const vote = { ...header, sender: node, step: "vote", body: { h1, choice } } as const;
      return {
        node,
        signature: signMessage<"vote">({ sign }, vote as unknown as Parameters<typeof signMessage<"vote">>[1]).signature,
      };
    });
    const { entries: place, hash: previous } = head;
    const heads = nodes.map(({ node, sign }) => ({
      node,
      signature: signTakenIn({ sign }, federation, { node, entries: place, head: previous }),
    }));
    write({
      ...{ kind: "round", round, release: 0, planHash: hash, modelHash, nextModelHash, h1, cohort, sharers: cohort },
      ...{ survivors: cohort, votes, heads, mechanism: mechanismOf(plan, 0), sumHash, spent: spentAfter(plan, [round]) },
    });
    modelHash = nextModelHash;
  }
  closeSync(file);
  return (entries - 1) * (quorum + merchants);
}
