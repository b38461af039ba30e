/** What takes seconds or minutes of reckoning over all histories, in a thread of its own: the page goes on answering. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, errorTable, fail } from "@tributary/errors";
import type { PageQuality } from "@tributary/protocol";

export interface ReportOrder {
  /** `value` writes what it found into the home (`value/kept-value.ts`). */
  readonly what: "quality" | "value";
  readonly home: string;
}

export type ReportAnswer =
  | { readonly type: "quality"; readonly quality: PageQuality }
  | { readonly type: "value" }
  | { readonly type: "failed"; readonly code: string; readonly details: Readonly<Record<string, string>> };

/** @throws the coded error of the thread, TRB_UNEXPECTED for one without a code, TRB_SERVE_CLOSING when it is stopped */
export function reportInThread(
  order: ReportOrder,
  signal: AbortSignal,
): Promise<Exclude<ReportAnswer, { readonly type: "failed" }>> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./report-worker.ts", import.meta.url), { workerData: order });
    const stop = () => void worker.terminate();
    signal.addEventListener("abort", stop, { once: true });
    worker.once("message", (answer: ReportAnswer) => {
      if (answer.type !== "failed") resolve(answer);
      else if (isCode(answer.code)) reject(fail(answer.code, answer.details));
      else reject(fail("TRB_UNEXPECTED", { reason: answer.code }));
    });
    worker.once("error", (error) => reject(fail("TRB_UNEXPECTED", { reason: error.name }, error)));
    worker.once("exit", () => {
      signal.removeEventListener("abort", stop);
      reject(signal.aborted ? fail("TRB_SERVE_CLOSING") : fail("TRB_UNEXPECTED", { reason: "its thread ended" }));
    });
  });
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);
