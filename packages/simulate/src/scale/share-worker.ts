/** A share in a thread of its own: words come in as messages, answers go out in the same order. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import type { Answer } from "@tributary/model/workers";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { openShare, type ShareResult, type ShareSetup, type ShareWord } from "./share.ts";

const port = parentPort;
const share = openShare(workerData as ShareSetup, nodeCrypto(), onnxruntimeExecutor());
share.catch(() => {}); // whoever asks whether it is ready hears of it

let turn: Promise<void> = Promise.resolve();
port?.on("message", (word: ShareWord) => {
  turn = turn.then(async () => {
    const answer: Answer<ShareResult> = await share.then(({ obey }) => obey(word)).then((result) => ({ result }), refusal);
    port.postMessage(answer);
    if (word.type === "close") port.close();
  });
});

function refusal(error: unknown): Answer<ShareResult> {
  if (isTributaryError(error)) return { code: error.code, details: error.details };
  return { code: "TRB_TRAINING_THREAD_FAILED", details: { reason: error instanceof Error ? error.message : "unknown" } };
}
