/**
 * The two long computations of a round, from files to files: masked vectors to their unmasked sum, and the sum to the next
 * model. `heavy-worker.ts` runs them in a thread of its own, so that heart-beats and uploads go on meanwhile.
 */
import { fail } from "@tributary/errors";
import {
  type CoordinatorEffect,
  decodeFederationModel,
  encodeFederationModel,
  nextModel,
  optimiserOf,
  sumUploads,
  warmStarted,
} from "@tributary/federation";
import { decodeOptimiserState, encodeOptimiserState, itemSimilarity } from "@tributary/model";
import { loadExtensions } from "@tributary/model/extension-files";
import type { Plan, Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { openBlobs } from "../storage/blobs.ts";
import { publicItems } from "../storage/catalogue.ts";
import { bytesOfWords, readUpload, wordsOf } from "../storage/uploads.ts";

export type SumEffect = Extract<CoordinatorEffect, { type: "sum" }>;
export type ApplyEffect = Extract<CoordinatorEffect, { type: "apply" }>;

export interface WorkFolders {
  readonly blobs: string;
  readonly uploads: string;
  readonly extensions: string;
}

/** What the thread is asked for. */
export type HeavyTask =
  | { readonly folders: WorkFolders; readonly effect: SumEffect }
  | { readonly folders: WorkFolders; readonly effect: ApplyEffect; readonly plan: Plan };

export type HeavyResult =
  | { readonly type: "summed"; readonly sumHash: Sha256 }
  | {
      readonly type: "applied";
      readonly modelHash: Sha256;
      readonly optimiserHash: Sha256 | null;
      readonly sum?: readonly number[];
    };

export async function doHeavyWork(task: HeavyTask): Promise<HeavyResult> {
  return "plan" in task ? await apply(task.folders, task.effect, task.plan) : await sum(task.folders, task.effect);
}

/** One upload is in memory at a time. */
async function sum(folders: WorkFolders, effect: SumEffect): Promise<HeavyResult> {
  const nodes = new Map(effect.uploads.map(({ node, sha256 }) => [sha256, node]));
  const read = async (sha256: Sha256) => {
    const node = nodes.get(sha256);
    if (node === undefined) throw fail("TRB_COORDINATOR_BLOB_UNKNOWN", { sha256 });
    return await readUpload(folders.uploads, { round: effect.round, node, sha256 });
  };
  const total = await sumUploads(effect, read, nodeCrypto());
  return { type: "summed", sumHash: openBlobs(folders.blobs).put(bytesOfWords(total)) };
}

async function apply(folders: WorkFolders, effect: ApplyEffect, plan: Plan): Promise<HeavyResult> {
  await loadExtensions(folders.extensions, plan.extensions); // into this thread
  const blobs = openBlobs(folders.blobs);
  const optimiserState =
    effect.optimiserHash === null ? null : decodeOptimiserState(optimiserOf(plan), blobs.read(effect.optimiserHash));
  const similarity = () => itemSimilarity(publicItems(blobs.read(plan.catalogueHash)));
  const before = decodeFederationModel(plan, blobs.read(effect.modelHash));
  const { release, survivors } = effect;
  const sum = wordsOf(blobs.read(effect.sumHash));
  const next = nextModel({ plan, release, sum, survivors, model: before, optimiserState, similarity });
  const model = await warmStarted(plan, before, next.model, { executor: onnxruntimeExecutor(), similarity });
  return {
    type: "applied",
    modelHash: blobs.put(encodeFederationModel(plan, model)),
    optimiserHash: next.optimiserState === null ? null : blobs.put(encodeOptimiserState(next.optimiserState)),
    ...(next.sum === undefined ? {} : { sum: next.sum }),
  };
}
