/** The thread's side of `heavy.ts`: one task, one answer. */
import { parentPort } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { doHeavyWork, type HeavyTask, type KeepSumTask, keepSum, type SumPartsTask, sumParts } from "./heavy-work.ts";

type Task = HeavyTask | SumPartsTask | KeepSumTask;

async function work(task: Task) {
  if (!("queue" in task)) return await doHeavyWork(task);
  return "effect" in task ? await sumParts(task) : keepSum(task);
}

/** Errors lose their class on the way between threads, so a coded one goes as its parts. */
const describe = (error: unknown) =>
  isTributaryError(error)
    ? { code: error.code, details: error.details }
    : { trace: error instanceof Error ? (error.stack ?? error.message) : String(error) };

parentPort?.on("message", ({ id, task }: { readonly id: number; readonly task: Task }) => {
  work(task).then(
    (result) => parentPort?.postMessage({ id, result }),
    (error: unknown) => parentPort?.postMessage({ id, error: describe(error) }),
  );
});
