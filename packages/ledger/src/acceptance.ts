/**
 * Which model is kept, by the plan's rule (`acceptance` of a plan): a function of the plan and of what stands in the ledger, so that coordinator, nodes
 * and auditors come to the same.
 *
 *   The first model that metrics are released of is kept. A later one is given up if upper(later) < lower(kept) − tolerance, or if nothing can be said of
 *   it (the count of judged customers drowned in noise) while something could of the kept one; else it is kept from then on.
 *
 * Lower and upper are the ends of Fieller's 95 % interval (`metrics.ts`), float64 by + − × ÷ √ alone. If both models are equally good
 * and equally well known, the later is given up with a chance of about Φ(−2·1.96/√2) = 0.3 % at tolerance 0.
 */
import { type Plan, parseDecimal, type Sha256 } from "@tributary/protocol";
import type { Entry, EntryOf } from "./entries.ts";
import { metricsOf } from "./metrics.ts";

/** The model kept last, and what was measured of it. */
export interface KeptModel {
  readonly modelHash: Sha256;
  /** Of the plan's metric; null where nothing could be said. */
  readonly interval: readonly [number, number] | null;
}

type JudgedRound = Pick<EntryOf<"round">, "round" | "release" | "sum" | "survivors" | "modelHash">;

/**
 * @param kept null before the first release of metrics
 * @returns `kept` itself, unless the round's metrics are of another model that is kept from now on
 */
export function keptAfter(plan: Plan, kept: KeptModel | null, entry: JudgedRound): KeptModel | null {
  const { acceptance } = plan;
  if (acceptance === undefined || entry.modelHash === kept?.modelHash) return kept;
  const metrics = metricsOf(plan, entry);
  if (metrics === undefined) return kept;
  const { interval } = metrics[acceptance.metric];
  const candidate: KeptModel = { modelHash: entry.modelHash, interval };
  if (kept === null || kept.interval === null) return candidate;
  if (interval === null) return kept;
  return interval[1] < kept.interval[0] - parseDecimal(acceptance.tolerance) ? kept : candidate;
}

/** The model that a round of metrics leaves: the one that it judged, or the one kept before. */
export function modelAfterMetrics(kept: KeptModel | null, { modelHash }: Pick<JudgedRound, "modelHash">): Sha256 {
  return kept?.modelHash ?? modelHash;
}

/** What a ledger says of a model by the plan's rule. */
export type Judgement = "kept" | "given up" | "not judged";

/** @returns null where the plan keeps every model */
export function judgementOf(plan: Plan, entries: readonly Entry[], modelHash: string): Judgement | null {
  if (plan.acceptance === undefined) return null;
  const judged = entries.findLast(
    (entry): entry is EntryOf<"round"> =>
      entry.kind === "round" && entry.modelHash === modelHash && plan.releases[entry.release]?.kind === "metrics",
  );
  if (judged === undefined) return "not judged";
  return judged.nextModelHash === modelHash ? "kept" : "given up";
}
