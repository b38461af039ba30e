/**
 * Signed heads: what a node knows of the ledger, stated to one peer that asks with a fresh nonce. The coordinator only passes
 * question and answers on, so it can withhold them, and can't make one up or bring an old one back (DESIGN §5).
 *
 *   node ── heads { nonce, peers } ──▶ coordinator ── head { nonce } ──▶ each peer
 *   node ◀─ { ok: true, heads } ────── coordinator ◀─ statement ──────── each peer
 */
import { z } from "zod";
import type { Crypto } from "../crypto/crypto.ts";
import { type IdentityKey, nodeId, sha256Hex, signatureHex } from "../identifiers.ts";
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
