/** How a long-running command ends: its work is done, somebody stops it, or the process that started it is gone. */
interface Running {
  readonly finished: Promise<unknown>;
  close(): Promise<void>;
}

/** As shells say it of a process that a signal ended. */
const endedBy = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Waits until `running` is stopped by SIGINT or SIGTERM, or, when TRIBUTARY_EXIT_WITH_STDIN=1 (set by a parent process), by the
 * end of stdin; with `untilDone` also until its work is done. Closes it either way; a second signal ends the process at once.
 * @param stop how it ends when it is stopped, if not by `close`
 */
export async function untilStopped(running: Running, untilDone: boolean, stop = () => running.close()): Promise<void> {
  let close = () => running.close();
  const stopped = new Promise<void>((resolve) => {
    const signalled = (signal: keyof typeof endedBy) => {
      if (close === stop) process.exit(endedBy[signal]);
      close = stop;
      resolve();
    };
    process.on("SIGINT", signalled);
    process.on("SIGTERM", signalled);
    if (process.env["TRIBUTARY_EXIT_WITH_STDIN"] === "1") {
      process.stdin.on("end", resolve).on("error", resolve).resume();
    }
  });
  const finished = untilDone ? running.finished : running.finished.then(() => new Promise<never>(() => {}));
  try {
    await Promise.race([stopped, finished]);
  } finally {
    await close();
    process.stdin.unref?.();
    process.stdin.pause();
  }
}
