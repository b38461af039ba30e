/**
 * A run on disk: a folder named by its id, which is the hash of its settings. The same command finds the same folder, so a run that was killed
 * goes on from its last checkpoint when it is asked for again, and one that is done is read instead of run.
 *
 *   run.json          settings and how far it is        checkpoint   everything between two attempts, while it runs
 *   result.json, attempts.parquet, model.safetensors, ledger.jsonl   what came out: the same bytes for the same settings
 *   run.lock          held by the process that is at work on it
 *
 * Runs of `simulate`, whose noise nothing determines, have ids of their own (`federation-run.ts`) and leave result.json, plan.json and ledger.jsonl.
 *
 * Every file is written beside its place, synced and moved there, so what is read is whole.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { isLocked } from "./run-lock.ts";

export interface RunState {
  readonly id: string;
  /** `killed`: it was begun, did not end, and no process is at work on it; that is seen, and never written down. */
  readonly status: "running" | "finished" | "killed";
  readonly settings: Readonly<Record<string, unknown>>;
  readonly begun: string;
  /** Seconds of work, over all the times that it was resumed. */
  readonly seconds: number;
  readonly attempts: number;
}

export interface RunFolder {
  readonly id: string;
  readonly path: string;
  /** Undefined for a run that never began. */
  readonly state: RunState | undefined;
  /** @throws TRB_SIMULATE_DISK_FULL, TRB_SIMULATE_RUN_UNWRITABLE */
  write(name: string, content: string | Uint8Array): void;
  /** Undefined where there is no such file. @throws TRB_SIMULATE_RUN_UNREADABLE */
  read(name: string): Uint8Array | undefined;
  remove(name: string): void;
}

/** Twelve hex digits of the settings' SHA-256; keys in any order. */
export function runId(settings: Readonly<Record<string, unknown>>): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(settings)))
    .digest("hex")
    .slice(0, 12);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** @throws TRB_SIMULATE_RUN_UNWRITABLE, TRB_SIMULATE_RUN_UNREADABLE */
export function openRun(home: string, settings: Readonly<Record<string, unknown>>): RunFolder {
  const id = runId(settings);
  const path = join(home, id);
  orUnwritable(path, () => mkdirSync(path, { recursive: true }));
  return folderOf(home, id);
}

/** @throws TRB_SIMULATE_RUN_UNKNOWN, TRB_SIMULATE_RUN_UNREADABLE */
export function findRun(home: string, id: string): RunFolder {
  const matches = listRuns(home).filter((run) => run.id.startsWith(id));
  if (id === "" || matches.length !== 1) throw fail("TRB_SIMULATE_RUN_UNKNOWN", { id, home });
  return folderOf(home, matches[0]?.id ?? id);
}

/** All runs of a home, the latest last. @throws TRB_SIMULATE_RUN_UNREADABLE */
export function listRuns(home: string): readonly RunState[] {
  if (!existsSync(home)) return [];
  const states = readdirSync(home).flatMap((name) => (/^[0-9a-f]{12}$/.test(name) ? standingOf(folderOf(home, name)) : []));
  return states.sort((a, b) => (a.begun < b.begun ? -1 : 1));
}

function standingOf({ state, path }: RunFolder): RunState | readonly [] {
  if (state === undefined) return [];
  return state.status === "running" && !isLocked(path) ? { ...state, status: "killed" } : state;
}

/** A file that a run leaves at its end. @throws TRB_SIMULATE_RUN_UNREADABLE where it did not come to its end */
export function readResult(folder: RunFolder, name: string): string {
  const content = folder.read(name);
  if (content !== undefined) return Buffer.from(content).toString("utf8");
  throw fail("TRB_SIMULATE_RUN_UNREADABLE", { path: `${folder.path}/${name}`, reason: "the run has not come to its end" });
}

function folderOf(home: string, id: string): RunFolder {
  const path = join(home, id);
  const read = (name: string): Uint8Array | undefined => {
    try {
      return readFileSync(join(path, name));
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined;
      throw fail("TRB_SIMULATE_RUN_UNREADABLE", { path: join(path, name), reason: codeOf(cause) }, cause);
    }
  };
  return {
    id,
    path,
    state: readState(read("run.json"), path),
    read,
    write: (name, content) => orUnwritable(join(path, name), () => writeWhole(join(path, name), content)),
    remove: (name) => rmSync(join(path, name), { force: true }),
  };
}

function readState(bytes: Uint8Array | undefined, path: string): RunState | undefined {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as RunState; // written by this file, whole or not at all
  } catch (cause) {
    throw fail("TRB_SIMULATE_RUN_UNREADABLE", { path, reason: "it is not JSON" }, cause);
  }
}

function writeWhole(path: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const file = openSync(`${path}.new`, "w");
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}

const full = ["ENOSPC", "EDQUOT", "EFBIG"];

function orUnwritable<Result>(path: string, write: () => Result): Result {
  try {
    return write();
  } catch (cause) {
    const reason = codeOf(cause);
    if (full.includes(reason)) throw fail("TRB_SIMULATE_DISK_FULL", { path }, cause);
    throw fail("TRB_SIMULATE_RUN_UNWRITABLE", { path, reason }, cause);
  }
}

/** `ENOSPC`, `EACCES`, …: what the operating system calls it. */
function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
}
