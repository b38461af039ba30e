/** A share of a private sum in a thread of its own: words come in as messages, answers go out in the same order. */
import { parentPort, workerData } from "node:worker_threads";
import { fail, isTributaryError } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { createPartialTrainer } from "../training/partial-sum.ts";
import type { Answer } from "./thread.ts";
import type { ShareResult, ShareSetup, ShareWord } from "./words.ts";

const port = parentPort;
const { spec, options }: ShareSetup = workerData;
const trainer = createPartialTrainer(spec, onnxruntimeExecutor(), options);
trainer.catch(() => {}); // whoever asks whether it is ready hears of it
let histories: Histories | undefined;

let turn: Promise<void> = Promise.resolve();
port?.on("message", (word: ShareWord) => {
  turn = turn.then(async () => {
    const answer: Answer<ShareResult> = await obey(word).then((result) => ({ result }), refusal);
    const sum = "result" in answer ? answer.result : undefined;
    port.postMessage(answer, sum ? [sum.total.buffer as ArrayBuffer] : []);
    if (word.type === "close") port.close();
  });
});

async function obey(word: ShareWord): Promise<ShareResult> {
  const { sum, close } = await trainer;
  if (word.type === "close") {
    await close();
  } else if (word.type === "histories") {
    histories = word.histories;
  } else if (word.type === "sum") {
    if (histories === undefined) throw fail("TRB_TRAINING_THREAD_FAILED", { reason: "it was given no histories" });
    try {
      return await sum({ ...word.request, histories, deadline: () => Atomics.load(word.late, 0) !== 0 });
    } finally {
      word.request.sampled.fill(0);
    }
  }
  return undefined;
}

/** What went wrong, in words that name no data: a foreign error's own text might. */
function refusal(error: unknown): Answer<ShareResult> {
  if (isTributaryError(error)) return { code: error.code, details: error.details };
  return { code: "TRB_TRAINING_THREAD_FAILED", details: { reason: error instanceof Error ? error.name : "unknown" } };
}
