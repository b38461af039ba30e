/** The command line, once: reads the arguments, runs one command, and turns what it throws into one coded error. */
import { existsSync } from "node:fs";
import { CommanderError } from "commander";
import { applyConfiguration, configurationFile } from "./configuration.ts";
import { withoutSwitches } from "./global-switches.ts";
import { announceInterruption } from "./interruption.ts";
import { nounByItself } from "./nouns.ts";
import { flushed, printError } from "./output.ts";
import { clearProgress, stillWorking } from "./progress.ts";
import { rootOf } from "./root.ts";
import { invokedCommand, pathOf, usageError } from "./usage.ts";

const words = withoutSwitches(process.argv.slice(2));
// a configuration is held to the names of all commands
const noun = existsSync(configurationFile) ? undefined : await nounByItself(words[0] ?? "");
const tree = noun === undefined ? (await import("./program.ts")).program() : rootOf([noun]);
const invoked = invokedCommand(tree, words);
const path = pathOf(invoked);
let json = words.includes("--json");

// Whoever reads our output may stop reading (`… | head -1`): that is no failure of the command.
process.stdout.on("error", () => process.exit());
process.on("uncaughtException", (error) => void end(error));

/** These say by themselves what they are at. */
const talkative = new Set(["init", "coordinator start", "node start", "node serve", "node page", "worker"]);

try {
  const askedForHelp = words.some((word) => ["--help", "-h", "--version", "-V", "help"].includes(word));
  if (!askedForHelp) applyConfiguration(invoked);
  json ||= invoked.getOptionValue("json") === true;
  announceInterruption(path, async (error) => {
    printError(json, error);
    await flushed();
  });
  if (!talkative.has(path)) stillWorking(`tributary ${path}`);
  await tree.parseAsync(words, { from: "user" });
} catch (error) {
  if (!(error instanceof CommanderError)) await end(error);
  else if (error.exitCode !== 0) await end(usageError(error, invoked));
} finally {
  clearProgress();
}

/** At once, whatever still works in the background: the command has failed. */
async function end(error: unknown): Promise<never> {
  const exitCode = printError(json, error);
  await flushed();
  return process.exit(exitCode);
}
