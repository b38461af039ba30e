#!/usr/bin/env node
/** The `tributary` command: reads the arguments, runs one command, and turns what it throws into one coded error. */
import { setFlagsFromString } from "node:v8";
import { CommanderError } from "commander";
import { applyConfiguration } from "./configuration.ts";
import { flushed, printError } from "./output.ts";
import { program } from "./program.ts";
import { invokedCommand, usageError } from "./usage.ts";

// A training step leaves megabytes of arrays behind a heap of ten: without room to start with, every other step would mark the whole heap (a
// quarter of the time of short steps; docs/performance.md). It counts for threads that start from here on, and nodes train in one.
setFlagsFromString("--initial-old-space-size=128");

const tree = program();
const words = process.argv.slice(2);
const invoked = invokedCommand(tree, words);
let json = words.includes("--json");

// Whoever reads our output may stop reading (`… | head -1`): that is no failure of the command.
process.stdout.on("error", () => process.exit());
process.on("uncaughtException", (error) => void end(error));

try {
  const askedForHelp = words.some((word) => ["--help", "-h", "--version", "-V", "help"].includes(word));
  if (!askedForHelp) applyConfiguration(invoked);
  json ||= invoked.getOptionValue("json") === true;
  await tree.parseAsync(process.argv);
} catch (error) {
  if (!(error instanceof CommanderError)) await end(error);
  else if (error.exitCode !== 0) await end(usageError(error, invoked));
}

/** At once, whatever still works in the background: the command has failed. */
async function end(error: unknown): Promise<never> {
  const exitCode = printError(json, error);
  await flushed();
  return process.exit(exitCode);
}
