/** Signatures on messages: Ed25519 over the canonical bytes of everything but the signature. */
import { canonicalBytes } from "../canonical/canonical.ts";
import { fromHex, toHex } from "../canonical/hex.ts";
import type { Crypto } from "../crypto/crypto.ts";
import type { IdentityKey, Signature } from "../identifiers.ts";
import type { MessageOf, StepName } from "./schemas.ts";

/** Who can sign: a reducer's `Context` is one. */
export interface Signer {
  /** Ed25519 with this party's identity key. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** A message before it is signed. */
export type Unsigned<Signed extends { readonly signature: Signature }> = Omit<Signed, "signature">;

/** Adds the sender's signature. @throws TRB_CANONICAL_UNSUPPORTED */
export function signMessage<Step extends StepName>(
  signer: Signer,
  message: Unsigned<MessageOf<Step>> & { readonly step: Step },
): MessageOf<Step> {
  return signDocument(signer, message) as MessageOf<Step>;
}

/** Whether the message was signed with this key, strictly (DESIGN §5). Who the key belongs to is the caller's question. */
export function verifyMessage(
  crypto: Pick<Crypto, "verify">,
  message: { readonly signature: Signature },
  publicKey: IdentityKey,
): boolean {
  return verifyDocument(crypto, message, publicKey);
}

/** Adds a `signature` over the canonical bytes of the document. */
export function signDocument<Document extends object>(
  signer: Signer,
  document: Document,
): Document & { readonly signature: Signature } {
  return { ...document, signature: toHex(signer.sign(canonicalBytes(document))) as Signature };
}

/** Checks a document's `signature` over the canonical bytes of everything else in it. */
export function verifyDocument(
  crypto: Pick<Crypto, "verify">,
  document: { readonly signature: Signature },
  publicKey: IdentityKey,
): boolean {
  const { signature, ...unsigned } = document;
  return crypto.verify(fromHex(signature), canonicalBytes(unsigned), fromHex(publicKey));
}

/** Signs and checks small statements such as `{ purpose: "hello", … }`, whose signature travels apart from them. */
export function signStatement(signer: Signer, statement: { readonly purpose: string }): Signature {
  return toHex(signer.sign(canonicalBytes(statement))) as Signature;
}

export function verifyStatement(
  crypto: Pick<Crypto, "verify">,
  statement: { readonly purpose: string },
  signature: Signature,
  publicKey: IdentityKey,
): boolean {
  return crypto.verify(fromHex(signature), canonicalBytes(statement), fromHex(publicKey));
}
