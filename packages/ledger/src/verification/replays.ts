/**
 * h₁ is the SHA-256 of a round's adverts, each signed over its round's number and with fresh keys in it, so no two rounds have the same: one that stands in two entries was taken over from
 * the earlier round. The one thing that a verifier must remember of every round; so it is kept small: 128 bits of its SHA-256 (a file may hold an h₁ that is no hash of anything), in
 * an open table that is never more than half full: 32 to 64 octets a round.
 */
import { type Crypto, fromHex, type Sha256 } from "@tributary/protocol";

const words = 4;

/** @returns whether this h₁ was seen before; it is remembered */
export function seenHashes(crypto: Pick<Crypto, "sha256">): (h1: Sha256) => boolean {
  let [places, count] = [64, 0];
  let table = new Uint32Array(places * words);
  const put = (key: Uint32Array): boolean => {
    for (let place = (key[0] ?? 0) % places; ; place = (place + 1) % places) {
      const held = table.subarray(place * words, (place + 1) * words);
      if (held.every((word, i) => word === key[i])) return true;
      if (held.some((word) => word !== 0)) continue;
      held.set(key);
      return false;
    }
  };
  const grow = (): void => {
    const before = table;
    places *= 2;
    table = new Uint32Array(places * words);
    for (let at = 0; at < before.length; at += words) {
      const key = before.subarray(at, at + words);
      if (key.some((word) => word !== 0)) put(key); // four zeros are a place that is free
    }
  };
  return (h1) => {
    const hash = crypto.sha256(fromHex(h1));
    if (put(new Uint32Array(hash.slice(0, 4 * words).buffer))) return true;
    count += 1;
    if (2 * count > places) grow();
    return false;
  };
}
