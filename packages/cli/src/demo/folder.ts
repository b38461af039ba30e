/**
 * The demo's folder. It is replaced if an earlier demo made it (it holds `.tributary-demo`), created if it is absent or empty, and
 * refused otherwise.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fail } from "@tributary/errors";

const marker = ".tributary-demo";

export interface DemoFolder {
  readonly path: string;
  /** The plan, ledger, model and report that stay. */
  file(name: string): string;
  /** What the processes work in; `finish` takes it away. */
  work(...names: string[]): string;
  /** Removes what only the run needed. */
  finish(): void;
  /** Removes everything: the demo did not come to its end. */
  discard(): void;
}

/** @throws TRB_DEMO_FOLDER_IN_USE, TRB_CLI_FILE_NOT_WRITABLE */
export function claimFolder(out: string): DemoFolder {
  const path = resolve(out);
  try {
    if (existsSync(path)) {
      const names = readdirSync(path);
      if (names.length > 0 && !names.includes(marker)) throw fail("TRB_DEMO_FOLDER_IN_USE", { folder: out });
      for (const name of names) rmSync(join(path, name), { recursive: true, force: true });
    }
    mkdirSync(join(path, "work"), { recursive: true });
    writeFileSync(join(path, marker), "Made by `tributary demo`, which may replace this folder.\n");
  } catch (error) {
    if (error instanceof Error && "code" in error && !("advice" in error)) {
      throw fail("TRB_CLI_FILE_NOT_WRITABLE", { path: out, reason: String(error.code) }, error);
    }
    throw error;
  }
  return {
    path,
    file: (name) => join(path, name),
    work: (...names) => join(path, "work", ...names),
    finish: () => rmSync(join(path, "work"), { recursive: true, force: true }),
    discard: () => rmSync(path, { recursive: true, force: true }),
  };
}
