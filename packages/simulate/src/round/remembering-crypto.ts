/**
 * `Crypto` that does no work twice. In one process a hundred nodes verify the same hundred adverts, and both ends of a pair agree on one
 * secret: pure functions of the same bytes. What is remembered holds for one round; a real node has nothing to remember, and pays for all.
 */
import { type Crypto, toHex } from "@tributary/protocol";

export interface RememberingCrypto {
  readonly crypto: Crypto;
  forget(): void;
}

export function rememberingCrypto(slow: Crypto): RememberingCrypto {
  const known = new Map<string, unknown>();
  const remember = <Result>(name: string, inputs: readonly Uint8Array[], compute: () => Result): Result => {
    const key = [name, ...inputs.map(toHex)].join(" ");
    if (known.has(key)) return known.get(key) as Result;
    const result = compute();
    known.set(key, result);
    return result;
  };
  const verified = new Map<string, { readonly message: Uint8Array; readonly key: Uint8Array; readonly valid: boolean }>();
  const publicKey = (secret: Uint8Array) => remember("public", [secret], () => slow.agreementPublicKey(secret));
  const crypto: Crypto = {
    ...slow,
    agreementPublicKey: (secret) => publicKey(secret).slice(),
    verify(signature, message, key) {
      const name = toHex(signature);
      const before = verified.get(name);
      if (before && same(before.message, message) && same(before.key, key)) return before.valid;
      const valid = slow.verify(signature, message, key);
      verified.set(name, { message: message.slice(), key: key.slice(), valid });
      return valid;
    },
    agree(secret, theirs) {
      const ends = [publicKey(secret), theirs].sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1));
      return remember("agree", ends, () => slow.agree(secret, theirs)).slice();
    },
  };
  const forget = () => {
    known.clear();
    verified.clear();
  };
  return { crypto, forget };
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
