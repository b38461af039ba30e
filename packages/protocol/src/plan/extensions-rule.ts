/** The linter's rule for extensions: each named once and used, and nothing used that isn't named. */
import type { LintOptions, Report } from "./rule.ts";
import type { Plan } from "./schema.ts";

export function extensionsRule({ extensions = [], releases, optimiser, model }: Plan, _: LintOptions, report: Report): void {
  const unfit = (path: string, reason: string) => report("TRB_PLAN_EXTENSIONS_UNFIT", path, { reason });
  const used = new Map<string, string>();
  const use = (name: string | undefined, wanted: boolean, path: string, what: string) => {
    if (name === undefined) {
      if (wanted) unfit(path, `it doesn't say which extension has the ${what}`);
      return;
    }
    if (!wanted) unfit(path, `it names the extension ${name}, whose ${what} is not asked for`);
    used.set(name, path);
  };
  for (const [place, { kind, query }] of releases.entries()) use(query, kind === "query", `releases.${place}.query`, "query");
  use(model.extension, model.family === "extension", "model.extension", "model");
  if (optimiser.name === "extension") use(optimiser.extension, true, "optimiser.extension", "optimiser");
  const named = extensions.map(({ name }) => name);
  for (const [place, name] of named.entries()) {
    if (named.indexOf(name) !== place) unfit(`extensions.${place}.name`, `two extensions are called ${name}`);
    else if (!used.has(name)) unfit(`extensions.${place}.name`, `nothing uses the extension ${name}`);
  }
  for (const [name, path] of used)
    if (!named.includes(name)) unfit(path, `the extension ${name} is not among the plan's extensions`);
}
