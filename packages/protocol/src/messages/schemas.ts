/**
 * Every message of a round (DESIGN §5), one schema a step. A message is bound to federation, plan, model, round and step,
 * and is signed by its sender over the canonical bytes of everything but the signature. Unknown keys are refused.
 */
import { z } from "zod";
import { agreementKey, federationName, hexBytes, nodeId, sha256Hex, signatureHex } from "../identifiers.ts";
import { versionText } from "./versions.ts";

/** The longest ledger line that a message carries, in characters; every other text of a message is below `maxTextLength`. */
export const maxLineLength = 16_000_000;
export const maxTextLength = 4096;

/** Who a message says it is from. */
const sender = z.union([nodeId, z.literal("coordinator")]);
const nodes = z.array(nodeId).max(10_000);

const ledgerLine = z.string().max(maxLineLength);

const nonce = z.string().regex(/^[0-9a-f]{48}$/, "expected 24 bytes in lower-case hex");

const header = {
  /** The round's, which its offer fixes; news of the ledger are in `baseVersion`. */
  version: versionText,
  federation: federationName,
  planHash: sha256Hex,
  /** The model that the round starts from. */
  modelHash: sha256Hex,
  round: z.int().min(1),
  sender,
  signature: signatureHex,
};

const message = <Step extends string, Body extends z.ZodType>(step: Step, body: Body) =>
  z.strictObject({ ...header, step: z.literal(step), body });

// ── step 0 ──────────────────────────────────────────────────────────────────────────────────────────────────────
/** coordinator → nodes. `release` is the place in `plan.releases`; `head` the hash of the last ledger entry. */
const offer = message("offer", z.strictObject({ release: z.int().min(0), head: sha256Hex }));

// ── step 1 ──────────────────────────────────────────────────────────────────────────────────────────────────────
/**
 * node → coordinator: fresh keys and the commitment SHA-256(own-mask seed); where the plan has a `graph`, the commitment to this node's
 * part of the graph's randomness as well.
 */
const advert = message(
  "advert",
  z.strictObject({
    maskKey: agreementKey,
    encryptionKey: agreementKey,
    seedCommitment: sha256Hex,
    graphCommitment: sha256Hex.exactOptional(),
    /** Where this node's copy of the ledger stands, countersigned (`signTakenIn`): everybody in the round compares. */
    head: z.strictObject({ entries: z.int().min(1), hash: sha256Hex, signature: signatureHex }),
  }),
);
/** coordinator → nodes: U1, ascending by node. h₁ is the SHA-256 of the canonical bytes of `adverts`. */
const adverts = message("adverts", z.strictObject({ adverts: z.array(advert).max(10_000) }));

// ── step 1b: rounds on a graph of neighbours only ───────────────────────────────────────────────────────────────
const randomness = z.string().regex(/^[0-9a-f]{64}$/, "expected 32 bytes in lower-case hex");
/** node → coordinator: what it committed to. */
const reveal = message("reveal", z.strictObject({ h1: sha256Hex, randomness }));
/** coordinator → U1: everybody's, in the order of U1. The graph follows from h₁ and these. */
const reveals = message("reveals", z.strictObject({ h1: sha256Hex, reveals: z.array(randomness).max(10_000) }));

// ── step 2 ──────────────────────────────────────────────────────────────────────────────────────────────────────
/** node → coordinator: an envelope for every other node of U1, or for every neighbour. */
const shares = message(
  "shares",
  z.strictObject({
    h1: sha256Hex,
    envelopes: z.array(z.strictObject({ to: nodeId, nonce, box: hexBytes })).max(10_000),
  }),
);
/** coordinator → one node: U2, ascending, and the envelopes that its members made for this node. */
const envelopes = message(
  "envelopes",
  z.strictObject({
    h1: sha256Hex,
    sharers: nodes,
    envelopes: z.array(z.strictObject({ from: nodeId, nonce, box: hexBytes })).max(10_000),
  }),
);

// ── step 3 ──────────────────────────────────────────────────────────────────────────────────────────────────────
/**
 * node → coordinator: what the uploaded vector (HTTP, little-endian u32) hashes to; on a graph also the SHA-256 of the canonical
 * bytes of the U2 whose masks it has on.
 */
const masked = message(
  "masked",
  z.strictObject({
    h1: sha256Hex,
    sha256: sha256Hex,
    length: z.int().min(1),
    sharersHash: sha256Hex.exactOptional(),
  }),
);

// ── step 4 ──────────────────────────────────────────────────────────────────────────────────────────────────────
/** coordinator → U3; on a graph each node gets its own, with what its neighbours in U3 said of their uploads. */
const survivors = message(
  "survivors",
  z.strictObject({ h1: sha256Hex, survivors: nodes, uploads: z.array(masked).max(10_000).exactOptional() }),
);
/**
 * node → coordinator: its one vote, over (h₁, U2, U3), or for giving the round up. On a graph the sets are named by the SHA-256 of the
 * canonical bytes of `{ sharers, survivors }`.
 */
const vote = message(
  "vote",
  z.strictObject({
    h1: sha256Hex,
    choice: z.discriminatedUnion("for", [
      z.strictObject({ for: z.literal("survivors"), sharers: nodes, survivors: nodes }),
      z.strictObject({ for: z.literal("sets"), sha256: sha256Hex }),
      z.strictObject({ for: z.literal("abort") }),
    ]),
  }),
);

// ── step 5 ──────────────────────────────────────────────────────────────────────────────────────────────────────
/** coordinator → U3: signatures of a quorum of votes for exactly (h₁, U2, U3), from which the vote messages can be rebuilt. */
const voteSignature = z.strictObject({ node: nodeId, signature: signatureHex });
const unmask = message(
  "unmask",
  z.strictObject({ h1: sha256Hex, survivors: nodes, votes: z.array(voteSignature).max(10_000) }),
);
/** node → coordinator: for each survivor a share of its own-mask seed, for each dropped sharer a share of its mask key. */
const unmaskShares = message(
  "unmaskShares",
  z.strictObject({
    h1: sha256Hex,
    ownMask: z.array(z.strictObject({ node: nodeId, share: hexBytes })).max(10_000),
    maskKey: z.array(z.strictObject({ node: nodeId, share: hexBytes })).max(10_000),
  }),
);

// ── step 6 ──────────────────────────────────────────────────────────────────────────────────────────────────────
/** coordinator → nodes: the round's ledger entry, one canonical line without its `\n`. */
const result = message("result", z.strictObject({ entry: ledgerLine }));
/** coordinator → nodes: the round is given up; `entry` is the ledger's line about it, with the votes that refund it, if any. */
const abort = message("abort", z.strictObject({ code: z.string().max(64), entry: ledgerLine }));

export const messageSchema = z.discriminatedUnion("step", [
  offer,
  advert,
  adverts,
  reveal,
  reveals,
  shares,
  envelopes,
  masked,
  survivors,
  vote,
  unmask,
  unmaskShares,
  result,
  abort,
]);

export type Message = z.infer<typeof messageSchema>;
export type StepName = Message["step"];
export type MessageOf<Step extends StepName> = Extract<Message, { step: Step }>;
export type BodyOf<Step extends StepName> = MessageOf<Step>["body"];
