/** The tree of commands as plain data: what the reference page, shell completion and the test of every `--help` walk through. */
import { EventEmitter } from "node:events";
import type { Command } from "commander";
import { pathOf } from "./usage.ts";

export interface ArgumentOutline {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly choices: readonly string[];
}

export interface OptionOutline {
  /** As it is written in the help: `--epsilon <ε>`. */
  readonly flags: string;
  readonly long: string;
  readonly description: string;
  /** Without one it is a switch. */
  readonly value: "required" | "optional" | "none";
  readonly mandatory: boolean;
  readonly choices: readonly string[];
  readonly initial?: unknown;
  /** The variable that sets it. */
  readonly environment: string;
}

export interface CommandOutline {
  /** `node join`, without the program's own name; empty for the root. */
  readonly path: string;
  readonly description: string;
  /** `tributary node join [options] <invite>`. */
  readonly usage: string;
  readonly arguments: readonly ArgumentOutline[];
  readonly options: readonly OptionOutline[];
  /** What stands below the options in the help: examples, and what else is said. */
  readonly examples: string;
  /** It does something by itself; without it, it is a noun that waits for a verb. */
  readonly runs: boolean;
  readonly verbs: readonly string[];
}

/** Every command of the tree, nouns before their verbs, in the order of the help. */
export function outlineOf(command: Command): readonly CommandOutline[] {
  return [outlineOfOne(command), ...command.commands.flatMap((child) => outlineOf(child))];
}

function outlineOfOne(command: Command): CommandOutline {
  const path = pathOf(command);
  return {
    path,
    description: command.description(),
    usage: `tributary ${path} ${command.usage()}`.replaceAll(/ +/g, " ").trim(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      description: argument.description,
      required: argument.required,
      variadic: argument.variadic,
      choices: argument.argChoices ?? [],
    })),
    options: command.options.map((option) => ({
      flags: option.flags,
      long: option.long ?? option.flags,
      description: option.description,
      value: option.required ? "required" : option.optional ? "optional" : "none",
      mandatory: option.mandatory,
      choices: option.argChoices ?? [],
      ...(option.defaultValue === undefined ? {} : { initial: option.defaultValue as unknown }),
      environment: environmentOf(option.long ?? option.flags),
    })),
    examples: belowHelp(command),
    runs: runs(command),
    verbs: command.commands.map((child) => child.name()),
  };
}

/** `--training-threads` → `TRIBUTARY_TRAINING_THREADS`. */
const environmentOf = (long: string): string => `TRIBUTARY_${long.replace(/^--/, "").replaceAll("-", "_").toUpperCase()}`;

/** What `addHelpText("after", …)` was given: commander keeps it as listeners of its help. */
function belowHelp(command: Command): string {
  let text = "";
  const write = (part: string) => {
    text += part;
  };
  const helped: unknown = command; // its declarations leave out what it inherits
  if (helped instanceof EventEmitter) helped.emit("afterHelp", { error: false, command, write });
  return text.trim();
}

const runs = (command: Command): boolean =>
  command.commands.length === 0 || ("_actionHandler" in command && command["_actionHandler"] !== null);
