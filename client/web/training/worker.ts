/** The training worker of a browser. What is given up ends with the worker itself. */
import { inWords, type TrainingLoop } from "../../src/training/loop.ts";
import type { TrainingAnswer } from "../../src/training/words.ts";
import { browserLoop } from "./browser-loop.ts";
import type { WorkerOrder } from "./words.ts";

let loop: TrainingLoop | undefined;
let turn: Promise<void> = Promise.resolve();
addEventListener("message", ({ data }: MessageEvent<WorkerOrder>) => {
  if (data.type === "begin") {
    loop = browserLoop(data);
    return;
  }
  turn = turn.then(async () => {
    if (loop === undefined || data.type === "end") return;
    const round = data.type === "train" ? data.round : 0;
    const work = data.type === "train" ? loop.train(data) : loop.prepare();
    const answer = await work.catch((error: unknown): TrainingAnswer => ({ type: "failed", round, ...inWords(error) }));
    postMessage(answer, { transfer: answer.type === "trained" ? [answer.vector.buffer] : [] });
  });
});
