/** The command line, once: what surrounds the one command of this process, and how the process ends. */
import { announceInterruption } from "./interruption.ts";
import { invocationOf } from "./invocation.ts";
import { flushed, printError } from "./output.ts";
import { clearProgress, stillWorking } from "./progress.ts";

const invocation = await invocationOf(process.argv.slice(2));

// Whoever reads our output may stop reading (`… | head -1`): that is no failure of the command.
process.stdout.on("error", () => process.exit());
process.on("uncaughtException", (error) => void end(printError(invocation.json(), error)));

/** These say by themselves what they are at. */
const talkative = new Set(["init", "coordinator start", "node start", "node serve", "node page", "worker"]);

announceInterruption(invocation.path, async (error) => {
  printError(invocation.json(), error);
  await flushed();
});
if (!talkative.has(invocation.path)) stillWorking(`tributary ${invocation.path}`);
try {
  const refused = await invocation.run();
  if (refused !== undefined) await end(refused.exitCode);
} finally {
  clearProgress();
}

/** At once, whatever still works in the background: the command has failed. */
async function end(exitCode: number): Promise<never> {
  await flushed();
  return process.exit(exitCode);
}
