#!/usr/bin/env node
/** The `tributary` command: reads the arguments, runs one command, and turns what it throws into one coded error. */
import { CommanderError } from "commander";
import { applyConfiguration } from "./configuration.ts";
import { printError } from "./output.ts";
import { program } from "./program.ts";

const tree = program();
tree.hook("preAction", (_root, command) => applyConfiguration(command));

try {
  await tree.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = printError(process.argv.includes("--json"), error);
}
