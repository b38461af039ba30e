/** The entry of `readInThread`. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { readServed } from "../home/histories.ts";
import { layoutOf } from "../home/layout.ts";
import type { ReadAnswer, ReadOrder } from "./read-thread.ts";

const { home }: ReadOrder = workerData;

try {
  const { edition, histories, passed, erased } = readServed(layoutOf(home));
  const columns = histories === undefined ? [] : [...new Set(Object.values(histories).flatMap(bufferOf))];
  const answer: ReadAnswer = { type: "read", edition, histories, passed, erased };
  parentPort?.postMessage(answer, columns); // moved, not copied
} catch (error) {
  const code = isTributaryError(error) ? error.code : error instanceof Error ? error.name : "unknown";
  const details = isTributaryError(error)
    ? Object.fromEntries(Object.entries(error.details).map(([name, value]) => [name, String(value)]))
    : {}; // a foreign error's own text might hold data
  parentPort?.postMessage({ type: "failed", code, details } satisfies ReadAnswer);
}

/** A column's memory, where it is wholly its own. */
function bufferOf(column: unknown): ArrayBuffer[] {
  if (!ArrayBuffer.isView(column) || !(column.buffer instanceof ArrayBuffer)) return [];
  return [column.buffer];
}
