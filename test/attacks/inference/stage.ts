/**
 * What the attackers of this folder look at: a plan of the planner's, customers of the synthetic market, and one node's message at each point of its way:
 *
 *   histories ─▶ clipped sum ─▶ clamp, dither ─▶ + noise share ─▶ + masks ─▶ (coordinator: sum of all, masks off)
 *               └──────── bare ────────┘   └──── noisy ────┘  └── masked ──┘  └──────────── unmasked ────────────┘
 *
 * `bare` is what no node sends; the rest is made by the code that nodes run: `trainingLoop` of the client's worker and the state machines of the round
 * (`one-round.ts`). The attacker knows everything but the customers: plan, model, catalogue, the round's public randomness.
 */
import { clampToQuota, ditherAndShift, fromModular, type RandomSource, toModular } from "@tributary/dp";
import { type Histories, splitCustomers } from "@tributary/events";
import { initialFederationModel, negativesSource, type RoundParameters, roundParameters } from "@tributary/federation";
import { createTrainer, type Trainer, trainingSum } from "@tributary/model";
import { type Crypto, type IdentityKey, type Plan, planHash, randomSourceFromSeed, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { choosePlan, planDocument, syntheticMarket } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";

/** Six merchants, of whom three are enough to hide a node, and a small catalogue: the attacker's best case. */
const market = { customers: 240, items: 80, merchants: 6 } as const;

export interface Stage {
  readonly plan: Plan;
  readonly crypto: Crypto;
  readonly parameters: RoundParameters;
  /** Round 1's model, flat: public. */
  readonly model: Float32Array;
  readonly trainer: Trainer;
  /** Each merchant's customers. */
  readonly logs: readonly Histories[];
  /** Everybody, and the catalogue that they bought from. */
  readonly everybody: Histories;
  readonly catalogue: ReturnType<typeof syntheticMarket>["catalogue"];
  /** Of the coordinator and the nodes: nothing that is attacked depends on it. */
  readonly coordinatorSecret: Uint8Array;
  /** A stream of its own for each purpose; all follow from the seed. */
  readonly random: (purpose: string) => RandomSource;
  close(): Promise<void>;
}

/** @param seed all randomness follows from it */
export async function openStage(seed: number): Promise<Stage> {
  const crypto = nodeCrypto();
  const bytes = crypto.sha256(new TextEncoder().encode(`inference attacks ${seed}`));
  const { catalogue, histories } = syntheticMarket({ customers: market.customers, items: market.items, seed });
  const { plan: numbers } = choosePlan({
    ...{ catalogueItems: market.items, customers: 4000, merchants: market.merchants },
    ...{ epsilon: 8, delta: 1e-6, rounds: 20, heads: [] },
  });
  const coordinatorKey = toHex(crypto.signingPublicKey(bytes)) as IdentityKey;
  const plan = planDocument(crypto, numbers, {
    ...{ federation: "attacked", coordinatorKey, catalogue },
    catalogueProvenance: "public",
  });
  const trainer = await createTrainer(plan.model, onnxruntimeExecutor());
  return {
    ...{ plan, crypto, trainer, catalogue, everybody: histories, coordinatorSecret: bytes },
    parameters: roundParameters(plan, 0),
    model: initialFederationModel(crypto, plan).parameters,
    logs: splitCustomers(histories, market.merchants, seed),
    random: (purpose) => randomSourceFromSeed(crypto, bytes, "attack", "", 1, purpose),
    close: () => trainer.close(),
  };
}

/**
 * What a node would send if it neither drew noise nor masked: its customers' clipped sum, clamped and rounded, as signed words.
 * [dimension] in clip norms
 */
export async function bareUpdate(stage: Stage, histories: Histories, dither: RandomSource): Promise<Float64Array> {
  const { parameters } = stage;
  const total = await clippedSum(stage, histories);
  clampToQuota(total, parameters.clampBound);
  return inClipNorms(stage, toModular(ditherAndShift(total, parameters.grid.fractionBits, dither)));
}

/** [dimension] grid units */
export async function clippedSum(stage: Stage, histories: Histories): Promise<Float64Array> {
  const { trainer, plan, crypto, model, parameters } = stage;
  const negatives = negativesSource(crypto, planHash(crypto, plan), 1);
  const request = { ...parameters, parameters: model, histories, negatives, random: { sampling: stage.random("sampling") } };
  const { total, failure } = await trainingSum(trainer, request);
  if (failure !== undefined) throw failure;
  return total;
}

/** Words of a message or of a sum, read as signed, in units of the clip norm. */
export function inClipNorms({ parameters: { scale, grid } }: Pick<Stage, "parameters">, words: Uint32Array): Float64Array {
  return Float64Array.from(fromModular(words), (word) => word / (scale * grid.clipNorm));
}
