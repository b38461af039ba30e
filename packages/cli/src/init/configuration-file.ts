/** tributary.config.json, as `init` writes it: options of commands, so that nobody has to give them again. What stands there of other commands stays. */
import { existsSync } from "node:fs";
import { fail } from "@tributary/errors";
import { z } from "zod";
import { configurationFile } from "../configuration.ts";
import { readJson, writeOutput } from "../files.ts";

export type CommandOptions = Readonly<Record<string, string | number | boolean>>;
export type Configuration = Readonly<Record<string, CommandOptions>>;

const schema = z.record(z.string(), z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])));

/** What is in the working folder's file now. @throws TRB_CLI_CONFIGURATION, TRB_CLI_NOT_JSON */
export function readConfigurationFile(): Configuration {
  if (!existsSync(configurationFile)) return {};
  const parsed = schema.safeParse(readJson(configurationFile));
  if (parsed.success) return parsed.data;
  throw fail("TRB_CLI_CONFIGURATION", { file: configurationFile, reason: "it has another form than `init` could add to" });
}

/** Options that the file has otherwise than they are going to be. */
export function contradicted(before: Configuration, added: Configuration): string[] {
  return Object.entries(added).flatMap(([command, options]) =>
    Object.entries(options).flatMap(([name, value]) => {
      const old = before[command]?.[name];
      return old === undefined || old === value ? [] : [`${command}: ${name} ${String(old)} → ${String(value)}`];
    }),
  );
}

/** All of the file or what was there before. @throws TRB_CLI_FILE_NOT_WRITABLE */
export function addToConfigurationFile(added: Configuration): string {
  const before = readConfigurationFile();
  const merged = Object.fromEntries(
    [...new Set([...Object.keys(before), ...Object.keys(added)])].map((command) => [
      command,
      { ...before[command], ...added[command] },
    ]),
  );
  writeOutput(configurationFile, `${JSON.stringify(merged, null, 2)}\n`);
  return configurationFile;
}

/** The same options for several commands. */
export const forCommands = (commands: readonly string[], options: CommandOptions): Configuration =>
  Object.fromEntries(commands.map((command) => [command, options]));
