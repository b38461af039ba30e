/** For tests: an import whose chunks are kept, and put together. */
import { concatHistories } from "../concat-histories.ts";
import type { Histories } from "../histories.ts";
import { type IngestOptions, ingestLog } from "./ingest-log.ts";

export async function ingested(options: IngestOptions) {
  const chunks: Histories[] = [];
  const report = await ingestLog(options, async (chunk) => {
    chunks.push(chunk);
  });
  return { histories: concatHistories(chunks), report, chunks };
}
