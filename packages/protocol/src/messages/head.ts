/**
 * Signed heads: what a node knows of the ledger, stated to one peer that asks with a fresh nonce. The coordinator only passes
 * question and answers on, so it can withhold them, and can't make one up or bring an old one back (DESIGN §5).
 *
 *   node ── heads { nonce, peers } ──▶ coordinator ── head { nonce } ──▶ each peer
 *   node ◀─ { ok: true, heads } ────── coordinator ◀─ statement ──────── each peer
 */
import { z } from "zod";
import type { Crypto } from "../crypto/crypto.ts";
import { type IdentityKey, nodeId, type Signature, sha256Hex, signatureHex } from "../identifiers.ts";
import { nonceHex } from "./greeting.ts";
import { type Signer, signStatement, verifyStatement } from "./sign.ts";

/** node → coordinator: whose heads it wants to have. */
export const headsRequestSchema = z.strictObject({ nonce: nonceHex, peers: z.array(nodeId).max(10_000) });
/** coordinator → node. */
export const headRequestSchema = z.strictObject({ nonce: nonceHex });

/** A node's own, verified copy of the ledger, as it is now. */
export const headStatementSchema = z.strictObject({
  node: nodeId,
  /** How many entries its copy has, and the hash of the last; 64 zeros where there is none. */
  entries: z.int().min(0),
  head: sha256Hex,
  /** The largest number of a round whose cohort it knows, or that is over; 0 before the first. */
  round: z.int().min(0),
  /** Over the canonical bytes of `{ purpose: "head", federation, nonce, node, entries, head, round }`. */
  signature: signatureHex,
});
export type HeadStatement = z.infer<typeof headStatementSchema>;

export const headsAnswerSchema = z.strictObject({ ok: z.literal(true), heads: z.array(headStatementSchema).max(10_000) });

export function signHead(
  signer: Signer,
  federation: string,
  nonce: string,
  head: Omit<HeadStatement, "signature">,
): HeadStatement {
  return { ...head, signature: signStatement(signer, statement(federation, nonce, head)) };
}

/** Whether this very node said so, in this federation, in answer to this nonce. */
export function verifyHead(
  crypto: Pick<Crypto, "verify">,
  federation: string,
  nonce: string,
  { signature, ...head }: HeadStatement,
  key: IdentityKey,
): boolean {
  return verifyStatement(crypto, statement(federation, nonce, head), signature, key);
}

function statement(federation: string, nonce: string, { node, entries, head, round }: Omit<HeadStatement, "signature">) {
  return { purpose: "head", federation, nonce, node, entries, head, round } as const;
}

/**
 * A node's countersignature of the ledger: its own, verified copy ends with this head. It goes with the node's keys in every round, to all who take part,
 * and from there into the round's ledger entry. It answers no question, so it can be repeated; what it says stays true.
 */
export function signTakenIn(
  signer: Signer,
  federation: string,
  head: Pick<HeadStatement, "node" | "entries" | "head">,
): Signature {
  return signStatement(signer, takenIn(federation, head));
}

/** Whether this node's copy ended so. */
export function verifyTakenIn(
  crypto: Pick<Crypto, "verify">,
  federation: string,
  head: Pick<HeadStatement, "node" | "entries" | "head" | "signature">,
  key: IdentityKey,
): boolean {
  return verifyStatement(crypto, takenIn(federation, head), head.signature, key);
}

function takenIn(federation: string, { node, entries, head }: Pick<HeadStatement, "node" | "entries" | "head">) {
  return { purpose: "head taken in", federation, node, entries, head } as const;
}
