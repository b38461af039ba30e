/**
 * Ctrl-C. Commands that have something to close listen for it themselves (`running.ts`, the demo); of all others the person who pressed it is told here what is
 * left of the work, and the command ends with 130, as shells say it of a process that SIGINT ended.
 */
import { fail, type TributaryError } from "@tributary/errors";

/** Of commands that leave something, or leave it otherwise than all others. Files are written whole or not at all (`files.ts`). */
const kept: Readonly<Record<string, string>> = {
  init: "nothing was written",
  simulate: "nothing can be gone on with: its run is listed as killed",
  "simulate scale": "its rounds up to the last checkpoint are kept, and the same command goes on after them",
  "simulate tune": "trials stand in the file of --state, if one was named, and the same command goes on after them",
  "node import": "what was imported before is as it was, and the same command takes up what it had read",
  "node join": "nobody has joined unless it said so, and the same command with the same invite does it",
  "node rotate-key": "the old key or the new one holds, and the same command brings it to its end",
  "coordinator backup": "there is no half of a backup in its place",
  "coordinator restore": "what is there of the new home is no federation yet: remove it before the same command",
};
const otherwise = "nothing is half-written";

/** Their work leaves a process no moment to hear of a signal in, so the system ends them, at once. */
const deaf: ReadonlySet<string> = new Set(["bench dp", "bench sampler", "bench disjoint"]);

/**
 * Ends the process when it is interrupted and nobody else looks after that: by the signal itself, once everything is said. Shells call that 130, and nothing is torn
 * down under native code that still computes, which would end in an abort.
 * @param path of the command, as `node import`
 * @param tell prints an error, and is done when it has left the process
 */
export function announceInterruption(path: string, tell: (error: TributaryError) => Promise<void>): void {
  if (deaf.has(path)) return;
  let told = false;
  process.on("SIGINT", () => {
    if (told || process.listenerCount("SIGINT") > 1) return; // the command's own
    told = true;
    const stopped = fail("TRB_CLI_STOPPED", { command: `tributary ${path}`, kept: kept[path] ?? otherwise });
    void tell(stopped).finally(() => endBySignal(stopped.exitCode));
  });
}

function endBySignal(exitCode: number): void {
  if (process.platform === "win32") process.exit(exitCode);
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
}
