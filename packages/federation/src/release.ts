/**
 * What the shells do with numbers, between two events of a round: the sum of the uploads, the next model, and what training
 * takes from the plan. Pure as well; the octets are the shell's.
 */
import { type RandomSource, readSum, type SumQueryParameters, sumQueryParameters } from "@tributary/dp";
import { type Optimiser, type OptimiserState, serverStep } from "@tributary/model";
import {
  type Crypto,
  fromHex,
  type Plan,
  parseDecimal,
  randomSourceFromSeed,
  releaseOf,
  type Sha256,
  sumQueryOf,
} from "@tributary/protocol";
import { addVector, unmaskTotal } from "@tributary/secagg";
import type { CoordinatorEffect } from "./coordinator-events.ts";

/** The effect that asks for a sum. */
export type SumEffect = Extract<CoordinatorEffect, { type: "sum" }>;

/**
 * Σ V + noise of the survivors, modulo 2³². One upload is held at a time.
 * @param read the vector that was uploaded with this hash. [length]
 * @throws TRB_SECAGG_VECTOR_MISMATCHED
 */
export async function sumUploads(
  { round, length, uploads, unmasking }: Pick<SumEffect, "round" | "length" | "uploads" | "unmasking">,
  read: (sha256: Sha256) => Promise<Uint32Array>,
  crypto: Crypto,
): Promise<Uint32Array> {
  const total = new Uint32Array(length);
  for (const { sha256 } of uploads) addVector(total, await read(sha256), round);
  unmaskTotal(total, unmasking, crypto);
  return total;
}

/**
 * The server's step: the mean update is the sum over constants, sum / (scale · samplingRate · minCustomers), never over counts.
 * @param sum [dimension]
 * @param parameters [dimension]
 */
export function applySum(step: {
  readonly plan: Plan;
  /** Place in `plan.releases`. */
  readonly release: number;
  readonly sum: Uint32Array;
  readonly parameters: Float32Array;
  /** Null before the first release. */
  readonly optimiserState: OptimiserState | null;
}): { readonly parameters: Float32Array; readonly optimiserState: OptimiserState } {
  const { plan, release, sum, parameters, optimiserState } = step;
  const { scale, samplingRate } = releaseOf(plan, release);
  const expectedCustomers = parseDecimal(samplingRate) * plan.minCustomers;
  const mean = readSum(sum, { scale: parseDecimal(scale) }, expectedCustomers);
  return serverStep(optimiserOf(plan), parameters, optimiserState, mean);
}

/** What a node's training vector takes from the plan: spread into the request of `trainingVector`. */
export interface RoundParameters extends SumQueryParameters {
  readonly customerQuota: number;
}

/** @throws TRB_PLAN_RELEASE_UNKNOWN, TRB_PLAN_CENTRAL_NOISE, TRB_DP_… */
export function roundParameters(plan: Plan, release: number): RoundParameters {
  return { ...sumQueryParameters(sumQueryOf(plan, release)), customerQuota: plan.customerQuota };
}

/** The round's negatives: public, the same for everyone, fixed before anybody's data is looked at. */
export function negativesSource(crypto: Crypto, planHash: Sha256, round: number): RandomSource {
  return randomSourceFromSeed(crypto, fromHex(planHash), "round", "", round, "negatives");
}

/** The plan's optimiser in numbers. */
export function optimiserOf({ optimiser }: Plan): Optimiser {
  const learningRate = parseDecimal(optimiser.learningRate);
  if (optimiser.name === "fedavg") return { name: "fedavg", learningRate, momentum: parseDecimal(optimiser.momentum) };
  const { beta1, beta2, epsilon } = optimiser;
  return {
    name: "fedadam",
    learningRate,
    beta1: parseDecimal(beta1),
    beta2: parseDecimal(beta2),
    epsilon: parseDecimal(epsilon),
  };
}
