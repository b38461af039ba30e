/** What is installed here: every package of pnpm's store in `node_modules/.pnpm`, by `name@version`. Packages for other platforms aren't there. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lockfile.ts";

export interface Installed {
  readonly id: string;
  readonly folder: string;
  readonly manifest: Manifest;
}

/** What of a package.json is read here. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, or what packages wrote before there were any. */
  readonly license: unknown;
  readonly scripts: Readonly<Record<string, unknown>>;
  readonly description: string | undefined;
}

/** @throws Error where it is no package.json */
export function readManifest(folder: string): Manifest {
  const read: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const field = (key: string): unknown =>
    typeof read === "object" && read !== null ? (read as Readonly<Record<string, unknown>>)[key] : undefined;
  const [name, version, scripts, description] = ["name", "version", "scripts", "description"].map(field);
  if (typeof name !== "string" || typeof version !== "string")
    throw new Error(`${folder}/package.json has no name and version`);
  return {
    ...{ name, version, license: field("license") ?? field("licenses") },
    scripts: typeof scripts === "object" && scripts !== null ? { ...scripts } : {},
    description: typeof description === "string" ? description : undefined,
  };
}

/** In each folder of the store one package lies as it was unpacked; what stands beside it are links to others. */
export function installedPackages(store = join(root, "node_modules", ".pnpm")): ReadonlyMap<string, Installed> {
  const found = new Map<string, Installed>();
  for (const entry of readdirSync(store, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === "node_modules") continue;
    for (const folder of unpackedIn(join(store, entry.name, "node_modules"))) {
      const manifest = readManifest(folder);
      const id = `${manifest.name}@${manifest.version}`;
      if (!found.has(id)) found.set(id, { id, folder, manifest });
    }
  }
  return found;
}

function unpackedIn(modules: string): readonly string[] {
  const inside = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name));
  return inside(modules)
    .filter((path) => !path.endsWith("/.bin"))
    .flatMap((path) => (/[\\/]@[^\\/]+$/.test(path) ? inside(path) : [path]))
    .filter((path) => lstatSync(path).isDirectory());
}
