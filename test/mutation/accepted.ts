/**
 * Mutants that nobody can kill, because what they change can't be seen: accepted/PACKAGE.json. They are known by their text, not by a line's number,
 * so they stay accepted while the line stays as it is, and one that no mutant answers to any more is told.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Mutant } from "./mutants.ts";

export interface Accepted {
  readonly file: string;
  /** The line on which it begins, without the space around. */
  readonly line: string;
  readonly mutator: string;
  readonly original: string;
  readonly replacement: string;
  /** Why nothing can tell it from the code as it is. */
  readonly reason: string;
}

export function readAccepted(name: string): readonly Accepted[] {
  const path = join(import.meta.dirname, "accepted", `${name}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as readonly Accepted[]) : [];
}

/** What an entry of accepted/PACKAGE.json would be, its reason left to write. */
export function entryOf({ file, lineText, mutator, original, replacement }: Mutant): Omit<Accepted, "reason"> {
  return { file, line: lineText, mutator, original, replacement };
}

/** Which mutants are accepted, by id, and which entries no mutant answers to. */
export function matchAccepted(mutants: readonly Mutant[], accepted: readonly Accepted[]) {
  const byKey = Map.groupBy(mutants, (mutant) => keyOf(entryOf(mutant)));
  const ids = new Set(accepted.flatMap((entry) => (byKey.get(keyOf(entry)) ?? []).map(({ id }) => id)));
  return { ids, stale: accepted.filter((entry) => !byKey.has(keyOf(entry))) };
}

function keyOf({ file, line, mutator, original, replacement }: Omit<Accepted, "reason">): string {
  return [file, line, mutator, original, replacement].join("\0");
}
