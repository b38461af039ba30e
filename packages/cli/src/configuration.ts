/**
 * Where a flag's value comes from: the command line, else the environment (`TRIBUTARY_<FLAG>`), else `tributary.config.json` in
 * the working folder (`{ "node start": { "home": "shop" } }`), else the default.
 *
 * Values are set before the command line is read, which then goes over them: so a required flag may stand in the file as well.
 */
import { existsSync, readFileSync } from "node:fs";
import { fail, isTributaryError } from "@tributary/errors";
import type { Command, Option } from "commander";
import { z } from "zod";
import { pathOf } from "./usage.ts";

export const configurationFile = "tributary.config.json";
const file = configurationFile;
const schema = z.record(z.string(), z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])));

/**
 * Gives the command that is about to run what environment and file say.
 * @throws TRB_CLI_CONFIGURATION, TRB_CLI_BAD_OPTION
 */
export function applyConfiguration(command: Command): void {
  const path = pathOf(command);
  const document = readConfiguration();
  requireCommands(document, command);
  const configured = document[path] ?? {};
  const known = command.options.map((option) => option.attributeName());
  const unknown = Object.keys(configured).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw fail("TRB_CLI_CONFIGURATION", {
      file,
      reason: `"${path}" has no option "${cut(unknown)}"; it has ${known.join(", ")}`,
    });
  }
  for (const option of command.options) {
    const name = option.attributeName();
    const text = process.env[`TRIBUTARY_${(option.long ?? "").replace(/^--/, "").replaceAll("-", "_").toUpperCase()}`];
    const value = text ?? configured[name];
    if (value !== undefined)
      command.setOptionValueWithSource(name, typed(option, value), text === undefined ? "config" : "env");
  }
}

function typed(option: Option, value: string | number | boolean): unknown {
  if (option.isBoolean()) return value === true || value === "true" || value === "1";
  try {
    return option.parseArg ? option.parseArg(String(value), undefined) : String(value);
  } catch (cause) {
    if (isTributaryError(cause)) throw cause;
    const expected = option.argChoices ? `one of ${option.argChoices.join(", ")}` : "another value";
    throw fail("TRB_CLI_BAD_OPTION", { option: option.long ?? option.flags, value: cut(String(value)), expected }, cause);
  }
}

/** A misspelt command in the file would otherwise be silently without effect. */
function requireCommands(document: z.infer<typeof schema>, command: Command): void {
  let root = command;
  while (root.parent) root = root.parent;
  const paths = commandsBelow(root).map(pathOf);
  const unknown = Object.keys(document).find((path) => !paths.includes(path));
  if (unknown === undefined) return;
  throw fail("TRB_CLI_CONFIGURATION", { file, reason: `there is no command "${cut(unknown)}"; there is ${paths.join(", ")}` });
}

function commandsBelow(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(commandsBelow);
}

function readConfiguration(): z.infer<typeof schema> {
  if (!existsSync(file)) return {};
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw fail("TRB_CLI_CONFIGURATION", { file, reason: "it is not JSON" }, cause);
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.map(String).join(".") ?? "";
  const expected = 'it must look like { "node start": { "home": "shop" } }';
  throw fail("TRB_CLI_CONFIGURATION", { file, reason: at === "" ? expected : `at ${cut(at)}: ${expected}` });
}

const cut = (text: string) => text.slice(0, 80);
