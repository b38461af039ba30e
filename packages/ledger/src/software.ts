/**
 * What wrote an entry (`software`): a hash of the writer's own code, so that members who run the same release can see that the coordinator says it does too,
 * and since when it says something else. It is a claim like every other field: nobody can check from a file what really ran.
 *
 *   SHA-256 of the canonical JSON of [{ name, version, files: [[path, SHA-256], …] }, …], packages by name, files by path
 *
 * It covers the code (all files under `src` in a checkout, tests left out, and under `dist` where packages are installed) and `package.json` of the writer's package
 * and of every `@tributary/…` package that it depends on, directly or not. It doesn't cover packages of others (their version ranges are in `package.json`), Node, or what an operator configures.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalBytes, type Sha256 } from "@tributary/protocol";
import { z } from "zod";

const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  dependencies: z.record(z.string(), z.string()).default({}),
});

const hashes = new Map<string, Sha256>();

/** @param module `import.meta.url` of a file of the package that writes. Read once in a process. */
export function softwareHash(module: string): Sha256 {
  const known = hashes.get(module);
  if (known !== undefined) return known;
  const found = new Map<string, object>();
  collect(fileURLToPath(module), found);
  const packages = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, contents]) => contents);
  const hash = sha256(canonicalBytes(packages)) as Sha256;
  hashes.set(module, hash);
  return hash;
}

/** @param file of a package, as it runs: what lies beside it runs as well */
function collect(file: string, found: Map<string, object>): void {
  const folder = packageOf(dirname(file));
  const { name, version, dependencies } = manifestSchema.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  if (found.has(name)) return;
  found.set(name, {
    name,
    version,
    files: [["package.json", sha256(readFileSync(join(folder, "package.json")))], ...code(folder, file)],
  });
  const { resolve } = createRequire(join(folder, "package.json"));
  for (const dependency of Object.keys(dependencies)) {
    if (dependency.startsWith("@tributary/")) collect(resolve(dependency), found);
  }
}

function code(folder: string, file: string): [path: string, hash: string][] {
  const [part = ""] = relative(folder, file).split(sep); // src or dist
  return readdirSync(join(folder, part), { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => /\.[cm]?[jt]s$/.test(path) && !/\.(test|test-support|test-d|fixture)\.ts$/.test(path))
    .sort()
    .map((path) => [`${part}/${path}`, sha256(readFileSync(join(folder, part, path)))]);
}

/** The nearest folder above that has a package.json. */
function packageOf(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error("the writer's file is in no package");
  return packageOf(above);
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
