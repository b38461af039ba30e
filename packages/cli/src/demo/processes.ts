/**
 * The demo's operating-system processes: every one runs a public `tributary` command under this very Node, is known by its handle,
 * and ends when the demo does, even when the demo is killed (its stdin ends).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fail } from "@tributary/errors";
import { z } from "zod";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

/** One long-running command. */
export interface Service {
  readonly pid: number;
  /** Its first line on stdout. */
  readonly ready: unknown;
  /** Resolves when it ends by itself with exit code 0. */
  readonly ended: Promise<void>;
}

export interface Processes {
  /** Runs a command to its end, with `--json`, and returns the document that it printed. */
  run(args: readonly string[]): Promise<unknown>;
  /** Starts a command that goes on running, and waits for its first line. */
  start(args: readonly string[], log: string): Promise<Service>;
  /** Stops whatever still runs, and waits until it is gone. */
  stopAll(): Promise<void>;
}

const failureSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export function openProcesses(): Processes {
  const alive = new Set<ChildProcess>();
  let stopping = false;

  function launch(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, TRIBUTARY_EXIT_WITH_STDIN: "1" },
      // Ctrl-C goes to the demo alone, which then stops its processes in order.
      detached: process.platform !== "win32",
    });
    alive.add(child);
    child.on("close", () => alive.delete(child));
    child.stdin?.on("error", () => {}); // the process ended first: `close` tells
    return child;
  }

  async function run(args: readonly string[]): Promise<unknown> {
    const child = launch([...args, "--json"]);
    const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exit(child)]);
    const document = parse(stdout);
    if (exitCode !== 0) {
      const failure = failureSchema.safeParse(document);
      const reason = failure.success ? `${failure.data.error.code} ${failure.data.error.message}` : stderr.slice(-400);
      throw fail("TRB_DEMO_PROCESS_FAILED", { command: args.slice(0, 2).join(" "), exitCode, reason, log: "the lines above" });
    }
    return document;
  }

  async function start(args: readonly string[], log: string): Promise<Service> {
    const child = launch(args);
    const file = createWriteStream(log);
    child.stderr?.pipe(file);
    const command = args.slice(0, 2).join(" ");
    const ended = exit(child).then((exitCode) => {
      if (exitCode !== 0 && !stopping)
        throw fail("TRB_DEMO_PROCESS_FAILED", { command, exitCode, reason: "it ended before its time", log });
    });
    ended.catch(() => {}); // whoever awaits `ended` hears of it
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    const first = await Promise.race([new Promise<string>((resolve) => lines.once("line", resolve)), ended.then(() => "")]);
    const ready = parse(first);
    const failure = failureSchema.safeParse(ready);
    if (failure.success || child.pid === undefined || ready === undefined) {
      throw fail("TRB_DEMO_PROCESS_FAILED", { command, exitCode: child.exitCode ?? 1, reason: first.slice(0, 400), log });
    }
    return { pid: child.pid, ready, ended };
  }

  async function stopAll(): Promise<void> {
    stopping = true;
    const gone = [...alive].map((child) => new Promise<void>((resolve) => child.once("close", () => resolve())));
    for (const child of alive) child.kill("SIGTERM");
    const late = setTimeout(() => {
      for (const child of alive) child.kill("SIGKILL");
    }, 5_000);
    await Promise.all(gone);
    clearTimeout(late);
  }

  return { run, start, stopAll };
}

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  let all = "";
  if (stream) for await (const chunk of stream) all += String(chunk);
  return all;
}

function exit(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // the callers say what they expected
  }
}
