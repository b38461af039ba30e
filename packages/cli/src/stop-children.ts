/** Processes that a command has started end with it. */
import type { ChildProcess } from "node:child_process";

/** Milliseconds in which a process that was told to end may do so. */
const patience = 5_000;

/**
 * Tells all of them to end, kills whoever is still there after five seconds, and resolves when none is left.
 * @param alive whoever ends is taken out by its owner
 */
export async function stopChildren(alive: ReadonlySet<ChildProcess>): Promise<void> {
  const gone = [...alive].map((child) => new Promise<void>((resolve) => child.once("close", () => resolve())));
  for (const child of alive) child.kill("SIGTERM");
  const late = setTimeout(() => {
    for (const child of alive) child.kill("SIGKILL");
  }, patience);
  await Promise.all(gone);
  clearTimeout(late);
}
