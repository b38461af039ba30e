/** Entries that are no rounds: who was revoked, what an operator did, that a node erased customers, which model is put forward. */
import type { Crypto, NodeId } from "@tributary/protocol";
import { courseAfterPromotion, courseAfterRollback, keptAfterRollback, promotionDue, rollbackFault } from "../course.ts";
import type { EntryOf } from "../entries.ts";
import { checkOperatorAction, pausedAfter } from "../operator-actions.ts";
import { withRosterEntry } from "../roster-changes.ts";
import { checkRosterChange } from "./roster.ts";
import type { Founding, Report, VerificationState } from "./state.ts";

export type NoteEntry = EntryOf<"roster" | "operator" | "erasure" | "promotion" | "rollback">;
/** What a note is held to. */
export type NoteStanding = Pick<
  VerificationState,
  "modelHash" | "kept" | "course" | "lastRound" | "barred" | "rosterChanges" | "paused" | "erasures"
>;

const day = 86_400_000;

/** What of a note doesn't hold, given what stands before it. Signatures: `signatures.ts`. */
export function checkNote(
  entry: NoteEntry,
  standing: NoteStanding,
  founding: Founding,
  crypto: Pick<Crypto, "verify">,
  report: Report,
): void {
  switch (entry.kind) {
    case "roster":
      checkRosterChange(entry, standing, founding, crypto, report);
      return;
    case "operator":
      checkOperatorAction(entry, standing.paused, report);
      return;
    case "erasure": {
      const wrong = (reason: string) => report("TRB_LEDGER_ERASURE_INVALID", { reason });
      const last = standing.erasures[entry.node];
      if (last !== undefined && entry.on <= last) wrong(`${entry.node} has said so of a later day, or of this one`);
      if (Date.parse(entry.on) > Date.parse(entry.at) + day) {
        report("TRB_LEDGER_CLOCKS_DISAGREE", { reason: `${entry.node} signed for ${entry.on}, the entry is of ${entry.at}` });
      }
      return;
    }
    case "promotion": {
      const due = promotionDue(founding.plan, standing.course, standing);
      const byRule = entry.rule !== "rounds" || due?.rule === "rounds";
      const named = entry.rule === "acceptance" ? standing.kept?.modelHash : standing.modelHash;
      if (!byRule || named !== entry.modelHash) report("TRB_LEDGER_PROMOTION_INVALID", { rule: entry.rule });
      return;
    }
    case "rollback": {
      const reason = rollbackFault(founding.plan, standing.course, entry, standing);
      if (reason !== undefined) report("TRB_LEDGER_ROLLBACK_INVALID", { reason });
    }
  }
}

/** Members who take part no longer, each once: a file may name whom it likes as often as it likes, and what is remembered of it stays bounded. */
export function withoutTwice(
  before: readonly NodeId[],
  more: readonly NodeId[],
  { roster }: Pick<Founding, "roster">,
): readonly NodeId[] {
  if (more.length === 0) return before;
  const named = new Set([...before, ...more]);
  return named.size === before.length ? before : roster.map(({ node }) => node).filter((node) => named.has(node));
}

/**
 * What stands after a note. Of those who are no members nothing does.
 * @param founding with everybody who was ever admitted
 */
export function afterNote<Standing extends NoteStanding>(
  entry: NoteEntry,
  standing: Standing,
  founding: Pick<Founding, "roster">,
): Standing {
  switch (entry.kind) {
    case "roster":
      return {
        ...standing,
        barred: withoutTwice(standing.barred, entry.revoked, founding),
        rosterChanges: withRosterEntry(standing.rosterChanges, entry),
      };
    case "operator":
      return { ...standing, paused: pausedAfter(entry) ?? standing.paused };
    case "erasure":
      if (!founding.roster.some(({ node }) => node === entry.node)) return standing;
      return { ...standing, erasures: { ...standing.erasures, [entry.node]: entry.on } };
    case "promotion":
      return { ...standing, course: courseAfterPromotion(standing.course, entry, standing.kept) };
    case "rollback": {
      const { modelHash } = entry;
      const kept = keptAfterRollback(standing.kept, modelHash);
      return { ...standing, modelHash, kept, course: courseAfterRollback(standing.course) };
    }
  }
}
