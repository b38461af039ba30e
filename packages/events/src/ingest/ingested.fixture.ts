/** For tests: an import whose chunks are kept, and put together. */

import type { Histories } from "../histories.ts";
import { mergeHistories } from "../merge-histories.ts";
import { type IngestOptions, ingestLog } from "./ingest-log.ts";

export async function ingested(options: IngestOptions) {
  const chunks: Histories[] = [];
  const report = await ingestLog(options, async (chunk) => {
    chunks.push(chunk);
  });
  return { histories: mergeHistories(chunks), report, chunks };
}
