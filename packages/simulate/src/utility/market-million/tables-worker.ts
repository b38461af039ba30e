/** `releasedTables` in a thread of its own: each word is answered by the tables that were asked for. */
import { parentPort } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import type { Answer } from "@tributary/model/workers";
import { type ReleasedTables, releasedTables, type TablesRequest } from "./released-tables.ts";

export type TablesWord = { readonly type: "release"; readonly request: TablesRequest } | { readonly type: "close" };

const port = parentPort;
port?.on("message", (word: TablesWord) => {
  port.postMessage(answerOf(word));
  if (word.type === "close") port.close();
});

function answerOf(word: TablesWord): Answer<ReleasedTables | undefined> {
  if (word.type === "close") return { result: undefined };
  try {
    return { result: releasedTables(word.request) };
  } catch (error) {
    if (isTributaryError(error)) return { code: error.code, details: error.details };
    return { code: "TRB_TRAINING_THREAD_FAILED", details: { reason: error instanceof Error ? error.message : "unknown" } };
  }
}
