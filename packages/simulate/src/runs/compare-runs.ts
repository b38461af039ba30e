/** Two runs side by side: which settings differ, and by how much the figures do. */
import type { RunState } from "./run-folder.ts";
import { findRun } from "./run-folder.ts";
import { readFinished, type ScaleRunResult } from "./scale-run.ts";

export interface RunComparison {
  readonly a: string;
  readonly b: string;
  /** Settings that differ, by their paths. */
  readonly settings: readonly { readonly setting: string; readonly a: unknown; readonly b: unknown }[];
  readonly figures: readonly { readonly figure: string; readonly a: number; readonly b: number; readonly difference: number }[];
  readonly sameModel: boolean;
}

/** @throws TRB_SIMULATE_RUN_UNKNOWN, TRB_SIMULATE_RUN_UNREADABLE */
export function compareRuns(home: string, first: string, second: string): RunComparison {
  const [a, b] = [findRun(home, first), findRun(home, second)];
  const [resultA, resultB] = [readFinished(a).result, readFinished(b).result];
  const [flatA, flatB] = [flat(a.state), flat(b.state)];
  const names = [...new Set([...flatA.keys(), ...flatB.keys()])].sort();
  const [figuresA, figuresB] = [figuresOf(resultA), figuresOf(resultB)];
  return {
    ...{ a: a.id, b: b.id },
    settings: names
      .filter((name) => JSON.stringify(flatA.get(name)) !== JSON.stringify(flatB.get(name)))
      .map((setting) => ({ setting, a: flatA.get(setting) ?? null, b: flatB.get(setting) ?? null })),
    figures: Object.entries(figuresA).map(([figure, value]) => {
      const other = figuresB[figure] ?? Number.NaN;
      return { figure, a: value, b: other, difference: other - value };
    }),
    sameModel: resultA.modelHash === resultB.modelHash,
  };
}

/** `split.skew.by` → value. */
function flat(state: RunState | undefined): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) found.set(path, value);
    else for (const [key, inner] of Object.entries(value)) visit(inner, path === "" ? key : `${path}.${key}`);
  };
  visit(state?.settings ?? {}, "");
  return found;
}

function figuresOf({
  privacy,
  federated,
  popularity,
  floor,
  releasedRounds,
  attempts,
}: ScaleRunResult): Record<string, number> {
  const blocks = { floor, popularity, federated };
  const scores = Object.entries(blocks).flatMap(([name, block]) => [
    [`${name}.ndcg10`, block.ndcg10] as const,
    [`${name}.hr10`, block.hr10] as const,
  ]);
  return { epsilon: privacy.epsilon, releasedRounds, attempts, ...Object.fromEntries(scores) };
}
