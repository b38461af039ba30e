/**
 * What a ledger's entries decide about the rounds that follow: which models training may go back to, whether it has ended early, and which model is promoted next.
 * Pure functions of the plan and of what stands in the entries, so that coordinator, nodes and auditors come to the same; `packages/protocol/src/plan` has the rules
 * in words (`early-stop.ts`, `promotion.ts`).
 *
 *   early stop   m̂ the estimate of the plan's metric of one release (`metrics.ts`); m* the best before. The first m̂ that says anything becomes m*; a later one does if
 *                m̂ ≥ m* + leastGain. Each release that does neither counts, and `patience` of them in a row end training.
 *   promotion    `rounds`: `every` rounds of training were released since the last promotion. `acceptance`: the model kept last isn't the promoted one, and its interval's
 *                lower end is at least `leastGain` above that of the promoted one (or none is promoted, or nothing was known of it).
 *   rollback     to one of the last 64 models that rounds released since statistics were complete, or that training began at: what is known of items and pairs stays known.
 *
 * Float64 by + − × ÷ √ alone, like the metrics.
 */
import { type Plan, parseDecimal, type Sha256 } from "@tributary/protocol";
import type { KeptModel } from "./acceptance.ts";
import type { EntryOf } from "./entries.ts";
import { metricsOf } from "./metrics.ts";

export interface Course {
  /** What training may go back to, each once, released last at the end. */
  readonly models: readonly Sha256[];
  /** m*; null before anything could be said. */
  readonly best: number | null;
  /** Releases of metrics in a row that brought no gain. */
  readonly stale: number;
  /** The model promoted last, and the lower end of its interval where metrics said one; null before the first. */
  readonly promoted: {
    readonly modelHash: Sha256;
    readonly lower: number | null;
    /** The model that metrics had kept by then, which is not promoted by rule any more. */
    readonly kept: Sha256 | null;
  } | null;
  /** Rounds of training released since then. */
  readonly trained: number;
}

type ReadRound = Pick<EntryOf<"round">, "round" | "release" | "sum" | "survivors" | "modelHash" | "nextModelHash">;

export function courseOf({ initialModelHash }: Pick<Plan, "initialModelHash">): Course {
  return { models: [initialModelHash], best: null, stale: 0, promoted: null, trained: 0 };
}

/** What an earlier version of the program left out of a state: nothing to go back to is known, and nothing was decided. */
export const unknownCourse: Course = { models: [], best: null, stale: 0, promoted: null, trained: 0 };

/** @throws TRB_DP_… for a plan whose metrics can't be read */
export function courseAfterRound(plan: Plan, course: Course, entry: ReadRound): Course {
  const kind = plan.releases[entry.release]?.kind;
  if (kind === "popularity" || kind === "pairs") return { ...course, models: [entry.nextModelHash] };
  if (kind === "training") {
    return { ...course, models: withModel(course.models, entry.nextModelHash), trained: course.trained + 1 };
  }
  return plan.earlyStop === undefined || kind !== "metrics" ? course : { ...course, ...looked(plan, course, entry) };
}

/** A ledger may have a million rounds; what everybody remembers of them stays small. */
const mostModels = 64;

function withModel(models: readonly Sha256[], modelHash: Sha256): readonly Sha256[] {
  return [...models.filter((one) => one !== modelHash), modelHash].slice(-mostModels);
}

function looked(plan: Plan, { best, stale }: Course, entry: ReadRound): Pick<Course, "best" | "stale"> {
  const metrics = metricsOf(plan, entry);
  if (metrics === undefined || plan.earlyStop === undefined) return { best, stale };
  const { metric, leastGain } = plan.earlyStop;
  const { estimate } = metrics[metric];
  const gains = estimate !== null && (best === null || estimate >= best + parseDecimal(leastGain));
  return gains ? { best: estimate, stale: 0 } : { best, stale: stale + 1 };
}

/** Whether the plan's rule has ended training: only the closing entry and notes follow. */
export function isStopped({ earlyStop }: Pick<Plan, "earlyStop">, { stale }: Course): boolean {
  return earlyStop !== undefined && stale >= earlyStop.patience;
}

/** What the closing entry of a ledger that ended so gives as its reason. */
function stopReason({ patience, metric }: NonNullable<Plan["earlyStop"]>): string {
  return `early stop: ${patience} releases of metrics in a row brought no gain in ${metric}`;
}

/** What the closing entry says of how it came to it, beside an operator's or the plan's own words. */
export function stopOf(
  plan: Pick<Plan, "earlyStop">,
  course: Course,
): { readonly reason: string; readonly rule: "earlyStop" } | undefined {
  if (plan.earlyStop === undefined || !isStopped(plan, course)) return undefined;
  return { reason: stopReason(plan.earlyStop), rule: "earlyStop" };
}

/** The promotion that the plan's rule calls for before anything else follows; undefined: none. */
export function promotionDue(
  { promotion }: Pick<Plan, "promotion">,
  { promoted, trained }: Course,
  { modelHash, kept }: { readonly modelHash: Sha256 | null; readonly kept: KeptModel | null },
): { readonly modelHash: Sha256; readonly rule: "acceptance" | "rounds" } | undefined {
  if (promotion === undefined) return undefined;
  if (promotion.rule === "rounds") {
    if (trained < promotion.every || modelHash === null) return undefined;
    return { modelHash, rule: "rounds" };
  }
  if (kept === null || kept.modelHash === promoted?.modelHash || kept.modelHash === promoted?.kept) return undefined;
  const [lower = null] = kept.interval ?? [];
  const least = promoted?.lower ?? null;
  if (least !== null && (lower === null || lower < least + parseDecimal(promotion.leastGain))) return undefined;
  return { modelHash: kept.modelHash, rule: "acceptance" };
}

/** After an entry that promotes, by whatever rule. */
export function courseAfterPromotion(
  course: Course,
  { modelHash }: { readonly modelHash: Sha256 },
  kept: KeptModel | null,
): Course {
  const lower = kept?.modelHash === modelHash ? (kept.interval?.[0] ?? null) : null;
  return { ...course, promoted: { modelHash, lower, kept: kept?.modelHash ?? null }, trained: 0 };
}

/** What training went back from is no mark for what comes of it now. */
export function courseAfterRollback(course: Course): Course {
  return { ...course, best: null, stale: 0, trained: 0 };
}

/** What metrics kept, once training went back to another model: nothing is judged by what was given up. */
export function keptAfterRollback<Kept extends KeptModel>(kept: Kept | null, modelHash: Sha256): Kept | null {
  return kept?.modelHash === modelHash ? kept : null;
}

/** Why training can't go back to this model; undefined: it can. */
export function rollbackFault(
  plan: Plan,
  course: Course,
  { modelHash, optimiser }: Pick<EntryOf<"rollback">, "modelHash" | "optimiser">,
  standing: { readonly modelHash: Sha256 | null; readonly kept: KeptModel | null },
): string | undefined {
  if (isStopped(plan, course)) return "training has ended";
  if (modelHash === standing.modelHash) return "it is the model that stands";
  if (!course.models.includes(modelHash)) return "no round released it since training could begin";
  if (optimiser === "kept" && standing.kept?.modelHash !== modelHash) return "the optimiser's state of then was not kept";
  return undefined;
}
