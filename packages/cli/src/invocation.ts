/** One command, from its words to its exit code: reads them, gives the command its configuration, runs it, and turns what it throws into one coded error. */
import { existsSync } from "node:fs";
import type { TributaryError } from "@tributary/errors";
import { type Command, CommanderError } from "commander";
import { applyConfiguration, configurationFile } from "./configuration.ts";
import { withoutSwitches } from "./global-switches.ts";
import { nounByItself } from "./nouns.ts";
import { codedError, printError } from "./output.ts";
import { rootOf } from "./root.ts";
import { invokedCommand, pathOf, usageError } from "./usage.ts";

export interface Invocation {
  /** As `node import`. */
  readonly path: string;
  /** Whether what is printed is to be one JSON document; known for sure once the configuration has been read. */
  json(): boolean;
  /** To its end. @returns the error that it printed; undefined where it went well, or has set `process.exitCode` itself */
  run(): Promise<TributaryError | undefined>;
}

/** @param given the words behind `tributary` */
export async function invocationOf(given: readonly string[]): Promise<Invocation> {
  const words = withoutSwitches(given);
  const tree = await treeFor(words);
  const invoked = invokedCommand(tree, words);
  let json = words.includes("--json");
  const askedForHelp = words.some((word) => ["--help", "-h", "--version", "-V", "help"].includes(word));
  return {
    path: pathOf(invoked),
    json: () => json,
    async run() {
      try {
        if (!askedForHelp) applyConfiguration(invoked);
        json ||= invoked.getOptionValue("json") === true;
        await tree.parseAsync(words, { from: "user" });
        return undefined;
      } catch (error) {
        if (error instanceof CommanderError && error.exitCode === 0) return undefined; // help was asked for
        const refused = error instanceof CommanderError ? usageError(error, invoked) : codedError(error);
        printError(json, refused);
        return refused;
      }
    },
  };
}

async function treeFor(words: readonly string[]): Promise<Command> {
  // a configuration is held to the names of all commands
  const noun = existsSync(configurationFile) ? undefined : await nounByItself(words[0] ?? "");
  return noun === undefined ? (await import("./program.ts")).program() : rootOf([noun]);
}
