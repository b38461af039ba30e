/** Real processes for the end-to-end tests: commands run to their end, services that can be killed for real. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { oneProcess } from "../../docs/commands/one-process.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "packages/cli/src/main.ts");
const flags = ["--disable-warning=ExperimentalWarning"];
const compiled = join(root, "node_modules/.cache/compile");
/** Of a node: several share the cores, and each thread costs a start. A flag says otherwise where more are part of the test. */
const threads = { TRIBUTARY_TRAINING_THREADS: "1" };

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly script?: string;
}

const alive = new Set<ChildProcess>();

function launch(args: readonly string[], { cwd = root, env = {}, script = main }: RunOptions): ChildProcess {
  const child = spawn(process.execPath, [...flags, script, ...args], {
    cwd,
    env: {
      ...threads,
      ...process.env,
      NODE_OPTIONS: "",
      NODE_COMPILE_CACHE: compiled,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  alive.add(child);
  child.once("close", () => alive.delete(child));
  return child;
}

/** Runs a `tributary` command to its end, whatever its exit code. */
export function tributary(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return begin(args, options).outcome;
}

/** Begins a `tributary` command that may be sent signals before it ends. */
export function begin(
  args: readonly string[],
  options: RunOptions = {},
): { readonly pid: number; readonly outcome: Promise<Outcome> } {
  const child = launch(args, options);
  const outcome = Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  return { pid: child.pid ?? -1, outcome: outcome.then(([stdout, stderr, exitCode]) => ({ exitCode, stdout, stderr })) };
}

/** Runs a `tributary` command with `--json`, and returns its document; throws with what it printed when it fails. */
export async function tributaryJson(args: readonly string[], options: RunOptions = {}): Promise<Record<string, unknown>> {
  return document(args, await tributary([...args, "--json"], options));
}

function document(args: readonly string[], { exitCode, stdout, stderr }: Outcome): Record<string, unknown> {
  if (exitCode !== 0) throw new Error(`tributary ${args.join(" ")}: exit ${exitCode}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

export interface CommandsInOneProcess {
  tributary(args: readonly string[], cwd?: string): Promise<Outcome>;
  tributaryJson(args: readonly string[], cwd?: string): Promise<Record<string, unknown>>;
  close(): void;
}

/**
 * The same for tests of what commands answer and not of how processes begin and end: all of a test's commands in one process, which starts once
 * (`docs/commands/run-lines.ts`), each run by the function by which `tributary` runs its one.
 */
export function commandsInOneProcess({ cwd = root, env = {} }: Omit<RunOptions, "script"> = {}): CommandsInOneProcess {
  const commands = oneProcess({ ...threads, NODE_COMPILE_CACHE: compiled, ...env });
  const ask = async (words: readonly string[], folder = cwd): Promise<Outcome> => {
    const [ran] = await commands.run([{ folder, words }]);
    if (ran === undefined) throw new Error(`tributary ${words.join(" ")}: no answer`);
    return { exitCode: ran.exitCode, stdout: ran.stdout, stderr: ran.stderr };
  };
  return {
    tributary: ask,
    tributaryJson: async (args, folder) => document(args, await ask([...args, "--json"], folder)),
    close: commands.close,
  };
}

export interface Service {
  readonly pid: number;
  readonly ready: Record<string, unknown>;
  /** Its exit code; null when a signal ended it. */
  readonly exit: Promise<number | null>;
  /** What it wrote to stderr so far. */
  log(): string;
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM or SIGINT, and waits for its exit code. */
  stop(signal: "SIGTERM" | "SIGINT"): Promise<number | null>;
}

/** Starts a command that goes on running, and waits for the JSON line that says so. */
export async function service(args: readonly string[], options: RunOptions = {}): Promise<Service> {
  const child = launch(args, options);
  let log = "";
  child.stderr?.on("data", (chunk) => {
    log += String(chunk);
  });
  const exit = ended(child);
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once("line", resolve);
    exit.then((code) => reject(new Error(`${args.join(" ")}: exit ${code}\n${log}`)), reject);
  });
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exit;
  };
  return {
    pid: child.pid ?? -1,
    ready: JSON.parse(line) as Record<string, unknown>,
    exit,
    log: () => log,
    kill: async () => void (await stop("SIGKILL")),
    stop,
  };
}

/** Kills whatever a failed test left running. */
export function killAll(): void {
  for (const child of alive) child.kill("SIGKILL");
}

/** A folder of its own for a test, and how to remove it. */
export function temporaryFolder(name: string): { readonly path: string; file(...names: string[]): string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `tributary-${name}-`));
  return { path, file: (...names) => join(path, ...names), remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Asks again until the answer will do. */
export async function until<Answer>(
  ask: () => Promise<Answer>,
  enough: (answer: Answer) => boolean,
  seconds = 60,
): Promise<Answer> {
  const end = Date.now() + 1e3 * seconds;
  for (;;) {
    const answer = await ask();
    if (enough(answer)) return answer;
    if (Date.now() > end) throw new Error(`still not there after ${seconds} s: ${JSON.stringify(answer).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  let all = "";
  if (stream) for await (const chunk of stream) all += String(chunk);
  return all;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code));
  });
}
