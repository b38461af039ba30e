/** Ways to tamper with what a ledger's entries decide: the coordinator writes others to begin with, and the nodes countersign them. Both verifiers find each. */
import { asBytes, type Draft, writeLedger } from "../../packages/ledger/src/example-ledger.ts";
import { closingAfter, courseDrafts, courseFederation, courseRound, modelOf } from "./course-ledger.ts";
import type { Tampering } from "./tampering.ts";

function bent(
  name: string,
  [entry, code]: readonly [number, Tampering["code"]],
  change: (drafts: Draft[]) => readonly Draft[],
): Tampering {
  return { name, entry, code, python: true, tamper: () => asBytes(writeLedger(courseFederation, change(courseDrafts()))) };
}

const without = (drafts: Draft[], place: number) => drafts.filter((_, i) => i !== place);
const instead = (drafts: Draft[], place: number, change: object) =>
  drafts.map((draft, i) => (i === place ? ({ ...draft, ...change } as Draft) : draft));

export const courseTamperings: readonly Tampering[] = [
  bent("a promotion that the plan's rule calls for left out", [2, "TRB_LEDGER_PROMOTION_MISSING"], (drafts) =>
    without(drafts, 2),
  ),
  bent("a promotion by a rule that the plan hasn't", [2, "TRB_LEDGER_PROMOTION_INVALID"], (drafts) =>
    instead(drafts, 2, { rule: "rounds" }),
  ),
  bent("a promotion of another model than was kept", [5, "TRB_LEDGER_PROMOTION_INVALID"], (drafts) =>
    instead(drafts, 5, { modelHash: modelOf(0x33) }),
  ),
  bent("back to a model that nobody released", [7, "TRB_LEDGER_ROLLBACK_INVALID"], (drafts) =>
    instead(drafts, 7, { modelHash: modelOf(0x77), optimiser: "reset" }),
  ),
  bent("back to the model that stands", [7, "TRB_LEDGER_ROLLBACK_INVALID"], (drafts) =>
    instead(drafts, 7, { modelHash: modelOf(0x35), optimiser: "reset" }),
  ),
  bent("back with an optimiser's state that was not kept", [7, "TRB_LEDGER_ROLLBACK_INVALID"], (drafts) =>
    instead(drafts, 7, { modelHash: modelOf(0x33) }),
  ),
  bent("back without a word of it", [7, "TRB_LEDGER_MODEL_CHAIN_BROKEN"], (drafts) => without(drafts, 7)),
  bent("a ruined model that is kept", [12, "TRB_LEDGER_SUM_MISMATCHED"], (drafts) => [
    ...drafts.slice(0, 12),
    courseRound(9, 0x37, 0x37, 0.2),
    closingAfter(9, 0x37),
  ]),
  bent("closed early, without the rule's name", [13, "TRB_LEDGER_EARLY_STOP_INVALID"], (drafts) => {
    const { rule: _, ...closing } = drafts[13] as Extract<Draft, { kind: "closing" }>;
    return [...drafts.slice(0, 13), closing];
  }),
  bent("closed early, for another reason", [13, "TRB_LEDGER_EARLY_STOP_INVALID"], (drafts) =>
    instead(drafts, 13, { reason: "all rounds of the plan are charged" }),
  ),
  bent("closed by a rule that was not fulfilled", [11, "TRB_LEDGER_EARLY_STOP_INVALID"], (drafts) => [
    ...drafts.slice(0, 11),
    closingAfter(7, 0x36),
  ]),
  bent("a round after the rule ended training", [13, "TRB_LEDGER_EARLY_STOP_INVALID"], (drafts) => [
    ...drafts.slice(0, 13),
    courseRound(10, 0x36, 0x38),
    closingAfter(10, 0x38),
  ]),
  bent("back to a model after the rule ended training", [13, "TRB_LEDGER_ROLLBACK_INVALID"], (drafts) => [
    ...drafts.slice(0, 13),
    { kind: "rollback", modelHash: modelOf(0x34), optimiser: "reset", operator: "platform", reason: "" },
  ]),
];
