/** A thread's side of `threads.ts`: one task, one answer. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { sha256Of } from "../storage/blobs.ts";
import { openObjects } from "../storage/objects.ts";
import { bytesOfWords } from "../storage/uploads.ts";
import { applySum, keepSum, type OpenPlaces, slicesOf, sumSlice } from "./computations.ts";
import { openTask, type SealedTask, sliceName } from "./sealed.ts";
import type { SharedSum, ThreadTask } from "./threads.ts";
import type { SumEffect, WorkPlaces, WorkTask } from "./work-queue.ts";

const { objects: address, extensions } = workerData as WorkPlaces;
let opened: Promise<OpenPlaces> | undefined;
const places = (): Promise<OpenPlaces> => (opened ??= openObjects(address).then((objects) => ({ objects, extensions })));

/** The latest sealed task: its slices come one after another. */
let latest: { readonly name: string; readonly task: WorkTask | undefined } | undefined;

async function unsealed(sealed: SealedTask): Promise<WorkTask | undefined> {
  if (latest?.name !== sealed.task) latest = { name: sealed.task, task: await openTask((await places()).objects, sealed) };
  return latest.task;
}

async function work(task: ThreadTask) {
  const { objects, extensions } = await places();
  switch (task.kind) {
    case "share":
      return await sumShare(task.effect, task.sum);
    case "keep":
      return await keepSum(objects, task.sum.total.slice());
    case "apply":
      return await applySum({ objects, extensions }, task.effect, task.plan);
    case "sealed slice":
      return await sumSealed(task.sealed, task.slice);
    case "sealed apply": {
      const asked = await unsealed(task.sealed);
      latest = undefined;
      return asked !== undefined && "plan" in asked
        ? await applySum({ objects, extensions }, asked.effect, asked.plan)
        : undefined;
    }
  }
}

/** Slices that no other thread of this process has yet, until there are none. */
async function sumShare(effect: SumEffect, { next, total }: SharedSum): Promise<undefined> {
  const { objects } = await places();
  const slices = slicesOf(effect);
  const take = () => Atomics.add(next, 0, 1);
  for (let slice = take(); slice < slices.length; slice = take()) {
    total.set(await sumSlice(objects, effect, slice), slices[slice]?.from);
  }
}

/** One slice as an object. @returns its hash; undefined when nobody waits for it any more */
async function sumSealed(sealed: SealedTask, slice: number) {
  const asked = await unsealed(sealed);
  if (asked === undefined || "plan" in asked) return undefined;
  const { objects } = await places();
  const octets = bytesOfWords(await sumSlice(objects, asked.effect, slice));
  await objects.put(sliceName(sealed.task, slice), octets);
  return sha256Of(octets);
}

/** Errors lose their class on the way between threads, so a coded one goes as its parts. */
const describe = (error: unknown) =>
  isTributaryError(error)
    ? { code: error.code, details: error.details }
    : { trace: error instanceof Error ? (error.stack ?? error.message) : String(error) };

parentPort?.on("message", ({ id, task }: { readonly id: number; readonly task: ThreadTask }) => {
  work(task).then(
    (result) => parentPort?.postMessage({ id, result }),
    (error: unknown) => parentPort?.postMessage({ id, error: describe(error) }),
  );
});
