/** ε over rounds charged: what the ledger says was spent, what the rest of the plan will cost, and the limit, on one axis. */
import type { LedgerRow, ProjectedCost } from "./ledger/words.ts";

export interface SpentLines {
  /** Rounds charged. */
  readonly x: readonly number[];
  readonly spent: readonly (number | null)[];
  readonly planned: readonly (number | null)[];
  readonly limit: readonly number[];
}

/** Points of the past, at most: a thousand rounds are no finer on a screen. */
const mostPast = 400;

export function spentAndPlanned(
  rows: readonly Pick<LedgerRow, "charged" | "epsilon">[],
  projected: readonly ProjectedCost[],
  limit: number,
): SpentLines {
  const past = new Map<number, number>([[0, 0]]);
  let charged = 0;
  for (const row of rows) {
    if (row.charged !== true || row.epsilon === undefined) continue;
    charged += 1;
    past.set(charged, row.epsilon);
  }
  const every = Math.max(1, Math.ceil(charged / mostPast));
  const kept = [...past].filter(([round]) => round % every === 0 || round === charged);
  const spent = new Map(kept);
  const planned = new Map(projected.map(({ rounds, epsilon }) => [rounds, epsilon]));
  const x = [...new Set([...spent.keys(), ...planned.keys()])].sort((a, b) => a - b);
  return {
    x,
    spent: x.map((at) => spent.get(at) ?? null),
    planned: x.map((at) => planned.get(at) ?? null),
    limit: x.map(() => limit),
  };
}
