/**
 * Randomness that nobody can steer: each node commits in its advert, and reveals once everybody's commitments are bound by h₁. The
 * last to reveal can only refuse, which ends the round (docs/protocol.md says what that is worth to somebody).
 */
import { type Crypto, fromHex, hashOf, type NodeId, randomSourceFromSeed, type Sha256 } from "@tributary/protocol";
import type { RoundBinding } from "../derivation.ts";
import type { UniformBytes } from "../field.ts";

/** What an advert commits to; node and round are in it, so that nobody's commitment can be passed off as one's own. */
export function graphCommitment(
  crypto: Pick<Crypto, "sha256">,
  { planHash, round }: Pick<RoundBinding, "planHash" | "round">,
  node: NodeId,
  randomness: string,
): Sha256 {
  return hashOf(crypto, { label: "tributary graph commitment", node, planHash, randomness, round });
}

/** H(h₁ ‖ all reveals): SHA-256 over everything that the round is bound to and everybody's randomness, in the order of U1. */
export function graphSeed(
  crypto: Pick<Crypto, "sha256">,
  { planHash, modelHash, round, h1 }: RoundBinding,
  reveals: readonly string[],
): Sha256 {
  return hashOf(crypto, { h1, label: "tributary graph", modelHash, planHash, reveals: [...reveals], round });
}

/** The stream that the order is drawn from. */
export function graphSource(crypto: Pick<Crypto, "hkdf" | "keystream">, seed: Sha256, round: number): UniformBytes {
  return randomSourceFromSeed(crypto, fromHex(seed), "round", "", round, "graph");
}
