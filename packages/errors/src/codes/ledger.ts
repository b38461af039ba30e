import { defineErrors } from "../define.ts";

const distrust = "Don't rely on this ledger: ask for an unaltered copy, and compare its head hash with other members.";

/** Each names what an entry got wrong; verification puts entry and line beside it. All are exit 4. */
const refuted = (message: string, advice: string = distrust) => ({ message, advice, status: 409, exitCode: 4 as const });

export const ledgerErrors = defineErrors({
  TRB_LEDGER_EMPTY: refuted("The ledger has no entries.", "Give the ledger.jsonl of a federation that has begun."),
  TRB_LEDGER_LINE_INVALID: refuted("A line is not a ledger entry at {path}: {reason}."),
  TRB_LEDGER_NOT_CANONICAL: refuted("A line is not byte-equal to its canonical form."),
  TRB_LEDGER_UNTERMINATED: refuted("The last line does not end with a line feed: the file was cut off or altered."),
  TRB_LEDGER_CHAIN_BROKEN: refuted("An entry does not follow the one before it: its {field} is not what the chain requires."),
  TRB_LEDGER_TREE_WRONG: refuted("An entry's tree is not the root of the tree over the entries before it."),
  TRB_LEDGER_CLOCKS_DISAGREE: refuted("An entry's time can't be true: {reason}."),
  TRB_LEDGER_SIGNATURE_INVALID: refuted("An entry's signature is not valid under the coordinator's key."),
  TRB_LEDGER_NO_GENESIS: refuted("The first entry is not a genesis entry."),
  TRB_LEDGER_SECOND_GENESIS: refuted("A genesis entry stands after the first entry."),
  TRB_LEDGER_GENESIS_INVALID: refuted("The genesis entry contradicts itself: {reason}."),
  TRB_LEDGER_PLAN_REFUSED: refuted("The plan in the genesis entry breaks a rule ({code}): {reason}"),
  TRB_LEDGER_ROSTER_INVALID: refuted("The founding roster is not valid: {reason}."),
  TRB_LEDGER_PLAN_MISMATCH: refuted("An entry is bound to another plan."),
  TRB_LEDGER_MODEL_CHAIN_BROKEN: refuted("An entry does not start from the model that the one before it left."),
  TRB_LEDGER_ROUND_REPEATED: refuted(
    "Round {round} comes after round {last}: a round number is used once, in ascending order.",
  ),
  TRB_LEDGER_H1_REPEATED: refuted("Round {round} has the h₁ of an earlier round: it is that round over again, and no new one."),
  TRB_LEDGER_RELEASE_UNKNOWN: refuted("An entry names release {release}, which the plan does not have."),
  TRB_LEDGER_SETS_INVALID: refuted("The node sets of a round are not valid: {reason}."),
  TRB_LEDGER_BARRED_INVALID: refuted("A round bars nodes wrongly, or has one that is barred: {reason}."),
  TRB_LEDGER_HEADS_INVALID: refuted("The nodes' countersignatures of the entries before a round are not valid: {reason}."),
  TRB_LEDGER_ROSTER_CHANGE_INVALID: refuted("A change of the roster is not valid: {reason}."),
  TRB_LEDGER_OPERATOR_INVALID: refuted("An operator paused or resumed the federation, and {action} does not fit that."),
  TRB_LEDGER_ERASURE_INVALID: refuted("A node's note of an erasure is not valid: {reason}."),
  TRB_LEDGER_PROMOTION_MISSING: refuted("By the plan's rule {rule} a model had to be put forward before this entry."),
  TRB_LEDGER_ROLLBACK_INVALID: refuted("Training can't go back to this model: {reason}."),
  TRB_LEDGER_EARLY_STOP_INVALID: refuted("The plan's rule for an early stop was not kept to: {reason}."),
  TRB_LEDGER_PROMOTION_INVALID: refuted("A model is put forward by the rule {rule}, and is not the one that the rule names."),
  TRB_LEDGER_COHORT_TOO_SMALL: refuted("A round has {nodes} {set} where at least {least} are needed."),
  TRB_LEDGER_VOTES_INVALID: refuted("The votes of a round are not valid: {reason}."),
  TRB_LEDGER_QUORUM_MISSING: refuted("A round has {votes} votes where a quorum is {quorum}."),
  TRB_LEDGER_CHARGE_WRONG: refuted("The rounds charged are not what the entries add up to."),
  TRB_LEDGER_REFUND_UNFOUNDED: refuted("A round given up in step {step} is not charged, though no quorum voted to abort it."),
  TRB_LEDGER_ROUNDS_EXCEEDED: refuted("{charged} rounds of release {release} are charged; the plan permits {rounds}."),
  TRB_LEDGER_EPSILON_UNDERSTATED: refuted(
    "An entry claims a smaller privacy cost ({claimed}) than follows from the plan ({recomputed}).",
  ),
  TRB_LEDGER_MECHANISM_MISMATCH: refuted("The mechanism's {field} is not what the plan prescribes."),
  TRB_LEDGER_SUM_MISMATCHED: refuted("A round's sum is not what its entry and the plan say: {reason}."),
  TRB_LEDGER_CLOSING_WRONG: refuted("The closing entry counts {claimed} released rounds; the ledger has {counted}."),
  TRB_LEDGER_AFTER_CLOSING: refuted("An entry stands after the closing entry."),
  TRB_LEDGER_PROOF_IMPOSSIBLE: {
    message: "There is no proof of entry {index} among the first {size}: the ledger has {entries} entries.",
    advice: "Give an entry, counted from 0, and a size above it that the ledger has.",
    status: 400,
    exitCode: 2,
  },
  TRB_LEDGER_PROOF_INVALID: refuted(
    "It is no proof of an entry at {path}: {reason}.",
    "Give the file that `tributary ledger prove` wrote.",
  ),
  TRB_LEDGER_PROOF_REFUTED: refuted(
    "The proof of entry {index} does not hold: {reason}.",
    "Don't rely on it: ask for the ledger itself.",
  ),
  TRB_LEDGER_KEY_MISMATCH: refuted(
    "The ledger is signed by another coordinator: its key's fingerprint is not the one given.",
    "Compare the fingerprint with the one that the coordinator published elsewhere.",
  ),
  TRB_LEDGER_HEAD_MISMATCH: refuted(
    "No entry has the head hash that was given: the ledger was cut off or rewritten.",
    "Ask for the whole ledger, and compare its head hash with other members.",
  ),
});
