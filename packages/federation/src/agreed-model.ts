/**
 * What follows from `plan.model` alone, so that every party works it out for itself and compares: the hash of the training graphs,
 * and the model of round 0.
 */
import { graphDigestInput, initialParameters, type ModelSpec } from "@tributary/model";
import { type Crypto, canonicalBytes, randomSourceFromSeed, type Sha256, toHex } from "@tributary/protocol";

/** SHA-256 over the bytes of all training graphs: `plan.graphHash`. */
export function graphHashOf(crypto: Pick<Crypto, "sha256">, model: ModelSpec): Sha256 {
  return toHex(crypto.sha256(graphDigestInput(model))) as Sha256;
}

/** Round 0's parameters: the stream that they are drawn from is a function of the model spec. [dimension] */
export function initialModel(crypto: Crypto, model: ModelSpec): Float32Array {
  const seed = crypto.sha256(canonicalBytes(model));
  return initialParameters(model, randomSourceFromSeed(crypto, seed, "initial", "", 0, "model"));
}
