/**
 * `pnpm release:check`: builds and packs, has the tarballs looked at, and installs them where nothing of this checkout is: under Node 22, under Node 24 and, as
 * far as the command itself goes, under the oldest Node that package.json promises. Asks npm's registry, unless `--tarballs-only`; exit 0 if everything held.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { installedAt, installNode, installTarballs, weightOf } from "./installed.ts";
import { packPackages, type Tarball } from "./pack.ts";
import { type PublishedPackage, publishedPackages } from "./packages.ts";
import { readmeExamples } from "./readmes.ts";
import { tryCommand, tryDemo, tryExamples, tryServers, trySimulation, tryTypes } from "./trials.ts";
import { objectionsTo } from "./verdicts.ts";

/** The newest of each line that is supported. */
const supportedNodes = ["22.23.5", "24.21.0"];

/** What the TypeScript program is compiled with, and against. */
const compiler = ["typescript@^7.0.2", "@types/node@^24.0.0"];

/** Packages that are tried each in a folder of its own, with one that must not come along. */
const alone = [
  ["@tributary/dp", "@tributary/tensor"],
  ["@tributary/tensor", "@tributary/dp"],
] as const;

/** One thing that was tried: what came of it, or why it failed. */
export interface Trial {
  readonly what: string;
  readonly seconds: number;
  readonly result: string;
  readonly held: boolean;
}

export interface CheckOptions {
  /** Default: true. Without, tarballs are made and looked at, and nothing is asked of a registry. */
  readonly install?: boolean;
}

/** @param report told of every trial as it ends. @returns all of them */
export async function checkRelease(
  report: (trial: Trial) => void,
  { install = true }: CheckOptions = {},
): Promise<readonly Trial[]> {
  const folder = mkdtempSync(join(tmpdir(), "tributary-release-"));
  const trials: Trial[] = [];
  /** Undefined where it failed. */
  async function tried<Result>(what: string, work: () => Promise<Result> | Result, words: (result: Result) => string) {
    const start = performance.now();
    const ended = (result: string, held: boolean): void => {
      trials.push({ what, seconds: (performance.now() - start) / 1000, result, held });
      report(trials.at(-1) as Trial);
    };
    try {
      const result = await work();
      ended(words(result), true);
      return result;
    } catch (error) {
      ended(error instanceof Error ? error.message : String(error), false);
      return undefined;
    }
  }
  const says = (what: string, work: () => Promise<string> | string) => tried(what, work, (result) => result);

  try {
    const packages = publishedPackages();
    const examples = readmeExamples();
    const tarballs = await tried("build, pack", () => packPackages(join(folder, "tarballs")), sizes);
    if (tarballs === undefined) return trials;
    await says("publint, arethetypeswrong, contents", () => requireNoObjections(tarballs));
    if (!install) return trials;

    const nodes = new Map(supportedNodes.map((version) => [version, installNode(join(folder, `node-${version}`), version)]));
    for (const [version, bin] of nodes) {
      const project = join(folder, `project-${version}`);
      const installed = await tried(
        `${version}: npm install`,
        () => installTarballs(project, bin, tarballs, compiler),
        (result) => `${weightOf(result).megabytes.toFixed(0)} MB in ${weightOf(result).files} files`,
      );
      if (installed === undefined) continue;
      await says(`${version}: command`, () => tryCommand(installed, versionOf(packages)));
      await says(`${version}: tributary demo --rounds 5`, () => tryDemo(installed));
      await says(`${version}: tributary simulate`, () => trySimulation(installed));
      await says(`${version}: coordinator, node, pages`, () => tryServers(installed));
      await says(`${version}: examples`, () => tryExamples(installed, examples));
      await says(`${version}: types`, () => tryTypes(installed, packages, examples));
    }

    const oldest = oldestNode(packages);
    const [project = "", bin = ""] = [join(folder, `project-${supportedNodes[0]}`), nodes.get(supportedNodes[0] ?? "")];
    await says(`${oldest}: command, simulate`, () => {
      const installed = installedAt(project, installNode(join(folder, `node-${oldest}`), oldest));
      return `${tryCommand(installed, versionOf(packages))}; ${trySimulation(installed)}`;
    });
    for (const [name, absent] of alone) {
      await says(`${name} alone`, () => {
        const own = join(folder, name.replace("/", "-"));
        const installed = installTarballs(own, bin, withDependencies(name, packages, tarballs));
        const { files, megabytes } = weightOf(installed);
        if (installed.has(absent)) throw new Error(`it brings ${absent} along`);
        return `${tryExamples(
          installed,
          examples.filter((one) => one.name === name),
        )}; ${megabytes.toFixed(0)} MB in ${files} files`;
      });
    }
    return trials;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const sizes = (tarballs: readonly Tarball[]): string =>
  tarballs.map(({ name, octets }) => `${name} ${(octets / 1024).toFixed(0)} kB`).join(", ");

async function requireNoObjections(tarballs: readonly Tarball[]): Promise<string> {
  const objections: string[] = [];
  for (const tarball of tarballs) objections.push(...(await objectionsTo(tarball)));
  if (objections.length > 0) throw new Error(objections.join("\n"));
  return `${tarballs.length} tarballs, no objections`;
}

/** All have one version: they are released together. */
function versionOf(packages: readonly PublishedPackage[]): string {
  const versions = new Set(packages.map(({ manifest }) => manifest.version));
  const [version, ...others] = versions;
  if (version === undefined || others.length > 0)
    throw new Error(`packages of different versions: ${[...versions].join(", ")}`);
  return version;
}

/** What all of them promise in `engines`, as a version that can be installed. */
function oldestNode(packages: readonly PublishedPackage[]): string {
  const promises = new Set(packages.map(({ manifest }) => manifest.publishConfig.engines.node));
  const [, version] = /^>=(\d+\.\d+)$/.exec([...promises].join(" ")) ?? [];
  if (version === undefined) throw new Error(`engines that differ or can't be read: ${[...promises].join(", ")}`);
  return `${version}.0`;
}

/** A package's tarball, and those of ours that it depends on, directly or not. */
function withDependencies(
  name: string,
  packages: readonly PublishedPackage[],
  tarballs: readonly Tarball[],
): readonly Tarball[] {
  const needed = new Set([name]);
  for (const one of needed) {
    const manifest = packages.find((other) => other.manifest.name === one)?.manifest;
    for (const dependency of Object.keys(manifest?.dependencies ?? {}))
      if (dependency.startsWith("@tributary/")) needed.add(dependency);
  }
  return tarballs.filter((tarball) => needed.has(tarball.name));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { "tarballs-only": { type: "boolean", default: false } } });
  const report = ({ what, seconds, result, held }: Trial): void => {
    const text = result.split("\n").join("\n            ");
    process.stdout.write(`  ${held ? "held  " : "FAILED"}  ${what} (${seconds.toFixed(0)} s)\n            ${text}\n`);
  };
  const trials = await checkRelease(report, { install: !values["tarballs-only"] });
  const failed = trials.filter(({ held }) => !held);
  process.stdout.write(`${trials.length - failed.length} of ${trials.length} held\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
