/**
 * What follows from the plan alone, so that every party works it out for itself and compares: the hash of the training graphs,
 * and the model of round 0. And what a federation's model is: weights, and where the plan releases any, statistics.
 */
import {
  decodeModel,
  decodeStatistics,
  encodeModel,
  graphDigestInput,
  initialParameters,
  type ModelSpec,
  type ReleasedStatistics,
  startStatistics,
  type Trained,
} from "@tributary/model";
import { type Crypto, canonicalBytes, type Plan, randomSourceFromSeed, type Sha256, toHex } from "@tributary/protocol";
import { countedItems } from "./statistics.ts";

/** What a round starts from and ends with. */
export interface FederationModel {
  /** [parameterCount] */
  readonly parameters: Float32Array;
  /** Undefined where the plan releases none. */
  readonly statistics: ReleasedStatistics | undefined;
}

/** Round 0's model. */
export function initialFederationModel(
  crypto: Crypto,
  { model, statistics }: Pick<Plan, "model" | "statistics">,
): FederationModel {
  return { parameters: initialModel(crypto, model), statistics: statistics === undefined ? undefined : startStatistics() };
}

/** A model that was brought along, where training is to begin, in place of the one that follows from the spec. */
export function broughtModel({ statistics }: Pick<Plan, "statistics">, parameters: Float32Array): FederationModel {
  return { parameters, statistics: statistics === undefined ? undefined : startStatistics() };
}

/** Whether the plan's initial model is the one that follows from its spec, or is declared public. */
export function isInitialModelAgreed(crypto: Crypto, plan: Plan): boolean {
  if (plan.initialModel === "public") return true;
  const own = crypto.sha256(encodeFederationModel(plan, initialFederationModel(crypto, plan)));
  return toHex(own) === plan.initialModelHash;
}

/** The file whose SHA-256 is the model's hash. @throws TRB_MODEL_LENGTH_MISMATCH, TRB_MODEL_NOT_FINITE */
export function encodeFederationModel({ model }: Pick<Plan, "model">, { parameters, statistics }: FederationModel): Uint8Array {
  return encodeModel(model, parameters, statistics);
}

/** @throws TRB_MODEL_FILE_MALFORMED, TRB_MODEL_TENSOR_…, TRB_MODEL_NOT_FINITE */
export function decodeFederationModel(plan: Pick<Plan, "model" | "releases">, file: Uint8Array): FederationModel {
  return { parameters: decodeModel(plan.model, file), statistics: decodeStatistics(file, countedItems(plan)) };
}

/** SHA-256 over the bytes of all training graphs, which differ by what is trained: `plan.graphHash`. @throws TRB_PLAN_TRAINED_UNFIT */
export function graphHashOf(crypto: Pick<Crypto, "sha256">, model: ModelSpec, trained?: Trained): Sha256 {
  return toHex(crypto.sha256(graphDigestInput(model, trained))) as Sha256;
}

/** Its parameters: the stream that they are drawn from is a function of the model spec. [dimension] */
export function initialModel(crypto: Crypto, model: ModelSpec): Float32Array {
  const seed = crypto.sha256(canonicalBytes(model));
  return initialParameters(model, randomSourceFromSeed(crypto, seed, "initial", "", 0, "model"));
}
