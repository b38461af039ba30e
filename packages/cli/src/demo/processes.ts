/**
 * The demo's operating-system processes: every one runs a public `tributary` command under this very Node, is known by its handle,
 * and ends when the demo does, even when the demo is killed (its stdin ends).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fail, type TributaryError } from "@tributary/errors";
import { z } from "zod";
import { stopChildren } from "../stop-children.ts";

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

const failureSchema = z.object({ error: z.object({ code: z.string(), message: z.string(), advice: z.string() }) });

export function openProcesses(): Processes {
  const alive = new Set<ChildProcess>();
  let stopping = false;

  function launch(args: readonly string[]): ChildProcess {
    if (stopping) throw fail("TRB_DEMO_INTERRUPTED"); // what the demo has given up goes on to here, and no further
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...args, "--json"], {
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
    const child = launch(args);
    const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exit(child)]);
    const document = parse(stdout);
    if (exitCode !== 0) throw failed(args, exitCode, document, stderr);
    return document;
  }

  async function start(args: readonly string[], log: string): Promise<Service> {
    const child = launch(args);
    const file = createWriteStream(log);
    let lastWords = "";
    child.stderr?.pipe(file);
    child.stderr?.on("data", (chunk) => {
      lastWords = `${lastWords}${chunk}`.slice(-4000);
    });
    let printed = "";
    child.stdout?.on("data", (chunk) => {
      printed = `${printed}${chunk}`.slice(-4000);
    });
    const ended = exit(child).then((exitCode) => {
      if (exitCode !== 0) throw failed(args, exitCode, lastDocument(printed), lastWords);
    });
    ended.catch(() => {}); // whoever awaits `ended` hears of it
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    const first = await Promise.race([
      new Promise<unknown>((resolve) => lines.once("line", (line) => resolve(parse(line)))),
      ended.then(() => undefined),
    ]);
    if (first === undefined) await ended; // an error is printed over several lines, and its process ends
    if (first === undefined || child.pid === undefined) throw failed(args, child.exitCode ?? 1, undefined, lastWords);
    return { pid: child.pid, ready: first, ended };
  }

  async function stopAll(): Promise<void> {
    stopping = true;
    await stopChildren(alive);
  }

  return { run, start, stopAll };
}

/** What a process said when it failed: its own coded error, else the last line of its log. */
function failed(args: readonly string[], exitCode: number, document: unknown, log: string): TributaryError {
  const { data } = failureSchema.safeParse(document);
  const command = args.slice(0, 2).join(" ");
  const reason = data
    ? `${data.error.code} ${data.error.message}`
    : log.trim().split("\n").at(-1)?.slice(0, 400) || "it said nothing";
  const advice = data?.error.advice ?? "Run `tributary doctor`, then the demo again; if it stays, report this message.";
  return fail("TRB_DEMO_PROCESS_FAILED", { command, exitCode, reason, advice });
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

/** The error that a service printed after its first line, if it did. */
function lastDocument(printed: string): unknown {
  const begin = printed.indexOf("{\n");
  return begin < 0 ? undefined : parse(printed.slice(begin));
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // the callers say what they expected
  }
}
