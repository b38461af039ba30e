/**
 * An empty folder somewhere else, in which nothing but the tarballs has been installed, under a Node that npm brings: what a stranger has. Every program there is
 * run by that Node, without this checkout's settings.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Tarball } from "./pack.ts";

export interface Installed {
  readonly folder: string;
  /** As it says of itself: `22.23.5`. */
  readonly node: string;
  /** Whether a package lies there. */
  has(name: string): boolean;
  /** Runs a program to its end. @throws Error with what it printed, when it ends with another code than 0 or says anything of warnings */
  run(command: string, words: readonly string[], options?: RunOptions): string;
  /** Starts a program that goes on running; whoever starts it stops it. */
  start(command: string, words: readonly string[]): ChildProcess;
}

interface RunOptions {
  /** Exit codes that are right; default: 0. */
  readonly codes?: readonly number[];
  /** In milliseconds; default half an hour. */
  readonly timeout?: number;
}

/** npm's package with a Node for this machine, as the root's package.json has them. */
const nodePackage = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;

/** @param version an exact one, such as 22.23.5 */
export function installNode(folder: string, version: string): string {
  prepare(folder);
  npm(folder, process.env, ["install", "--ignore-scripts", "--no-audit", "--no-fund", `${nodePackage}@${version}`]);
  const bin = join(folder, "node_modules", nodePackage, "bin");
  if (!existsSync(bin)) throw new Error(`${nodePackage}@${version} has no folder bin`);
  return bin;
}

/**
 * Installs tarballs, and what they depend on from npm's registry, into a folder that is made for it.
 * @param bin the folder of the Node that everything runs under
 */
export function installTarballs(
  folder: string,
  bin: string,
  tarballs: readonly Tarball[],
  others: readonly string[] = [],
): Installed {
  prepare(folder);
  const paths = tarballs.map(({ path }) => path);
  npm(folder, environment(bin), ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...paths, ...others]);
  return installedAt(folder, bin);
}

/** A folder in which it is installed already, under another Node perhaps. */
export function installedAt(folder: string, bin: string): Installed {
  const env = environment(bin);
  const node = runAt(folder, env, "node", ["--version"]).trim().slice(1);
  return {
    ...{ folder, node },
    has: (name) => existsSync(join(folder, "node_modules", name)),
    run: (command, words, options) => runAt(folder, env, command, words, options),
    start: (command, words) => spawn(command, words, { cwd: folder, env, stdio: ["pipe", "pipe", "pipe"] }),
  };
}

/** Empty but for a package.json: without one npm would look for a folder above. */
function prepare(folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) throw new Error(`${folder} isn't empty`);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
}

/** This process's environment without what pnpm, vitest and the checkout's scripts put there. */
function environment(bin: string): NodeJS.ProcessEnv {
  const strange = /^(npm_|PNPM_|TRIBUTARY_|VITEST|NODE_|FORCE_COLOR)/i;
  const own = Object.entries(process.env).filter(([name]) => !strange.test(name) && name !== "PATH");
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((one) => !one.includes("node_modules"));
  return { ...Object.fromEntries(own), PATH: [bin, ...path].join(delimiter), NO_COLOR: "1", COLUMNS: "120" };
}

const npm = (folder: string, env: NodeJS.ProcessEnv, words: readonly string[]): string => runAt(folder, env, "npm", words);

function runAt(
  folder: string,
  env: NodeJS.ProcessEnv,
  command: string,
  words: readonly string[],
  { codes = [0], timeout = 1_800_000 }: RunOptions = {},
): string {
  const { status, signal, stdout, stderr } = spawnSync(command, words, { cwd: folder, env, encoding: "utf8", timeout });
  if (status === null || !codes.includes(status) || /ExperimentalWarning/.test(stderr))
    throw new Error(
      `${command} ${words.join(" ")} ended with ${status ?? signal}:\n${stdout.slice(-2000)}${stderr.slice(-4000)}`,
    );
  return stdout;
}

/** Octets and files of everything that lies in the folder's node_modules. */
export function weightOf({ folder }: Installed): { readonly files: number; readonly megabytes: number } {
  const files = readdirSync(join(folder, "node_modules"), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const octets = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  return { files: files.length, megabytes: octets / 2 ** 20 };
}
