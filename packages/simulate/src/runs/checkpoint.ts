/** A run between two attempts, in one file: a line of JSON, then the model's file, then the optimiser's. */
import { fail } from "@tributary/errors";
import { decodeFederationModel, encodeFederationModel, optimiserOf } from "@tributary/federation";
import { decodeOptimiserState, encodeOptimiserState } from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import type { AttemptRecord, ScaleCheckpoint } from "../scale/simulate-scale.ts";

export interface SavedRun {
  readonly checkpoint: ScaleCheckpoint;
  readonly records: readonly AttemptRecord[];
}

interface Head extends Omit<ScaleCheckpoint, "model" | "optimiserState"> {
  readonly records: readonly AttemptRecord[];
  readonly modelBytes: number;
  readonly optimiserBytes: number;
}

export function encodeCheckpoint(plan: Plan, { checkpoint, records }: SavedRun): Uint8Array {
  const { model, optimiserState, ...rest } = checkpoint;
  const modelFile = encodeFederationModel(plan, model);
  const optimiserFile = optimiserState === null ? new Uint8Array() : encodeOptimiserState(optimiserState);
  const head: Head = { ...rest, records, modelBytes: modelFile.length, optimiserBytes: optimiserFile.length };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), modelFile, optimiserFile]);
}

/** @throws TRB_SIMULATE_RUN_UNREADABLE, and what a model's file is refused for */
export function decodeCheckpoint(plan: Plan, bytes: Uint8Array, path: string): SavedRun {
  const end = bytes.indexOf(10);
  let head: Head;
  try {
    head = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString("utf8")) as Head; // written whole, by this file
  } catch (cause) {
    throw fail("TRB_SIMULATE_RUN_UNREADABLE", { path, reason: "its first line is not JSON" }, cause);
  }
  const { records, modelBytes, optimiserBytes, ...rest } = head;
  const models = end + 1 + modelBytes;
  if (bytes.length !== models + optimiserBytes) throw fail("TRB_SIMULATE_RUN_UNREADABLE", { path, reason: "it was cut off" });
  const optimiserState = optimiserBytes === 0 ? null : decodeOptimiserState(optimiserOf(plan), bytes.slice(models));
  const model = decodeFederationModel(plan, bytes.slice(end + 1, models));
  return { records, checkpoint: { ...rest, model, optimiserState } };
}
