/** `prepareServing` in a thread of its own, so that counting and tuning never hold up an answer. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, errorTable, fail } from "@tributary/errors";
import type { ServePolicy } from "@tributary/model";
import type { Prepared } from "./prepare.ts";
import type { LatestRelease } from "./releases.ts";

/** What a thread is started with; it reads the rest from the home. */
export interface PrepareOrder {
  readonly home: string;
  readonly serve: ServePolicy & { readonly minSupport: number };
  readonly churnDays: number;
  readonly release: LatestRelease | undefined;
  /** A folder that goes before what the ledger names. */
  readonly artefact: string | undefined;
}

export type PrepareAnswer =
  | { readonly type: "prepared"; readonly prepared: Prepared }
  | { readonly type: "failed"; readonly code: string; readonly details: Readonly<Record<string, string>> };

/** @throws the coded error of the thread, TRB_SERVE_MODEL_UNUSABLE for one without a code, TRB_SERVE_CLOSING when it is stopped */
export function prepareInThread(order: PrepareOrder, signal: AbortSignal): Promise<Prepared> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./prepare-worker.ts", import.meta.url), { workerData: order });
    const stop = () => void worker.terminate();
    signal.addEventListener("abort", stop, { once: true });
    worker.once("message", (answer: PrepareAnswer) => {
      if (answer.type === "prepared") resolve(answer.prepared);
      else if (isCode(answer.code)) reject(fail(answer.code, answer.details));
      else reject(fail("TRB_SERVE_MODEL_UNUSABLE", { reason: answer.code }));
    });
    worker.once("error", (error) => reject(fail("TRB_SERVE_MODEL_UNUSABLE", { reason: error.name }, error)));
    worker.once("exit", () => {
      signal.removeEventListener("abort", stop);
      reject(signal.aborted ? fail("TRB_SERVE_CLOSING") : fail("TRB_SERVE_MODEL_UNUSABLE", { reason: "its thread ended" }));
    });
  });
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);
