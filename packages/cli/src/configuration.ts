/**
 * Where a flag's value comes from: the command line, else the environment (`TRIBUTARY_<FLAG>`), else `tributary.config.json` in
 * the working folder (`{ "node start": { "home": "shop" } }`), else the default.
 */
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import type { Command } from "commander";
import { z } from "zod";

const file = "tributary.config.json";
const schema = z.record(z.string(), z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])));

export function applyConfiguration(command: Command): void {
  const configured = readConfiguration()[pathOf(command)] ?? {};
  const known = new Set(command.options.map((option) => option.attributeName()));
  const unknown = Object.keys(configured).find((name) => !known.has(name));
  if (unknown !== undefined)
    throw fail("TRB_CLI_CONFIGURATION", { file, reason: `"${pathOf(command)}" has no option "${unknown}"` });

  for (const option of command.options) {
    const name = option.attributeName();
    const source = command.getOptionValueSource(name);
    if (source !== undefined && source !== "default") continue;
    const text = process.env[`TRIBUTARY_${(option.long ?? "").replace(/^--/, "").replaceAll("-", "_").toUpperCase()}`];
    const value = text ?? configured[name];
    if (value === undefined) continue;
    const parsed = option.parseArg && typeof value !== "boolean" ? option.parseArg(String(value), undefined) : value;
    command.setOptionValueWithSource(
      name,
      option.isBoolean() ? value === true || value === "true" || value === "1" : parsed,
      text === undefined ? "config" : "env",
    );
  }
}

/** "node start" for `tributary node start`. */
function pathOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  return names.join(" ");
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
  if (!parsed.success) throw fail("TRB_CLI_CONFIGURATION", { file, reason: z.prettifyError(parsed.error) });
  return parsed.data;
}
