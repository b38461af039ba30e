/** The entry of `keepCompacted`. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { layoutOf } from "../layout.ts";
import { compactStore } from "./compaction.ts";
import type { CompactionFailed } from "./keep-compacted.ts";

const { home }: { readonly home: string } = workerData;
try {
  await compactStore(layoutOf(home));
} catch (error) {
  const failed: CompactionFailed = isTributaryError(error)
    ? { code: error.code, reason: error.message }
    : { code: "TRB_INTERNAL", reason: error instanceof Error ? error.name : "unknown" };
  parentPort?.postMessage(failed);
}
