/** XSalsa20-Poly1305 by tweetnacl, in both implementations of `Crypto`: `node:crypto` has no secretbox. */
import nacl from "tweetnacl";

export function sealBox(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  return nacl.secretbox(message, nonce, key);
}

export function openBox(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  return nacl.secretbox.open(box, nonce, key) ?? undefined;
}
