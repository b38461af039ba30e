/**
 * The two long computations of a round, from files to files: masked vectors to their unmasked sum, and the sum to the next
 * model. `heavy-worker.ts` runs them in threads of their own, so that heart-beats and uploads go on meanwhile. A sum is added up after
 * the survivors are fixed and not before, part by part of the vector by as many threads as there are, in memory for one vector.
 */
import { fail } from "@tributary/errors";
import {
  type CoordinatorEffect,
  decodeFederationModel,
  encodeFederationModel,
  nextModel,
  optimiserOf,
  rotationSource,
  sumUploads,
  type VectorRange,
  warmStarted,
} from "@tributary/federation";
import { decodeOptimiserState, encodeOptimiserState, itemSimilarity } from "@tributary/model";
import { loadExtensions } from "@tributary/model/extension-files";
import { type Plan, planHash, type Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { openBlobs } from "../storage/blobs.ts";
import { publicItems } from "../storage/catalogue.ts";
import { bytesOfWords, readUploadRange, wordsOf } from "../storage/uploads.ts";

export type SumEffect = Extract<CoordinatorEffect, { type: "sum" }>;
export type ApplyEffect = Extract<CoordinatorEffect, { type: "apply" }>;

export interface WorkFolders {
  readonly blobs: string;
  readonly uploads: string;
  readonly extensions: string;
}

/** What a thread is asked for. */
export type HeavyTask =
  | { readonly folders: WorkFolders; readonly effect: SumEffect }
  | { readonly folders: WorkFolders; readonly effect: ApplyEffect; readonly plan: Plan };

/** What the threads of a sum take their parts from. */
export interface SumQueue {
  /** [1] the part that nobody has yet. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** [length] the sum, each part written by whoever took it. */
  readonly total: Uint32Array<SharedArrayBuffer>;
}

/** Sums parts until there are none left. */
export interface SumPartsTask {
  readonly folders: WorkFolders;
  readonly effect: SumEffect;
  readonly queue: SumQueue;
}

export type KeepSumTask = Pick<SumPartsTask, "folders" | "queue">;

export type HeavyResult =
  | { readonly type: "summed"; readonly sumHash: Sha256 }
  | {
      readonly type: "applied";
      readonly modelHash: Sha256;
      readonly optimiserHash: Sha256 | null;
      readonly sum?: readonly number[];
    };

/** Coordinates that one thread sums and unmasks at a time: what is in memory beside the total is one such part of one upload. */
const partLength = 1 << 17;

export function sumQueue({ length }: Pick<SumEffect, "length">): SumQueue {
  return {
    next: new Int32Array(new SharedArrayBuffer(4)),
    total: new Uint32Array(new SharedArrayBuffer(4 * length)),
  };
}

/** How many threads find work in a sum. */
export function partsOf({ length }: Pick<SumEffect, "length">): number {
  return Math.ceil(length / partLength);
}

/** Streams from disk, part by part: every upload's coordinates of it are added, then its masks are taken off. */
export async function sumParts({ folders, effect, queue: { next, total } }: SumPartsTask): Promise<void> {
  const crypto = nodeCrypto();
  const nodes = new Map(effect.uploads.map(({ node, sha256 }) => [sha256, node]));
  const read = (sha256: Sha256, range: VectorRange) => {
    const node = nodes.get(sha256);
    if (node === undefined) throw fail("TRB_COORDINATOR_BLOB_UNKNOWN", { sha256 });
    return readUploadRange(folders.uploads, { round: effect.round, node, sha256 }, range);
  };
  for (let part = Atomics.add(next, 0, 1); part < partsOf(effect); part = Atomics.add(next, 0, 1)) {
    const from = part * partLength;
    const length = Math.min(partLength, effect.length - from);
    total.set(await sumUploads(effect, read, crypto, { from, length }), from);
  }
}

export async function doHeavyWork(task: HeavyTask): Promise<HeavyResult> {
  if ("plan" in task) return await apply(task.folders, task.effect, task.plan);
  const queue = sumQueue(task.effect);
  await sumParts({ ...task, queue });
  return keepSum({ folders: task.folders, queue });
}

/** Once every part is there: the whole sum as a blob. */
export function keepSum({ folders, queue: { total } }: KeepSumTask): HeavyResult {
  return { type: "summed", sumHash: openBlobs(folders.blobs).put(bytesOfWords(total.slice())) };
}

async function apply(folders: WorkFolders, effect: ApplyEffect, plan: Plan): Promise<HeavyResult> {
  await loadExtensions(folders.extensions, plan.extensions); // into this thread
  const blobs = openBlobs(folders.blobs);
  const optimiserState =
    effect.optimiserHash === null ? null : decodeOptimiserState(optimiserOf(plan), blobs.read(effect.optimiserHash));
  const similarity = () => itemSimilarity(publicItems(blobs.read(plan.catalogueHash)));
  const before = decodeFederationModel(plan, blobs.read(effect.modelHash));
  const { release, survivors, releasedBefore } = effect;
  const crypto = nodeCrypto();
  const rotation = rotationSource(crypto, planHash(crypto, plan), effect.round);
  const sum = wordsOf(blobs.read(effect.sumHash));
  const released = { plan, release, sum, survivors, releasedBefore, rotation };
  const next = nextModel({ ...released, model: before, optimiserState, similarity });
  const model = await warmStarted(plan, before, next.model, { executor: onnxruntimeExecutor(), similarity });
  return {
    type: "applied",
    modelHash: blobs.put(encodeFederationModel(plan, model)),
    optimiserHash: next.optimiserState === null ? null : blobs.put(encodeOptimiserState(next.optimiserState)),
    ...(next.sum === undefined ? {} : { sum: next.sum }),
  };
}
