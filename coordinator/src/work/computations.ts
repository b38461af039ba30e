/** What a round's long computations do, from objects to objects. A sum is added up in slices of the vector, in memory for one vector. */
import { fail } from "@tributary/errors";
import {
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
import type { ObjectStore } from "../storage/objects.ts";
import { bytesOfWords, checkUpload, readUpload, wordsOf } from "../storage/uploads.ts";
import type { ApplyEffect, SumEffect, WorkResult, WorkTask } from "./work-queue.ts";

/** `WorkPlaces`, opened. */
export interface OpenPlaces {
  readonly objects: ObjectStore;
  readonly extensions: string;
}

/** Coordinates that are summed and unmasked at a time, at most: what is in memory beside the total is a few such slices of uploads. */
const longest = 1 << 17;
/** Shorter ones would be more reading about than adding. */
const shortest = 1 << 14;
/** So many slices find several workers enough to do; of long vectors there are more. */
const fewest = 12;

/** In slices of which length a vector is summed: a power of two, so that packed coordinates begin with a word. */
export function sliceLength({ length }: Pick<SumEffect, "length">): number {
  const wanted = 2 ** Math.floor(Math.log2(Math.max(1, length / fewest)));
  return Math.min(longest, Math.max(shortest, wanted));
}

/** The slices of a vector, in order. */
export function slicesOf(effect: Pick<SumEffect, "length">): readonly VectorRange[] {
  const length = sliceLength(effect);
  return Array.from({ length: Math.ceil(effect.length / length) }, (_, slice) => {
    const from = slice * length;
    return { from, length: Math.min(length, effect.length - from) };
  });
}

/** Uploads that are read ahead of the one that is added. */
const ahead = 8;

/**
 * One slice of the sum. Whoever works it out also holds its part of the uploads to their hashes, from their beginnings to their ends, so that once all slices are
 * there each upload was checked once, whoever took what. [length of the slice]
 * @throws TRB_COORDINATOR_UPLOAD_LOST when an upload is gone, or isn't what its node sent
 */
export async function sumSlice(
  objects: Pick<ObjectStore, "read" | "stream">,
  effect: SumEffect,
  slice: number,
): Promise<Uint32Array> {
  const slices = slicesOf(effect);
  const range = slices[slice];
  if (range === undefined) throw fail("TRB_UNEXPECTED", { reason: `a sum has no slice ${slice}` });
  for (let place = slice; place < effect.uploads.length; place += slices.length) {
    const upload = effect.uploads[place];
    if (upload !== undefined) await checkUpload(objects, { round: effect.round, ...upload });
  }
  return await addUploads(objects, effect, range);
}

/** The uploads' coordinates, added up and without their masks. [range.length] */
async function addUploads(objects: Pick<ObjectStore, "read">, effect: SumEffect, range: VectorRange): Promise<Uint32Array> {
  const { round, uploads } = effect;
  /** Of the uploads from the next one on, as they are asked for: in their order, and two nodes may have sent the same octets. */
  const reading: { readonly sha256: Sha256; readonly words: Promise<Uint32Array> }[] = [];
  let begun = 0;
  const read = async (sha256: Sha256, words: VectorRange): Promise<Uint32Array> => {
    for (let upload = uploads[begun]; upload !== undefined && reading.length < ahead; upload = uploads[++begun]) {
      const one = readUpload(objects, { round, ...upload }, words);
      one.catch(() => {}); // it is awaited in its turn, unless another failed before
      reading.push({ sha256: upload.sha256, words: one });
    }
    const next = reading.shift();
    if (next?.sha256 !== sha256) throw fail("TRB_UNEXPECTED", { reason: "uploads are added out of their order" });
    return await next.words;
  };
  return await sumUploads(effect, read, nodeCrypto(), range);
}

/** The whole sum as a blob. */
export async function keepSum(objects: ObjectStore, total: Uint32Array): Promise<WorkResult> {
  return { type: "summed", sumHash: await openBlobs(objects).put(bytesOfWords(total)) };
}

/** One task from beginning to end, in this thread. */
export async function doWork(places: OpenPlaces, task: WorkTask): Promise<WorkResult> {
  if ("plan" in task) return await applySum(places, task.effect, task.plan);
  const total = new Uint32Array(task.effect.length);
  for (const [slice, { from }] of slicesOf(task.effect).entries()) {
    total.set(await sumSlice(places.objects, task.effect, slice), from);
  }
  return await keepSum(places.objects, total);
}

/** A sum to the next model. */
export async function applySum({ objects, extensions }: OpenPlaces, effect: ApplyEffect, plan: Plan): Promise<WorkResult> {
  await loadExtensions(extensions, plan.extensions); // into this thread
  const blobs = openBlobs(objects);
  const { optimiserHash, release, survivors, releasedBefore } = effect;
  const optimiserState =
    optimiserHash === null ? null : decodeOptimiserState(optimiserOf(plan), await blobs.read(optimiserHash));
  const catalogue = await blobs.read(plan.catalogueHash);
  const similarity = () => itemSimilarity(publicItems(catalogue));
  const before = decodeFederationModel(plan, await blobs.read(effect.modelHash));
  const crypto = nodeCrypto();
  const rotation = rotationSource(crypto, planHash(crypto, plan), effect.round);
  const sum = wordsOf(await blobs.read(effect.sumHash));
  const released = { plan, release, sum, survivors, releasedBefore, rotation };
  const next = nextModel({ ...released, model: before, optimiserState, similarity });
  const model = await warmStarted(plan, before, next.model, { executor: onnxruntimeExecutor(), similarity });
  return {
    type: "applied",
    modelHash: await blobs.put(encodeFederationModel(plan, model)),
    optimiserHash: next.optimiserState === null ? null : await blobs.put(encodeOptimiserState(next.optimiserState)),
    ...(next.sum === undefined ? {} : { sum: next.sum }),
  };
}
