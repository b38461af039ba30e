/** Entries that are no rounds: who was revoked, what an operator did, that a node erased customers, which model is put forward. */
import type { EntryOf } from "../entries.ts";
import { checkOperatorAction, pausedAfter } from "../operator-actions.ts";
import { type Founding, isAscending, type Report, type VerificationState } from "./state.ts";

export type NoteEntry = EntryOf<"roster" | "operator" | "erasure" | "promotion">;
/** What a note is held to. */
export type NoteStanding = Pick<
  VerificationState,
  "modelHash" | "kept" | "lastRound" | "barred" | "rosterChanges" | "paused" | "erasures"
>;

const day = 86_400_000;

/** What of a note doesn't hold, given what stands before it. Signatures: `signatures.ts`. */
export function checkNote(entry: NoteEntry, standing: NoteStanding, { roster }: Founding, report: Report): void {
  const isMember = (name: string) => roster.some(({ node }) => node === name);
  switch (entry.kind) {
    case "roster": {
      const wrong = (reason: string) => report("TRB_LEDGER_ROSTER_CHANGE_INVALID", { reason });
      if (!isAscending(entry.revoked)) wrong("they are not strictly ascending");
      for (const node of entry.revoked) {
        if (!isMember(node)) wrong(`${node} is not in the roster`);
        else if (standing.barred.includes(node)) wrong(`${node} takes part no longer already`);
      }
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
      const named = entry.rule === "acceptance" ? standing.kept?.modelHash : standing.modelHash;
      if (named !== entry.modelHash) report("TRB_LEDGER_PROMOTION_INVALID", { rule: entry.rule });
    }
  }
}

/** What stands after a note. */
export function afterNote<Standing extends NoteStanding>(entry: NoteEntry, standing: Standing): Standing {
  switch (entry.kind) {
    case "roster":
      return { ...standing, barred: [...standing.barred, ...entry.revoked] };
    case "operator":
      return { ...standing, paused: pausedAfter(entry) ?? standing.paused };
    case "erasure":
      return { ...standing, erasures: { ...standing.erasures, [entry.node]: entry.on } };
    case "promotion":
      return standing;
  }
}
