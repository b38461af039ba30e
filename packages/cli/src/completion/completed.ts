/** What a shell is told of the commands: names, options, and what may stand behind an option, made once out of the tree of commands. */
import { globalSwitches } from "../global-switches.ts";
import type { CommandOutline } from "../outline.ts";

export interface CompletedValue {
  /** `choices`: one of these; `files`: a path; `free`: something that no shell can guess; `none`: a switch. */
  readonly kind: "choices" | "files" | "free" | "none";
  readonly choices: readonly string[];
}

export interface CompletedOption extends CompletedValue {
  readonly long: string;
  readonly description: string;
}

export interface CompletedCommand {
  /** `node join`; empty for the program itself. */
  readonly path: string;
  readonly verbs: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** What stands behind the command itself. */
  readonly words: CompletedValue;
}

/** As long as a shell shows a description beside a name. */
const longest = 70;

export function completedCommands(commands: readonly CommandOutline[]): readonly CompletedCommand[] {
  const described = new Map(commands.map(({ path, description }) => [path, short(description)]));
  return commands.map((command) => ({
    path: command.path,
    verbs: command.verbs.map((name) => {
      const path = command.path === "" ? name : `${command.path} ${name}`;
      return { name, description: described.get(path) ?? "" };
    }),
    options: [
      ...command.options.map(({ long, flags, description, choices, value }) => ({
        ...{ long, description: short(description) },
        ...behind(value === "none" ? undefined : flags, choices),
      })),
      { long: "--help", description: "what it takes, with an example", kind: "none", choices: [] },
      ...globalSwitches.map(({ flags, description }) => ({
        ...{ long: flags, description, choices: [] },
        kind: "none" as const,
      })),
    ],
    words: argumentOf(command),
  }));
}

/** What may stand behind options: each shell's action, with the places (`command --option`) at which it is the same. */
export function placesByAction(
  commands: readonly CompletedCommand[],
  actionOf: (option: CompletedValue) => string | undefined,
): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  for (const { path, options } of commands) {
    for (const option of options) {
      const action = actionOf(option);
      if (action !== undefined) places.set(action, [...(places.get(action) ?? []), `"${path} ${option.long}"`]);
    }
  }
  return places;
}

/** Names of values that are paths, as this program's options are written. */
const pathNames = /[<[](?:file|files|folder|place)(?:\.\.\.)?[>\]]/;

function behind(flags: string | undefined, choices: readonly string[]): CompletedValue {
  if (flags === undefined) return { kind: "none", choices: [] };
  if (choices.length > 0) return { kind: "choices", choices };
  return { kind: pathNames.test(flags) ? "files" : "free", choices: [] };
}

function argumentOf(command: CommandOutline): CompletedValue {
  const [first] = command.arguments;
  return behind(first === undefined ? undefined : `<${first.name}>`, first?.choices ?? []);
}

/** The first clause, and no more than a line has room for. */
function short(description: string): string {
  const [clause = ""] = description.split(/[;:(]| \(/);
  const trimmed = clause.trim();
  return trimmed.length <= longest ? trimmed : `${trimmed.slice(0, longest - 1).trimEnd()}…`;
}
