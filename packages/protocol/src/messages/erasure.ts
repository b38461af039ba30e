/**
 * A node's note that it erased customers: which node, and on which day. What stands in it is in the ledger for everybody to read, so it says neither
 * whom nor how many.
 */
import { z } from "zod";
import type { Crypto } from "../crypto/crypto.ts";
import { type IdentityKey, nodeId, signatureHex } from "../identifiers.ts";
import { type Signer, signStatement, verifyStatement } from "./sign.ts";

/** node → coordinator. */
export const erasureNoteSchema = z.strictObject({
  node: nodeId,
  /** UTC. */
  on: z.iso.date(),
  /** Over the canonical bytes of `{ purpose: "erasure", federation, node, on }`. */
  signature: signatureHex,
});
export type ErasureNote = z.infer<typeof erasureNoteSchema>;

export function signErasure(signer: Signer, federation: string, note: Omit<ErasureNote, "signature">): ErasureNote {
  return { ...note, signature: signStatement(signer, statement(federation, note)) };
}

export function verifyErasure(
  crypto: Pick<Crypto, "verify">,
  federation: string,
  { signature, ...note }: ErasureNote,
  key: IdentityKey,
): boolean {
  return verifyStatement(crypto, statement(federation, note), signature, key);
}

function statement(federation: string, { node, on }: Omit<ErasureNote, "signature">) {
  return { purpose: "erasure", federation, node, on } as const;
}
