/** Wrong usage in the words of the error table: what commander refuses becomes a coded error with a suggestion. */
import { fail, type TributaryError } from "@tributary/errors";
import { nearestName } from "@tributary/protocol";
import type { Command, CommanderError } from "commander";

/** The command that these words name, as far as they name one: `node start` of `node start --home shop`. */
export function invokedCommand(root: Command, words: readonly string[]): Command {
  let command = root;
  for (const word of words) {
    const child = command.commands.find((one) => one.name() === word);
    if (child === undefined) break;
    command = child;
  }
  return command;
}

/** "node start" for `tributary node start`. */
export function pathOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  return names.join(" ");
}

/** `error: unknown option '--marchants'\n(Did you mean --merchants?)` → TRB_CLI_USAGE */
export function usageError(error: CommanderError, command: Command): TributaryError {
  const called = `tributary ${pathOf(command)}`.trim();
  if (error.code === "commander.help") {
    const verbs = command.commands.map((child) => child.name()).join(", ");
    return fail(
      "TRB_CLI_USAGE",
      { reason: `it ends after \`${called}\``, command: called, suggestion: `Add one of: ${verbs}. ` },
      error,
    );
  }
  const [first = "", ...rest] = error.message.split("\n");
  const suggestion = /\((Did you mean .*\?)\)/.exec(rest.join(" "))?.[1] ?? verbMeant(error, command);
  const reason = first
    .replace(/^error: /, "")
    .replace(/( but got \d+): .*$/, "$1") // an argument may be an invite, which holds a secret
    .replace(/\.$/, "")
    .slice(0, 300);
  return fail(
    "TRB_CLI_USAGE",
    { reason, command: called, suggestion: suggestion === undefined ? "" : `${suggestion} ` },
    error,
  );
}

/** A noun that does something by itself takes a misspelt verb for an argument too many: `simulate lst`. */
function verbMeant(error: CommanderError, command: Command): string | undefined {
  const [given] = command.args;
  if (error.code !== "commander.excessArguments" || given === undefined) return undefined;
  const meant = nearestName(
    given,
    command.commands.map((child) => child.name()),
  );
  return meant === undefined ? undefined : `Did you mean ${meant}?`;
}
