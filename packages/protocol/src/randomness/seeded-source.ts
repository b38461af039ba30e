/**
 * Randomness that a seed determines: for public values that everyone must be able to rebuild (the initial model, a round's
 * negatives) and for seeded runs in tests. Never for noise, sampling or keys of a real node.
 */
import type { RandomSource } from "@tributary/dp";
import { canonicalBytes } from "../canonical/canonical.ts";
import type { Crypto } from "../crypto/crypto.ts";

const salt = new TextEncoder().encode("tributary/1/seeded-source");
/** Words made at a time. */
const bufferWords = 1024;

/**
 * An unlimited byte stream: AES-256-CTR under HKDF(seed, canonical `{ id, purpose, role, round }`). How the bytes are asked
 * for does not matter: `fill` of 3 and then of 5 gives what `fill` of 8 gives.
 * @param role who uses it, such as "node", "coordinator", "initial"
 * @param id which one of them; "" when there is only one
 * @param purpose what it is for; each gets a stream of its own
 */
export function randomSourceFromSeed(
  crypto: Pick<Crypto, "hkdf" | "keystream">,
  seed: Uint8Array,
  role: string,
  id: string,
  round: number,
  purpose: string,
): RandomSource {
  const stream = crypto.keystream(crypto.hkdf(seed, salt, canonicalBytes({ role, id, round, purpose }), 32));
  const words = new Uint32Array(bufferWords);
  const bytes = new Uint8Array(words.buffer);
  let next = 0; // word that the next refill begins with
  let used = bytes.length;
  return {
    fill(out) {
      for (let done = 0; done < out.length; ) {
        if (used === bytes.length) {
          const whole = (out.length - done) >>> 2;
          if (whole >= bufferWords && (out.byteOffset + done) % 4 === 0) {
            stream.words(next, new Uint32Array(out.buffer, out.byteOffset + done, whole)); // much is asked for: no detour
            next += whole;
            done += 4 * whole;
            continue;
          }
          stream.words(next, words);
          next += bufferWords;
          used = 0;
        }
        const size = Math.min(bytes.length - used, out.length - done);
        out.set(bytes.subarray(used, used + size), done);
        used += size;
        done += size;
      }
    },
  };
}
