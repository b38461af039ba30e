/** A real ledger of four merchants, signed with real keys, for tests to tamper with. */
import {
  type BodyOf,
  type Crypto,
  type NodeId,
  type Plan,
  planHash,
  protocolVersion,
  type Sha256,
  type Signature,
  signMember,
  signMessage,
  signTakenIn,
  toHex,
} from "@tributary/protocol";
import { type EntryContent, emptyHead, writeAfter } from "./building.ts";
import type { EntryKind, EntryOf, LedgerHead, LedgerPlace } from "./entries.ts";
import { mechanismOf } from "./mechanism.ts";
import { spentAfter } from "./spending.ts";

const at = "2026-01-02T03:04:05Z";
const software = "5f".repeat(32) as Sha256;
const hashOfByte = (byte: number) => byte.toString(16).padStart(2, "0").repeat(32) as Sha256;

export interface ExampleFederation {
  readonly crypto: Crypto;
  readonly plan: Plan;
  /** Ed25519 seed of the coordinator. */
  readonly coordinator: Uint8Array;
  readonly nodes: readonly { readonly node: NodeId; readonly secret: Uint8Array }[];
}

/** Keys by number, the same in every run. */
export function exampleSecret(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}

export function exampleFederation(crypto: Crypto, planFor: (coordinatorKey: string) => Plan, nodes = 4): ExampleFederation {
  const coordinator = exampleSecret(99);
  return {
    crypto,
    plan: planFor(toHex(crypto.signingPublicKey(coordinator))),
    coordinator,
    nodes: Array.from({ length: nodes }, (_, i) => ({ node: `shop-${i + 1}` as NodeId, secret: exampleSecret(i + 1) })),
  };
}

/** Any entry, before the builder places it. */
export type Draft = { [Kind in EntryKind]: Unheaded<Kind> & { readonly at?: string } }[EntryKind];
/** A round's heads are signed when it is placed, unless the draft has others. */
type Unheaded<Kind extends EntryKind> = Kind extends "round"
  ? Omit<EntryContent<"round">, "heads"> & Partial<Pick<EntryContent<"round">, "heads">>
  : EntryContent<Kind>;

/**
 * Signs drafts one after another into the lines of a file.
 * @param inRound who has which key in a round, where that changes
 */
export function writeLedger(
  federation: ExampleFederation,
  drafts: readonly Draft[],
  inRound: (round: number) => ExampleFederation = () => federation,
): string[] {
  const { crypto, coordinator } = federation;
  const sign = (message: Uint8Array) => crypto.sign(message, coordinator);
  let head = emptyHead;
  return drafts.map((draft) => {
    const written = writeAfter({ crypto, sign, software, now: at }, head, complete(inRound, draft, head));
    head = written.head;
    return written.line;
  });
}

function complete(inRound: (round: number) => ExampleFederation, draft: Draft, head: LedgerHead): EntryContent<EntryKind> {
  return draft.kind === "round" ? { heads: headsFor(inRound(draft.round), draft.cohort, head), ...draft } : draft;
}

/** The countersignatures of some nodes, as an entry keeps them. */
export function headsFor({ crypto, plan, nodes }: ExampleFederation, cohort: readonly NodeId[], head: LedgerPlace) {
  return nodes
    .filter(({ node }) => cohort.includes(node))
    .map(({ node, secret }) => {
      const signer = { sign: (message: Uint8Array) => crypto.sign(message, secret) };
      return { node, signature: signTakenIn(signer, plan.federation, { node, entries: head.entries, head: head.hash }) };
    });
}

export const asBytes = (lines: readonly string[]) => new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));

export function genesisDraft({ crypto, plan, nodes }: ExampleFederation): EntryContent<"genesis"> {
  const { federation, coordinatorKey } = plan;
  const roster = nodes.map(({ node, secret }) => {
    const key = toHex(crypto.signingPublicKey(secret)) as EntryOf<"genesis">["roster"][number]["key"];
    return signMember({ sign: (message) => crypto.sign(message, secret) }, federation, { node, key, kind: "merchant" });
  });
  return { kind: "genesis", federation, coordinatorKey, plan, planHash: planHash(crypto, plan), roster };
}

/** The votes of some nodes, as an entry keeps them. */
export function votesFor(
  { crypto, plan, nodes }: ExampleFederation,
  voters: readonly NodeId[],
  ballot: { readonly round: number; readonly modelHash: Sha256; readonly h1: Sha256 },
  choice: BodyOf<"vote">["choice"],
): { node: NodeId; signature: Signature }[] {
  const { round, modelHash, h1 } = ballot;
  return nodes
    .filter(({ node }) => voters.includes(node))
    .map(({ node, secret }) => {
      const header = {
        version: protocolVersion,
        federation: plan.federation,
        planHash: planHash(crypto, plan),
        modelHash,
        round,
      };
      const signer = { sign: (message: Uint8Array) => crypto.sign(message, secret) };
      const { signature } = signMessage<"vote">(signer, { ...header, sender: node, step: "vote", body: { h1, choice } });
      return { node, signature };
    });
}

/** Round `round` of release 0, the `charged`th that is charged, from model `model` to the next; `without` dropped out. */
export function roundDraft(
  federation: ExampleFederation,
  { round, charged, model, without = [] }: { round: number; charged: number; model: number; without?: readonly string[] },
): Unheaded<"round"> {
  const { crypto, plan, nodes } = federation;
  const cohort = nodes.map(({ node }) => node);
  const survivors = cohort.filter((node) => !without.includes(node));
  const modelHash = hashOfByte(model);
  const h1 = hashOfByte(0xa0 + round);
  return {
    kind: "round",
    round,
    release: 0,
    planHash: planHash(crypto, plan),
    modelHash,
    nextModelHash: hashOfByte(model + 1),
    h1,
    cohort,
    sharers: cohort,
    survivors,
    votes: votesFor(federation, survivors, { round, modelHash, h1 }, { for: "survivors", sharers: cohort, survivors }),
    mechanism: mechanismOf(plan, 0),
    sumHash: hashOfByte(0xb0 + round),
    spent: spentAfter(plan, [charged]),
  };
}

/** A round given up in `step`; with `refunded`, by a quorum of votes. */
export function abortedDraft(
  federation: ExampleFederation,
  { round, charged, model, step, refunded }: { round: number; charged: number; model: number; step: string; refunded: boolean },
): EntryContent<"aborted"> {
  const { crypto, plan, nodes } = federation;
  const cohort = nodes.map(({ node }) => node);
  const modelHash = hashOfByte(model);
  const h1 = hashOfByte(0xa0 + round);
  return {
    kind: "aborted",
    round,
    release: 0,
    planHash: planHash(crypto, plan),
    modelHash,
    code: "TRB_ROUND_COHORT_TOO_SMALL",
    step,
    charged: !refunded,
    votes: refunded ? votesFor(federation, cohort, { round, modelHash, h1 }, { for: "abort" }) : [],
    h1,
    cohort,
    spent: spentAfter(plan, [charged]),
  };
}

/** Genesis, a round, a refunded and a charged abort, a round without shop-4, closing. The first model is 0x33. */
export function exampleDrafts(federation: ExampleFederation): Draft[] {
  return [
    genesisDraft(federation),
    roundDraft(federation, { round: 1, charged: 1, model: 0x33 }),
    abortedDraft(federation, { round: 2, charged: 1, model: 0x34, step: "consistency", refunded: true }),
    abortedDraft(federation, { round: 3, charged: 2, model: 0x34, step: "unmask", refunded: false }),
    roundDraft(federation, { round: 4, charged: 3, model: 0x34, without: ["shop-4"] }),
    {
      kind: "closing",
      reason: "the plan's rounds are done",
      modelHash: hashOfByte(0x35),
      rounds: 2,
      spent: spentAfter(federation.plan, [3]),
    },
  ];
}
