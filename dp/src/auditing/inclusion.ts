/**
 * The secret coins of a one-run audit: drawn and committed to before training, opened after it. Without the commitment, who runs the
 * audit could choose the coins to fit the guesses.
 *
 * Commitment: hash("tributary canary coins 1" ‖ u32 number of canaries, little-endian ‖ 32 bytes of salt ‖ coins, eight a byte, lowest bit first).
 * The salt hides the coins of a short list; the hash is the caller's SHA-256, since `dp` has none of its own.
 */
import { fail } from "@tributary/errors";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";

/** SHA-256, or another collision-resistant hash that the verifier uses as well. */
export type Hash = (bytes: Uint8Array) => Uint8Array;

/** Which canaries are in, as coins, and the salt of the commitment to them. */
export interface Inclusion {
  /** `[canaries]`, 1 for in. */
  readonly included: Uint8Array;
  /** 32 bytes. */
  readonly salt: Uint8Array;
}

const label = new TextEncoder().encode("tributary canary coins 1");
const saltLength = 32;

/** A fair coin for each canary, and a salt; both are secrets until the run is over. @throws TRB_DP_PARAMETER_INVALID */
export function drawInclusion(canaries: number, random: RandomSource): Inclusion {
  if (!(Number.isInteger(canaries) && canaries >= 1 && canaries <= 1e7)) {
    throw fail("TRB_DP_PARAMETER_INVALID", {
      parameter: "canaries",
      value: canaries,
      expected: "a whole number from 1 to 10^7",
    });
  }
  const words = wordReader(random);
  const included = Uint8Array.from({ length: canaries }, () => words.bits(1));
  const salt = new Uint8Array(saltLength);
  random.fill(salt);
  return { included, salt };
}

/** What is published before the run. @throws TRB_DP_AUDIT_SCORES_INVALID, TRB_DP_LENGTH_MISMATCH */
export function commitInclusion({ included, salt }: Inclusion, hash: Hash): Uint8Array {
  if (salt.length !== saltLength) throw fail("TRB_DP_LENGTH_MISMATCH", { length: salt.length, expected: saltLength });
  const bytes = new Uint8Array(label.length + 4 + saltLength + Math.ceil(included.length / 8));
  bytes.set(label);
  new DataView(bytes.buffer).setUint32(label.length, included.length, true);
  bytes.set(salt, label.length + 4);
  const start = label.length + 4 + saltLength;
  for (const [place, coin] of included.entries()) {
    if (coin > 1) throw fail("TRB_DP_AUDIT_SCORES_INVALID", { place });
    bytes[start + (place >> 3)] = (bytes[start + (place >> 3)] as number) | (coin << (place & 7));
  }
  return hash(bytes);
}

/** After the run: are these the coins? @throws TRB_DP_AUDIT_COMMITMENT_MISMATCH, the codes of `commitInclusion` */
export function openInclusion(commitment: Uint8Array, inclusion: Inclusion, hash: Hash): Uint8Array {
  const recomputed = commitInclusion(inclusion, hash);
  const equal = recomputed.length === commitment.length && recomputed.every((byte, i) => byte === commitment[i]);
  if (!equal) throw fail("TRB_DP_AUDIT_COMMITMENT_MISMATCH");
  return inclusion.included;
}
