/**
 * The store, read in a thread of its own: decrypting and putting together millions of events takes seconds, in which nobody would be answered. Columns come back without being
 * copied. Keys stay where they are: the door is opened here, and only if the store is still the one that was read.
 */
import { Worker } from "node:worker_threads";
import { type ErrorCode, errorTable, fail } from "@tributary/errors";
import { type Served, storeEdition } from "../home/histories.ts";
import type { Layout } from "../home/layout.ts";
import { openDoor } from "../home/store/opening.ts";

export interface ReadOrder {
  readonly home: string;
}

export type ReadAnswer =
  | ({ readonly type: "read" } & Omit<Served, "door">)
  | { readonly type: "failed"; readonly code: string; readonly details: Readonly<Record<string, string>> };

/** The store may change while it is read; then it is read again. */
const mostReadings = 10;

/** @throws what `readServed` does, TRB_SERVE_CLOSING when it is stopped, TRB_NODE_STORE_UNREADABLE for a thread that ended otherwise */
export async function readInThread(layout: Layout, signal: AbortSignal): Promise<Served> {
  for (let reading = 1; ; reading++) {
    const read = await once(layout, signal);
    const door = openDoor(layout);
    if (door !== undefined && storeEdition(layout) === read.edition) return { ...read, door };
    if (reading === mostReadings) throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "it changes faster than it is read" });
  }
}

function once({ home }: Layout, signal: AbortSignal): Promise<Omit<Served, "door">> {
  return new Promise((resolve, reject) => {
    const order: ReadOrder = { home };
    const worker = new Worker(new URL("./read-worker.ts", import.meta.url), { workerData: order });
    const stop = () => void worker.terminate();
    signal.addEventListener("abort", stop, { once: true });
    worker.once("message", (answer: ReadAnswer) => {
      if (answer.type === "failed") return reject(refusalOf(answer));
      const { type: _, ...read } = answer;
      resolve(read);
    });
    worker.once("error", (error) => reject(fail("TRB_NODE_STORE_UNREADABLE", { reason: error.name }, error)));
    worker.once("exit", () => {
      signal.removeEventListener("abort", stop);
      reject(signal.aborted ? fail("TRB_SERVE_CLOSING") : fail("TRB_NODE_STORE_UNREADABLE", { reason: "its thread ended" }));
    });
  });
}

function refusalOf({ code, details }: Extract<ReadAnswer, { readonly type: "failed" }>): Error {
  return isCode(code) ? fail(code, details) : fail("TRB_NODE_STORE_UNREADABLE", { reason: code });
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);
