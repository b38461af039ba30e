/**
 * The two models that attacks are compared on: one trained as a plan says, and one whose noise is left out. Customers are clipped in both, which
 * alone protects nobody; without it the same steps diverge.
 */
import type { Crypto } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import type { Population } from "../../scale/population.ts";
import { type AuditedMarket, type AuditStage, auditStage } from "../audit-run.ts";
import { runAudited } from "../audited-federation.ts";
import type { ScoredModel } from "../model-scores.ts";

export const protections = ["with DP", "without DP"] as const;
export type Protection = (typeof protections)[number];

/** What attacks are made on: a market, and the rounds for which the unprotected model trains. */
interface AttackedMarket extends AuditedMarket {
  /** Rounds without noise cost nothing, so that the unprotected model trains longer, as such models are. */
  readonly unprotectedRounds: number;
}

export interface AttackOptions {
  readonly market: AttackedMarket;
  /** 32 bytes. */
  readonly seed: Uint8Array;
  readonly crypto: Crypto;
  readonly executor: Executor;
  readonly onProgress?: (what: string, done: number, of: number) => void;
}

export interface AttackedModel extends AuditStage {
  readonly protection: Protection;
  readonly scored: ScoredModel;
  /** Of the plan; null: no bound. */
  readonly epsilon: number | null;
  /** @param run names the randomness: one number a model. @returns the final model */
  train(population: Population, run: number): Promise<Float32Array>;
}

/** For a plan whose noise is left out: what the planner steps by where there is hardly any. */
const nearlyNoEpsilon = 1e5;

export function attackedModel(protection: Protection, { market, seed, crypto, executor }: AttackOptions): AttackedModel {
  const isPrivate = protection === "with DP";
  const wanted = isPrivate ? market : { ...market, epsilon: nearlyNoEpsilon, rounds: market.unprotectedRounds };
  const stage = auditStage(wanted, seed, crypto);
  return {
    ...{ ...stage, protection, epsilon: isPrivate ? Number(stage.plan.epsilon) : null },
    scored: { model: stage.plan.model, items: market.items, executor },
    async train(population, run) {
      const common = { plan: stage.plan, population, seed: ofRun(seed, run, crypto), crypto, executor };
      const { final } = await runAudited(isPrivate ? common : { ...common, faults: { noise: "0" } });
      return final;
    },
  };
}

function ofRun(seed: Uint8Array, run: number, crypto: Crypto): Uint8Array {
  const bytes = new Uint8Array(seed.length + 4);
  bytes.set(seed);
  new DataView(bytes.buffer).setUint32(seed.length, run, true);
  return crypto.sha256(bytes);
}
