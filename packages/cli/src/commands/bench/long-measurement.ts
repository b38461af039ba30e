/** What long benchmarks share: an end when they are told to, a progress bar that is cleared, and measuring in a process of its own. */
import { spawn } from "node:child_process";
import { fail } from "@tributary/errors";
import { type ProgressBar, progressBar } from "../../progress.ts";

/**
 * Tells the work when the process is told to end; it is the work that ends then (`raced`), after it has closed what it opened: native code
 * must not be torn down while it runs.
 * @throws what the work refuses
 */
export async function interruptible<Result>(
  work: (progress: ProgressBar, interruption: Promise<never>) => Promise<Result>,
): Promise<Result> {
  const interruption = Promise.withResolvers<never>();
  interruption.promise.catch(() => {}); // raced with the work
  const stop = () => interruption.reject(fail("TRB_CLI_INTERRUPTED", { what: "The benchmark" }));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const progress = progressBar();
  try {
    return await work(progress, interruption.promise);
  } finally {
    progress.end();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/** What the work comes to, unless it is interrupted before. @throws TRB_CLI_INTERRUPTED, and what the work refuses */
export function raced<Result>(working: Promise<Result>, interruption: Promise<never>): Promise<Result> {
  working.catch(() => {}); // after an interruption nobody asks how it ended
  return Promise.race([working, interruption]);
}

/** This program in a process of its own, whose memory is nobody else's: what it prints as JSON. @throws TRB_UNEXPECTED */
export function measuredAlone<Measured>(words: readonly string[]): Promise<Measured> {
  const [program = ""] = process.argv.slice(1);
  const child = spawn(process.execPath, [...process.execArgv, program, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(text));
      else reject(fail("TRB_UNEXPECTED", { reason: `a measuring process ended with ${code}` }));
    });
  });
}
