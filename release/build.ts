/**
 * `pnpm build:packages`: every package that others may install as ESM JavaScript with declarations, in its `dist`; the dashboard's with the three built pages
 * beside them. One run of `tsc` over all, so that they are checked against each other's sources, then `convert.ts`, file by file. The checkout goes on running
 * from its sources: package.json names those, and `publishConfig` what is published (decision 58).
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { builtPage, type PageName } from "@tributary/dashboard";
import { type Conversion, convert, type KnownPlace } from "./convert.ts";
import { knownPlaces } from "./known-places.ts";
import { type PublishedPackage, publishedPackages, root } from "./packages.ts";

const pageNames: readonly PageName[] = ["coordinator", "node", "device"];

/** Builds all of them. @throws Error with what the compiler said, or with what `convert.ts` doesn't know */
export async function buildPackages(): Promise<void> {
  const compiled = mkdtempSync(join(tmpdir(), "tributary-build-"));
  try {
    compile(compiled);
    const packages = publishedPackages();
    const files = new Map(packages.map(({ folder }) => [folder, [...modulesOf(compiled, folder), ...dataOf(folder)]] as const));
    const all = new Set([...files.values()].flat());
    const met = new Set<KnownPlace>();
    const refused: string[] = [];
    const converted = packages.map((one) => {
      const conversion: Conversion = {
        ...{ package: one, packages, known: knownPlaces },
        exists: (path) => all.has(path),
        met: (place) => met.add(place),
      };
      return (files.get(one.folder) ?? []).map((file) => {
        try {
          if (file.endsWith(".json")) return [file, readFileSync(join(root, file), "utf8")] as const;
          return [file, convert(file, readFileSync(join(compiled, file), "utf8"), conversion)] as const;
        } catch (error) {
          refused.push(error instanceof Error ? error.message : String(error));
          return [file, ""] as const;
        }
      });
    });
    if (refused.length > 0) throw new Error(refused.join("\n"));
    const gone = knownPlaces.filter((place) => !met.has(place));
    if (gone.length > 0) throw new Error(`release/known-places.ts lists what is no more: ${JSON.stringify(gone)}`);
    for (const [at, one] of packages.entries()) await writePackage(one, converted[at] ?? []);
  } finally {
    rmSync(compiled, { recursive: true, force: true });
  }
}

/** All sources into a folder, where they lie as in the repository. */
function compile(outDir: string): void {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [compiler, "--project", join(import.meta.dirname, "tsconfig.json"), "--outDir", outDir],
    { cwd: root, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`tsc ended with ${status}:\n${stdout}${stderr}`);
}

const modulesOf = (compiled: string, folder: string): readonly string[] =>
  filesBelow(compiled, `${folder}/src`).filter((file) => /\.(js|d\.ts)$/.test(file));

/** What sources import that is no source: figures as JSON. */
const dataOf = (folder: string): readonly string[] =>
  filesBelow(root, `${folder}/src`).filter((file) => file.endsWith(".json"));

/** Files at any depth below `path` in `folder`: from `folder` on, with `/` between the parts. */
function filesBelow(folder: string, path: string): readonly string[] {
  return readdirSync(join(folder, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
}

/** The package's `dist`, in place: a checkout has built pages of its own there, which servers may be handing out. */
async function writePackage(
  { folder, manifest }: PublishedPackage,
  files: readonly (readonly [file: string, text: string])[],
): Promise<void> {
  if (files.length === 0) throw new Error(`nothing was compiled of ${folder}`);
  const dist = join(root, folder, "dist");
  const written = new Set<string>();
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    writeFileSync(join(dist, path), content);
    written.add(path);
  };
  for (const [file, text] of files) write(file.slice(`${folder}/src/`.length), text);
  if (manifest.name === "@tributary/dashboard") {
    for (const page of pageNames) {
      const built = await builtPage(page);
      for (const file of filesBelow(built, ".")) write(`${page}/${file}`, readFileSync(join(built, file)));
    }
  }
  for (const path of Object.values(manifest.publishConfig.bin)) chmodSync(join(root, folder, path), 0o755);
  for (const path of filesBelow(dist, ".")) if (!written.has(path) && !isOwnBuild(path)) rmSync(join(dist, path));
}

/** `coordinator-0a7acbaa22220654`, or one that is being built: what `built-page.ts` keeps in a checkout. */
const isOwnBuild = (path: string): boolean => /^(\.building-)?(coordinator|node|device)-/.test(path);

if (import.meta.main) await buildPackages();
