/** Builds the packages and packs them: what `npm install` is given, and what a release uploads. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { buildPackages } from "./build.ts";
import { publishedPackages, root } from "./packages.ts";

export interface Tarball {
  /** `@tributary/dp` */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly octets: number;
}

/**
 * Builds what the checkout holds now, and packs every package into the folder, which is made where it isn't there.
 * @returns in the order in which an event travels (`packages.ts`)
 */
export async function packPackages(folder: string): Promise<readonly Tarball[]> {
  mkdirSync(folder, { recursive: true });
  return await alone(async () => {
    await buildPackages();
    const packages = publishedPackages();
    const filters = packages.flatMap(({ manifest }) => ["--filter", manifest.name]);
    const { status, stdout, stderr } = pnpm([...filters, "pack", "--pack-destination", folder]);
    if (status !== 0) throw new Error(`pnpm pack ended with ${status}:\n${stdout}${stderr}`);
    return packages.map(({ manifest: { name, version } }) => {
      const path = join(folder, `${name.replace(/^@/, "").replace("/", "-")}-${version}.tgz`);
      return { name, path, octets: statSync(path).size };
    });
  });
}

/** The pnpm that runs this, or the one of the README's commands. */
function pnpm(words: readonly string[]) {
  const running = process.env["npm_execpath"] ?? "";
  const [command, ...before] = /pnpm[^/\\]*$/.test(running) ? [process.execPath, running] : ["npx", "-y", "pnpm@10"];
  return spawnSync(command as string, [...before, ...words], { cwd: root, encoding: "utf8" });
}

/** One build at a time in a checkout: a package that is packed while another build writes its `dist` would hold some of both. */
async function alone<Result>(work: () => Promise<Result>): Promise<Result> {
  const lock = join(root, "node_modules/.cache/tributary-release.lock");
  mkdirSync(join(lock, ".."), { recursive: true });
  while (!taken(lock)) await setTimeout(500);
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function taken(lock: string): boolean {
  try {
    const file = openSync(lock, "wx");
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (!runs(Number(readFileSync(lock, "utf8")))) rmSync(lock, { force: true });
    return false;
  }
}

/** Whether a process is there: one that was killed leaves its lock behind. */
function runs(pid: number): boolean {
  if (pid === 0) return true; // it is being written
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error("pack.ts FOLDER");
  for (const { path, octets } of await packPackages(folder)) process.stdout.write(`${path} ${octets}\n`);
}
