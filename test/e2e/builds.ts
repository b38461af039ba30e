/** Tributary as another build would have it: a copy of the source with a few changes, whose `main.ts` runs beside today's. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./processes.ts";

/** One text in one file, and what stands there in the other build. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** @returns the build's `main.ts` */
export function otherBuild(folder: string, changes: readonly Change[]): string {
  for (const room of ["packages", "client", "coordinator", "dp", "package.json", "tsconfig.json"]) {
    cpSync(join(root, room), join(folder, room), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/\/(\.bin|\.cache|dist|target)$/.test(path),
    });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const { file, from, to } of changes) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    if (text.split(from).length !== 2) throw new Error(`${file} doesn't hold once: ${from}`);
    writeFileSync(path, text.replace(from, to));
  }
  return join(folder, "packages/cli/src/main.ts");
}
