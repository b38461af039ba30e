/** Reads a documented command by the program itself, and does nothing: options that don't exist, values that no option takes and missing ones are found. */
import { isTributaryError } from "@tributary/errors";
import type { Command } from "commander";
import { program } from "tributary";
import { wordsOf } from "./blocks.ts";

/** What stands in documents for something that only the reader has; anything of its form will do. */
const placeholders: Readonly<Record<string, string>> = {
  INVITE: "eyJ0b2tlbiI6IjAwIn0",
  FINGERPRINT: "ab".repeat(32),
  PEER_FINGERPRINT: "cd".repeat(32),
  HASH: "ef".repeat(32),
};

/** @returns what is wrong with it, or undefined */
export async function faultOf(words: readonly string[]): Promise<string | undefined> {
  const tree = program();
  idle(tree);
  const given = words.map((word) => placeholders[word] ?? word);
  try {
    await tree.parseAsync(given, { from: "user" });
    return undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("commander.") && "exitCode" in error) {
      return error.exitCode === 0 ? undefined : error.message;
    }
    if (isTributaryError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** Every command but does nothing. A noun that waits for a verb still says so. */
function idle(command: Command): void {
  command.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  if (command.commands.length === 0 || runs(command)) command.action(() => {});
  for (const child of command.commands) idle(child);
}

const runs = (command: Command): boolean => "_actionHandler" in command && command["_actionHandler"] !== null;

/** The command that these words call, and whether it knows an option. */
export function invoked(words: readonly string[]): { readonly path: string; knows(option: string): boolean } {
  let command: Command = program();
  const path: string[] = [];
  for (const word of words) {
    const child = command.commands.find((one) => one.name() === word);
    if (child === undefined) break;
    command = child;
    path.push(word);
  }
  const { options } = command;
  return { path: path.join(" "), knows: (option) => options.some(({ long }) => long === option) };
}

/** `--rounds 2 --json` behind the words, as far as the command knows them; the last of two wins. */
export function withOptions(words: readonly string[], options: string): string[] {
  const { knows } = invoked(words);
  const groups = options.split(/\s(?=--)/).map(wordsOf);
  return [...words, ...groups.filter(([option = ""]) => option.startsWith("--") && knows(option)).flat()];
}
