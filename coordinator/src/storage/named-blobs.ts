/** Which contents a federation has use for, by its plan, state and ledger. */
import type { CoordinatorState } from "@tributary/federation";
import { parseLine } from "@tributary/ledger";
import type { Plan, Sha256 } from "@tributary/protocol";

type Standing = Pick<CoordinatorState, "modelHash" | "optimiserHash" | "kept" | "course">;

/** Without these it can't go on: catalogue, first and present model, what training may go back to, what was put forward. */
export function requiredBlobs(plan: Plan, state: Standing | undefined): Sha256[] {
  const hashes = [
    ...[plan.catalogueHash, plan.initialModelHash, state?.modelHash, state?.optimiserHash],
    ...[state?.kept?.modelHash, state?.kept?.optimiserHash, state?.course.promoted?.modelHash],
  ];
  return [...new Set(hashes.filter((hash) => hash !== undefined && hash !== null))];
}

/** Models that rounds left, each with the last round that left it, in the ledger's order. */
export function modelsByRound(lines: readonly string[]): Map<Sha256, number> {
  const models = new Map<Sha256, number>();
  for (const line of lines) {
    const entry = parseLine(line);
    if (entry.kind === "round") models.set(entry.nextModelHash, entry.round);
  }
  return models;
}

/** Models that were put forward, by a rule or by hand: merchants serve them, and certificates name them. */
export function promotedModels(lines: readonly string[]): Set<Sha256> {
  return new Set(
    lines.flatMap((line) => {
      const entry = parseLine(line);
      return entry.kind === "promotion" ? [entry.modelHash] : [];
    }),
  );
}
