/**
 * ledger.jsonl: one entry a line, each line byte-equal to its canonical form and ended by one `\n`.
 * An entry's hash is the SHA-256 of its line without the `\n`, signature included; the next entry names it as `previous`.
 */
import {
  decimal,
  federationName,
  identityKey,
  mostMembers,
  mostWritten,
  nodeId,
  planSchema,
  rosterSchema,
  rotatedMemberSchema,
  type Sha256,
  sha256Hex,
  signatureHex,
  versionText,
} from "@tributary/protocol";
import { z } from "zod";
import { accessFields, operatorAction } from "./operator-actions.ts";
import type { Frontier } from "./tree/hashing.ts";

const head = {
  /** Counted from 0. */
  index: z.int().min(0),
  /** Hash of the entry before; 64 zeros for the first. */
  previous: sha256Hex,
  /** RFC 6962 root of the tree over the lines of all entries before it (`tree/hashing.ts`): the signature is one over the tree. */
  tree: sha256Hex,
  /** What the coordinator says that it runs: SHA-256 over its packages' names, versions and sources (`software.ts`). A claim. */
  software: sha256Hex,
  /** When the coordinator wrote it, RFC 3339 in UTC; never before the entry before it. Not evidence. */
  at: z.iso.datetime(),
  /** By the coordinator's identity key over the canonical bytes of everything but this. */
  signature: signatureHex,
};

/** What a release cost so far: the Rényi divergence at each order of the accountant, and the ε that follows at plan.delta. */
const spentSchema = z.strictObject({
  /** Rounds charged so far for each place in `plan.releases`, this one included. */
  charged: z.array(z.int().min(0)).max(64),
  orders: z.array(z.int().min(2)).max(1000),
  /** [orders] nats, decimal strings of 12 significant digits rounded up. */
  rdp: z.array(decimal).max(1000),
  epsilon: decimal,
});
export type Spent = z.infer<typeof spentSchema>;

/** Larger rosters than the protocol's are refused before they cost anything. */
const nodes = z.array(nodeId).max(10_000);
/** The version of the protocol that the round was spoken in, and its votes; absent: `baseVersion`. */
const protocol = versionText.exactOptional();
const voteSignature = z.strictObject({ node: nodeId, signature: signatureHex });

const genesisSchema = z.strictObject({
  ...head,
  kind: z.literal("genesis"),
  federation: federationName,
  coordinatorKey: identityKey,
  plan: planSchema,
  planHash: sha256Hex,
  roster: rosterSchema,
});

/** What ran: everything from which its privacy cost follows. `mechanismOf` makes it from the plan. */
const mechanismSchema = z.strictObject({
  name: z.literal("poisson-discrete-gaussian"),
  sampler: z.string().max(64),
  /** Δ, integer units, rounded up. */
  sensitivity: decimal,
  /** σ_u², squared integer units, rounded up. */
  nodeVariance: decimal,
  /** How many nodes' noise is counted on. */
  honestNodes: z.int().min(1),
  samplingRate: decimal,
  noiseMultiplier: decimal,
  /** Of a packed release: what a coordinate is sent in. Its Δ is the square root of the plan's `squaredSensitivity`. */
  bits: z.int().min(1).max(31).exactOptional(),
});
export type Mechanism = z.infer<typeof mechanismSchema>;

/** One noisy sum released. */
const roundSchema = z.strictObject({
  ...head,
  kind: z.literal("round"),
  round: z.int().min(1),
  release: z.int().min(0),
  planHash: sha256Hex,
  /** Before and after. */
  modelHash: sha256Hex,
  nextModelHash: sha256Hex,
  protocol,
  h1: sha256Hex,
  cohort: nodes,
  sharers: nodes,
  survivors: nodes,
  /** Signatures of the vote messages for exactly (h₁, sharers, survivors), ascending by node: a quorum. */
  votes: z.array(voteSignature).max(10_000),
  /** Of the whole cohort, ascending by node: each signed that its own copy ends with `previous` (`head.ts` of `@tributary/protocol`). */
  heads: z.array(voteSignature).max(10_000),
  mechanism: mechanismSchema,
  /** SHA-256 of the unmasked sum, little-endian u32. */
  sumHash: sha256Hex,
  /** The sum itself, in integer units, for releases that are read and make no model (`isWritten` of `@tributary/protocol`); else absent. */
  sum: z
    .array(
      z
        .int()
        .min(-(2 ** 31))
        .max(2 ** 31 - 1),
    )
    .max(mostWritten)
    .exactOptional(),
  spent: spentSchema,
});

/** A round given up. It is charged unless nobody had uploaded, or a quorum voted for abort. */
const abortedSchema = z.strictObject({
  ...head,
  kind: z.literal("aborted"),
  round: z.int().min(1),
  release: z.int().min(0),
  planHash: sha256Hex,
  modelHash: sha256Hex,
  protocol,
  /** Why: a code of the error table. */
  code: z.string().max(64),
  /** The step that was under way. */
  step: z.string().max(32),
  charged: z.boolean(),
  votes: z.array(voteSignature).max(10_000),
  h1: sha256Hex.nullable(),
  /** U1, when h₁ is known: what a quorum is counted in. Without it a quorum is counted in the whole roster. */
  cohort: nodes.optional(),
  /** Members of U1 that did not reveal what they had committed to, where that ended the round: no round of this plan has them again. */
  barred: nodes.min(1).exactOptional(),
  spent: spentSchema,
});

/** Nothing follows it. */
const closingSchema = z.strictObject({
  ...head,
  kind: z.literal("closing"),
  reason: z.string().max(256),
  /** There exactly when the plan's rule ended training (`stopOf` of `course.ts`); `reason` then says what it says there. */
  rule: z.literal("earlyStop").exactOptional(),
  modelHash: sha256Hex,
  /** How many were released. */
  rounds: z.int().min(0),
  spent: spentSchema,
});

/** The name of a role, not of a person: the ledger is for everybody to read. */
const operatorRole = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "expected a role, up to 32 of a–z, 0–9 and -");
/** Why, in the operator's words. */
const reason = z.string().max(256);

/** A change of the roster, each by its node's own word but for who is revoked. */
const rosterChangeSchema = z.strictObject({
  ...head,
  kind: z.literal("roster"),
  /** Who takes part no longer, from this entry on. */
  revoked: nodes,
  /** Who takes part from round `from` on. */
  admitted: rosterSchema.min(1).exactOptional(),
  /** Whose identity key is another one from round `from` on. */
  rotated: z.array(rotatedMemberSchema).min(1).max(mostMembers).exactOptional(),
  /** Of those two; there with either of them. */
  from: z.int().min(1).exactOptional(),
  operator: operatorRole,
  reason,
});

/** What an operator did: whether there are rounds, and who may come in (`operator-actions.ts` says what goes with which action). */
const operatorSchema = z.strictObject({
  ...head,
  kind: z.literal("operator"),
  action: operatorAction,
  ...accessFields,
  operator: operatorRole,
  reason,
});

/**
 * A node says that it erased customers on this day. Neither whom nor how many: a count of one beside the date of a complaint would be about somebody.
 */
const erasureSchema = z.strictObject({
  ...head,
  kind: z.literal("erasure"),
  node: nodeId,
  /** UTC. */
  on: z.iso.date(),
  /** By the node, over the canonical bytes of `{ purpose: "erasure", federation, node, on }`. */
  nodeSignature: signatureHex,
});

/** A model that training left is put forward for use. */
const promotionSchema = z.strictObject({
  ...head,
  kind: z.literal("promotion"),
  modelHash: sha256Hex,
  /**
   * `acceptance`: it is the one that the plan's rule kept last. `rounds`: it is the latest, and so many rounds were trained. `operator`: it is the latest, and
   * somebody decided.
   */
  rule: z.enum(["acceptance", "rounds", "operator"]),
  /** `coordinator` where the plan's rule had it written. */
  operator: operatorRole,
});

/** Training goes on from a model that was released before. */
const rollbackSchema = z.strictObject({
  ...head,
  kind: z.literal("rollback"),
  modelHash: sha256Hex,
  /** The server optimiser begins anew, or, at the model that metrics kept last, goes on from its state of then. */
  optimiser: z.enum(["reset", "kept"]),
  operator: operatorRole,
  reason,
});

export const entrySchema = z.discriminatedUnion("kind", [
  genesisSchema,
  roundSchema,
  abortedSchema,
  rosterChangeSchema,
  operatorSchema,
  erasureSchema,
  promotionSchema,
  rollbackSchema,
  closingSchema,
]);
export type Entry = z.infer<typeof entrySchema>;
export type EntryKind = Entry["kind"];
export type EntryOf<Kind extends EntryKind> = Extract<Entry, { kind: Kind }>;

/** How long a ledger is, and what it ends with. */
export interface LedgerPlace {
  readonly entries: number;
  /** Hash of the last entry; 64 zeros when there is none. */
  readonly hash: Sha256;
}

/** Where a ledger stands: all that the next entry needs. */
export interface LedgerHead extends LedgerPlace {
  /** Of the tree over its lines. */
  readonly frontier: Frontier;
}
