/** The help of the program as a whole, and how it is laid out: commands by who needs them, and below them exit codes, environment and configuration. */
import type { Command } from "commander";
import { globalSwitches } from "./global-switches.ts";
import { table } from "./output.ts";
import { readingWidth } from "./terminal.ts";

/** What a command ends with; scripts depend on it (DESIGN §7). */
export const exitCodes = [
  { code: 0, meaning: "done" },
  { code: 1, meaning: "failed; the advice says what to do" },
  { code: 2, meaning: "wrong usage: a command, option or file that can't be used so" },
  { code: 3, meaning: "refused by privacy policy" },
  { code: 4, meaning: "verification failed" },
  { code: 130, meaning: "interrupted by Ctrl-C (143: ended by SIGTERM); what is left of the work is said" },
] as const;

/** Variables of the environment beside those of options, `TRIBUTARY_<OPTION>`. */
export const environmentVariables = [
  { name: "TRIBUTARY_<OPTION>", meaning: "the value of an option that isn't given: TRIBUTARY_HOME is --home" },
  { name: "TRIBUTARY_STORE_KEY", meaning: "the key of a node's store, in place of its file: 64 hexadecimal digits" },
  { name: "TRIBUTARY_STORE_KEY_FILE", meaning: "a file with that key" },
  { name: "TRIBUTARY_SERVE_TOKEN", meaning: "the token that `node serve` asks for, in place of its file" },
  { name: "TRIBUTARY_DATABASE_URL", meaning: "the coordinator's PostgreSQL, as --database-url" },
  { name: "TRIBUTARY_DEBUG", meaning: "1: where errors came from, as --debug" },
  { name: "TRIBUTARY_EXIT_WITH_STDIN", meaning: "1: servers end when their stdin does (for processes that start them)" },
  { name: "NO_COLOR, FORCE_COLOR", meaning: "no colours (as --no-color), or colours even where the output is piped" },
  { name: "COLUMNS", meaning: "how wide tables and sentences may be (default: the terminal; piped, a row is a line)" },
  { name: "XDG_CACHE_HOME", meaning: "where what was compiled is kept (default: ~/.cache)" },
] as const;

export const firstGroup = "To begin:";
/** Who needs a command, in the order of the help; a test sees that each is in one. */
const groups = {
  [firstGroup]: ["init", "demo", "doctor", "completion"],
  "The platform:": ["catalogue", "plan", "coordinator", "worker"],
  "A merchant, or a shopper's device:": ["node"],
  "Anyone, offline:": ["ledger", "model", "account"],
  "For research:": ["simulate", "audit", "bench"],
} as const;

/** Groups the root's commands, and puts below its help what holds for all of them. */
export function explainProgram(root: Command): Command {
  for (const [heading, names] of Object.entries(groups)) {
    for (const name of names) root.commands.find((command) => command.name() === name)?.helpGroup(heading);
  }
  return root.addHelpText("after", belowRoot);
}

function belowRoot(): string {
  const rows = (pairs: readonly (readonly [string, string])[]) =>
    table(
      pairs.map(([name, meaning]) => [`  ${name}`, meaning]),
      readingWidth(),
    );
  return [
    "",
    "Every command takes:",
    ...rows([
      ["--help", "what it takes, with an example"],
      ["--json", "one JSON document on stdout, for programs; errors too"],
      ...globalSwitches.map(({ flags, description }) => [flags, description] as const),
    ]),
    "",
    "Examples:",
    "  tributary init                 questions that lead to the first commands",
    "  tributary demo                 a whole federation on this machine",
    "  tributary node check --home shop --json",
    "",
    "Exit codes:",
    ...rows(exitCodes.map(({ code, meaning }) => [String(code), meaning])),
    "",
    "Environment:",
    ...rows(environmentVariables.map(({ name, meaning }) => [name, meaning])),
    "",
    "Configuration: tributary.config.json in the working folder, written as",
    '  { "node start": { "home": "shop" } }',
    "Flags go over the environment, and that over the file.",
  ].join("\n");
}
