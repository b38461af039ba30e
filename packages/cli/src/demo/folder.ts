/**
 * The demo's folder. It is replaced if an earlier demo made it (it holds `.tributary-demo`), created if it is absent or empty, and
 * refused otherwise.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fail } from "@tributary/errors";
import { systemCode } from "../files.ts";

const marker = ".tributary-demo";

/** Processes of a demo that was killed may still be writing for a moment. */
const removal = { recursive: true, force: true, maxRetries: 5, retryDelay: 200 } as const;

export interface DemoFolder {
  readonly path: string;
  /** The plan, ledger, model and report that stay. */
  file(name: string): string;
  /** What the processes work in; `finish` takes it away. */
  work(...names: string[]): string;
  /** Removes what only the run needed. */
  finish(): void;
  /** Removes everything: the demo did not come to its end. An empty folder that was there before is left, empty. */
  discard(): void;
}

/** Changes nothing yet. @throws TRB_DEMO_FOLDER_IN_USE, TRB_CLI_FILE_NOT_WRITABLE */
export function requireFolder(out: string): void {
  const names = orNotWritable(out, () => namesIn(resolve(out)));
  if (names !== undefined && names.length > 0 && !names.includes(marker)) throw fail("TRB_DEMO_FOLDER_IN_USE", { folder: out });
}

/** @throws TRB_DEMO_FOLDER_IN_USE, TRB_CLI_FILE_NOT_WRITABLE */
export function claimFolder(out: string): DemoFolder {
  requireFolder(out);
  const path = resolve(out);
  const before = orNotWritable(out, () => namesIn(path));
  orNotWritable(out, () => {
    mkdirSync(path, { recursive: true });
    // First: a demo killed from here on leaves a folder that the next one may replace.
    writeFileSync(join(path, marker), "Made by `tributary demo`, which may replace this folder.\n");
    empty(path, [marker]);
    mkdirSync(join(path, "work"));
  });
  return {
    path,
    file: (name) => join(path, name),
    work: (...names) => join(path, "work", ...names),
    finish: () => rmSync(join(path, "work"), removal),
    discard: () => {
      if (before?.length === 0) empty(path);
      else rmSync(path, removal);
    },
  };
}

/** Undefined when there is nothing at all. */
function namesIn(path: string): readonly string[] | undefined {
  return existsSync(path) ? readdirSync(path) : undefined;
}

function empty(path: string, except: readonly string[] = []): void {
  for (const name of readdirSync(path)) if (!except.includes(name)) rmSync(join(path, name), removal);
}

function orNotWritable<Result>(out: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const reason = systemCode(cause);
    throw fail("TRB_CLI_FILE_NOT_WRITABLE", { path: out, reason: reason === "ENOTDIR" ? "it is a file" : reason }, cause);
  }
}
