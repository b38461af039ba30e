/**
 * A task on its way to workers: what it asks for has the round's unmasking secrets in it, so it lies in the object store encrypted (AES-256-GCM, a fresh key for
 * each task), and its key stands in the jobs alone. Neither the store nor the job table tells anything without the other; both are
 * erased when the task is done.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { fail } from "@tributary/errors";
import { nodeId, parsePlan, sha256Hex } from "@tributary/protocol";
import { z } from "zod";
import type { ObjectStore } from "../storage/objects.ts";
import type { WorkTask } from "./work-queue.ts";

/** Where a sealed task lies and what opens it. */
export interface SealedTask {
  /** `<round>.<fence>.<random>`: begins the names of all its objects. */
  readonly task: string;
  /** 32 octets, in hex. */
  readonly key: string;
}

const nonceLength = 12;
const tagLength = 16;
const sealedName = ({ task }: Pick<SealedTask, "task">) => `work/${task}.sealed`;

/** Of one slice of a task's sum. */
export const sliceName = (task: string, slice: number) => `work/${task}.${slice}`;

const mask = z.string().regex(/^[0-9a-f]{64}$/);
const round = z.int().min(1);
const sumSchema = z.strictObject({
  ...{ type: z.literal("sum"), round, length: z.int().min(0), bits: z.int().min(1).max(32).exactOptional() },
  uploads: z.array(z.strictObject({ node: nodeId, sha256: sha256Hex })),
  unmasking: z.strictObject({
    ownMasks: z.array(mask),
    pairMasks: z.array(z.strictObject({ key: mask, sign: z.union([z.literal(1), z.literal(-1)]) })),
  }),
});
const applySchema = z.strictObject({
  ...{ type: z.literal("apply"), round, release: z.int().min(0), modelHash: sha256Hex, sumHash: sha256Hex },
  ...{ optimiserHash: sha256Hex.nullable(), survivors: z.int().min(0), releasedBefore: z.int().min(0) },
});
const taskSchema = z.union([
  z.strictObject({ effect: sumSchema }),
  z.strictObject({ effect: applySchema, plan: z.unknown().transform(parsePlan) }),
]);

/** A name that no other task has. */
export const taskName = (round: number, fence: number) => `${round}.${fence}.${randomBytes(8).toString("hex")}`;

export async function sealTask(objects: Pick<ObjectStore, "put">, task: string, asked: WorkTask): Promise<SealedTask> {
  const [key, nonce] = [randomBytes(32), randomBytes(nonceLength)];
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength }).setAAD(Buffer.from(task));
  const sealed = [nonce, cipher.update(JSON.stringify(asked), "utf8"), cipher.final()];
  await objects.put(sealedName({ task }), Buffer.concat([...sealed, cipher.getAuthTag()]));
  return { task, key: key.toString("hex") };
}

/** Undefined when it was erased: nobody waits for it any more. @throws TRB_COORDINATOR_STORE_DAMAGED when this key doesn't open it, or it is no task */
export async function openTask(objects: Pick<ObjectStore, "read">, { task, key }: SealedTask): Promise<WorkTask | undefined> {
  const sealed = await objects.read(sealedName({ task }));
  if (sealed === undefined) return undefined;
  const end = sealed.length - tagLength;
  try {
    const cipher = createDecipheriv("aes-256-gcm", Buffer.from(key, "hex"), sealed.subarray(0, nonceLength), {
      authTagLength: tagLength,
    });
    cipher.setAAD(Buffer.from(task)).setAuthTag(sealed.subarray(end));
    const text = Buffer.concat([cipher.update(sealed.subarray(nonceLength, end)), cipher.final()]).toString("utf8");
    return taskSchema.parse(JSON.parse(text));
  } catch (_) {
    throw fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: "a task for workers can't be opened" }); // without the cause, which may quote it
  }
}

/** All objects of this task. */
export async function eraseTask(objects: Pick<ObjectStore, "list" | "erase">, task: string): Promise<void> {
  for (const name of await objects.list(`work/${task}.`)) await objects.erase(name);
}

/** Objects of tasks that nobody waits for. */
export async function eraseTasks(
  objects: Pick<ObjectStore, "list" | "erase">,
  unwanted: (task: string, fence: number) => boolean,
): Promise<void> {
  for (const name of await objects.list("work/")) {
    const [round, fence, random] = name.slice("work/".length).split(".");
    if (unwanted(`${round}.${fence}.${random}`, Number(fence))) await objects.erase(name);
  }
}
