/** A federation that is over in a second: its population, plan and options. */
import { toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { planDocument } from "../plan-document.ts";
import { type ConditionSettings, calmConditions } from "./conditions.ts";
import { marketLog } from "./market-log.ts";
import { type ScalePlanRequest, scalePlan } from "./scale-plan.ts";
import { coordinatorKeyOf } from "./secure-path.ts";
import type { ScaleOptions } from "./simulate-scale.ts";
import { splitLog } from "./split.ts";

export const crypto = nodeCrypto();

export interface SmallWishes {
  readonly seed: number;
  readonly nodes?: number;
  readonly cohort?: number;
  readonly customers?: number;
  readonly conditions?: Partial<ConditionSettings>;
  readonly plan?: Partial<ScalePlanRequest>;
}

export function smallFederation({ seed, nodes = 12, cohort = 8, customers = 240, ...wishes }: SmallWishes): ScaleOptions {
  const log = marketLog({ customers, items: 20, categories: 4, seed });
  const population = splitLog(log, { nodes, seed, sizeZipf: 0.5, disjointCatalogues: false });
  const bytes = new Uint8Array(32).fill(seed);
  const { plan } = scalePlan({
    ...{ nodes, cohort, customers, catalogueItems: 20, epsilon: 8, delta: 1e-6, rounds: 3, unit: "customer", width: 4 },
    local: { epochs: 1, batchSize: 4, learningRate: 0.1 },
    ...wishes.plan,
  });
  return {
    plan: planDocument(crypto, plan, {
      federation: "scale",
      coordinatorKey: coordinatorKeyOf(crypto, bytes),
      catalogue: log.catalogue,
      catalogueProvenance: "public",
    }),
    ...{ population, seed: bytes, crypto, executor: onnxruntimeExecutor() },
    conditions: { ...calmConditions, nodes, cohort, seed, ...wishes.conditions },
    ...{ aggregation: "fast", noise: "distributed", threads: 1 },
  };
}

export const hex = (bytes: ArrayBufferView): string => toHex(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
