/** Two runs side by side: which settings differ, and by how much the figures do. */
import type { ResultBlock } from "@tributary/model";
import { findRun, type RunFolder, type RunState, readResult } from "./run-folder.ts";

export interface RunComparison {
  readonly a: string;
  readonly b: string;
  /** Settings that differ, by their paths. */
  readonly settings: readonly { readonly setting: string; readonly a: unknown; readonly b: unknown }[];
  /** Null where a run has no such figure: the two kinds of runs don't report the same ones. */
  readonly figures: readonly {
    readonly figure: string;
    readonly a: number | null;
    readonly b: number | null;
    readonly difference: number | null;
  }[];
  readonly sameModel: boolean;
}

/** What `simulate` and `simulate scale` both write to result.json, as far as they have it. */
interface AnyResult {
  readonly modelHash: string;
  readonly privacy: { readonly epsilon: number };
  /** `simulate scale`; `simulate` has `rounds`, which all are released. */
  readonly releasedRounds?: number;
  readonly rounds?: number;
  readonly attempts?: number;
  readonly floor: ResultBlock;
  readonly popularity: ResultBlock;
  readonly local?: ResultBlock;
  readonly federated: ResultBlock;
  readonly joined?: ResultBlock;
}

/** @throws TRB_SIMULATE_RUN_UNKNOWN, TRB_SIMULATE_RUN_UNREADABLE */
export function compareRuns(home: string, first: string, second: string): RunComparison {
  const [a, b] = [findRun(home, first), findRun(home, second)];
  const resultOf = (folder: RunFolder) => JSON.parse(readResult(folder, "result.json")) as AnyResult;
  const [resultA, resultB] = [resultOf(a), resultOf(b)];
  const [flatA, flatB] = [flat(a.state), flat(b.state)];
  const names = [...new Set([...flatA.keys(), ...flatB.keys()])].sort();
  const [figuresA, figuresB] = [figuresOf(resultA), figuresOf(resultB)];
  return {
    ...{ a: a.id, b: b.id },
    settings: names
      .filter((name) => JSON.stringify(flatA.get(name)) !== JSON.stringify(flatB.get(name)))
      .map((setting) => ({ setting, a: flatA.get(setting) ?? null, b: flatB.get(setting) ?? null })),
    figures: [...new Set([...figuresA.keys(), ...figuresB.keys()])].map((figure) => {
      const [valueA, valueB] = [figuresA.get(figure) ?? null, figuresB.get(figure) ?? null];
      return { figure, a: valueA, b: valueB, difference: valueA === null || valueB === null ? null : valueB - valueA };
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

function figuresOf({ privacy, releasedRounds, rounds, attempts, floor, popularity, local, federated, joined }: AnyResult) {
  const figures = new Map<string, number>();
  const note = (figure: string, value: number | undefined) => value === undefined || figures.set(figure, value);
  note("epsilon", privacy.epsilon);
  note("releasedRounds", releasedRounds ?? rounds);
  note("attempts", attempts);
  for (const [name, block] of Object.entries({ floor, popularity, local, federated, joined })) {
    note(`${name}.ndcg10`, block?.ndcg10);
    note(`${name}.hr10`, block?.hr10);
  }
  return figures;
}
