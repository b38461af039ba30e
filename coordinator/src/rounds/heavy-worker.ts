/** The thread's side of `heavy.ts`: one task, one answer. */
import { parentPort } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { doHeavyWork, type HeavyTask } from "./heavy-work.ts";

/** Errors lose their class on the way between threads, so a coded one goes as its parts. */
const describe = (error: unknown) =>
  isTributaryError(error)
    ? { code: error.code, details: error.details }
    : { trace: error instanceof Error ? (error.stack ?? error.message) : String(error) };

parentPort?.on("message", ({ id, task }: { readonly id: number; readonly task: HeavyTask }) => {
  doHeavyWork(task).then(
    (result) => parentPort?.postMessage({ id, result }),
    (error: unknown) => parentPort?.postMessage({ id, error: describe(error) }),
  );
});
