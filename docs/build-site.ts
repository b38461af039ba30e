/**
 * `pnpm docs:build`: the handbook as a site, in docs/.vitepress/dist. What is generated must be what the code says, VitePress and TypeDoc must have
 * nothing to complain about (but for types, which `pnpm check` holds to the TypeScript that the project uses; TypeDoc has an older one), and what they wrote is looked at: no link that leads nowhere, and nothing that is asked of another machine.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { faultsOfSite } from "./site/built-site.ts";

const docs = fileURLToPath(new URL(".", import.meta.url));
const site = join(docs, ".vitepress/dist");

/** VitePress brings an esbuild that is older than the target of our tsconfig.json; it says so, and goes on as for the newest that it knows. */
const olderTools = /^.*\[WARNING\] Unrecognized target environment "es2024"[^\n]*$/gm;

step("generated pages", ["check-examples.ts", "--generated"]);
step("VitePress", ["node_modules/vitepress/bin/vitepress.js", "build"]);
step("TypeDoc", ["node_modules/typedoc/bin/typedoc"]);
const faults = faultsOfSite(site, ["api-reference"]);
if (faults.length > 0) stop("the site", faults.join("\n"));
console.log("docs/.vitepress/dist: in order");

/** Runs a step in `docs`; a warning is as good as an error, since nobody reads either where everything goes on. */
function step(name: string, words: readonly string[]): void {
  const environment = { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: docs, encoding: "utf8", env: environment });
  const said = `${stdout}${stderr}`.replaceAll(olderTools, "");
  if (status !== 0 || /warn(ing)?\b|\(!\)/i.test(said)) stop(name, said);
  console.log(`${name}: in order`);
}

function stop(name: string, said: string): never {
  console.error(`${name}:\n${said.trim()}`);
  process.exit(1);
}
