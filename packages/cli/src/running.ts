/** How a long-running command ends: its work is done, somebody stops it, or the process that started it is gone. */
interface Running {
  readonly finished: Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Waits until `running` is stopped by SIGINT or SIGTERM, or, when TRIBUTARY_EXIT_WITH_STDIN=1 (set by a parent process), by the
 * end of stdin; with `untilDone` also until its work is done. Closes it either way.
 */
export async function untilStopped(running: Running, untilDone: boolean): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
    if (process.env["TRIBUTARY_EXIT_WITH_STDIN"] === "1") {
      process.stdin.on("end", resolve).on("error", resolve).resume();
    }
  });
  const finished = untilDone ? running.finished : running.finished.then(() => new Promise<never>(() => {}));
  try {
    await Promise.race([stopped, finished]);
  } finally {
    await running.close();
    process.stdin.unref?.();
    process.stdin.pause();
  }
}
