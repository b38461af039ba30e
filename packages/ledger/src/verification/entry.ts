/**
 * One more line of a ledger, held to everything before it. A whole file is verified by folding this over its lines; a node
 * does the same with each line that it is sent.
 */
import { isTributaryError } from "@tributary/errors";
import type { Crypto } from "@tributary/protocol";
import { headAfter, placeAfter } from "../building.ts";
import { courseOf } from "../course.ts";
import type { Entry } from "../entries.ts";
import { parseLine } from "../parsing.ts";
import { checkSpent } from "./costs.ts";
import { checkGenesis } from "./genesis.ts";
import { afterNote, checkNote, type NoteEntry, withoutTwice } from "./notes.ts";
import { foundingAt, roundOf } from "./roster.ts";
import {
  checkAborted,
  checkBarred,
  checkPlace,
  checkReleased,
  checkWhatFollows,
  courseByEntry,
  keptByEntry,
} from "./rounds.ts";
import { checkCoordinator, checkNodes } from "./signatures.ts";
import { type Failure, type Founding, type Report, reporter, type VerificationState } from "./state.ts";

export interface VerifiedLine {
  /** Goes on even after a failure, so that a reader learns of later ones too. */
  readonly state: VerificationState;
  /** Undefined when the line can't be read. */
  readonly entry: Entry | undefined;
  /** None: the entry holds, given that all before it do. */
  readonly failures: readonly Failure[];
}

/** Whether signatures are checked with everything else, or on their own (`signatureFailures`), as of a long ledger on other threads. */
export type Signatures = "here" | "elsewhere";

/**
 * @param line without its `\n`
 * @param signatures of the first entry they are checked here, whatever this says
 */
export function verifyLine(
  state: VerificationState,
  line: string,
  crypto: Crypto,
  signatures: Signatures = "here",
): VerifiedLine {
  const failures: Failure[] = [];
  const report = reporter(state.head.entries, failures);
  const head = headAfter(crypto, state.head, line);
  const entry = read(line, report);
  if (entry === undefined) return { state: { ...state, head }, entry, failures };

  if (entry.index !== state.head.entries) report("TRB_LEDGER_CHAIN_BROKEN", { field: "index" });
  if (entry.previous !== state.head.hash) report("TRB_LEDGER_CHAIN_BROKEN", { field: "previous" });
  if (entry.tree !== placeAfter(crypto, state.head).tree) report("TRB_LEDGER_TREE_WRONG");
  checkClock(entry, state, report);
  if (state.closed) report("TRB_LEDGER_AFTER_CLOSING");
  const next = checkKind({ ...state, head, writtenAt: entry.at }, entry, { crypto, signatures }, report);
  return { state: next, entry, failures };
}

/** Writers don't write an earlier time than the entry before has, whatever their clock says. */
function checkClock({ at }: Entry, { writtenAt }: VerificationState, report: Report): void {
  if (writtenAt === null || Date.parse(at) >= Date.parse(writtenAt)) return;
  report("TRB_LEDGER_CLOCKS_DISAGREE", { reason: `it is of ${at}, and the one before it of ${writtenAt}` });
}

function read(line: string, report: Report): Entry | undefined {
  try {
    return parseLine(line);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    report(error.code, error.details);
    return undefined;
  }
}

/** What checks are made with. */
interface Means {
  readonly crypto: Crypto;
  readonly signatures: Signatures;
}

function checkKind(state: VerificationState, entry: Entry, means: Means, report: Report): VerificationState {
  const { genesis } = state;
  const { crypto } = means;
  if (entry.kind === "genesis") {
    checkCoordinator(entry, genesis?.coordinatorKey ?? entry.coordinatorKey, crypto, report);
    if (genesis !== null) {
      report("TRB_LEDGER_SECOND_GENESIS");
      return state;
    }
    if (entry.index !== 0) report("TRB_LEDGER_NO_GENESIS");
    checkGenesis(entry, crypto, report);
    const { plan } = entry;
    const charged = plan.releases.map(() => 0);
    return { ...state, genesis: entry, modelHash: plan.initialModelHash, course: courseOf(plan), charged };
  }
  if (genesis === null) {
    report("TRB_LEDGER_NO_GENESIS");
    return state;
  }
  if (means.signatures === "here") checkCoordinator(entry, genesis.coordinatorKey, crypto, report);
  return checkLater(state, genesis, entry, means, report);
}

function checkLater(
  state: VerificationState,
  founding: Founding,
  entry: Exclude<Entry, { kind: "genesis" }>,
  means: Means,
  report: Report,
): VerificationState {
  const charged = checkClaims(entry, state, founding, means, report);
  if (entry.kind === "closing") {
    if (entry.rounds !== state.released) {
      report("TRB_LEDGER_CLOSING_WRONG", { claimed: entry.rounds, counted: state.released });
    }
    return { ...state, spent: entry.spent, closed: true };
  }
  const everybody = foundingAt(founding, state.rosterChanges, Number.POSITIVE_INFINITY);
  if (isNote(entry)) return afterNote(entry, state, everybody);
  if (entry.kind === "aborted") checkAborted(entry, foundingAt(founding, state.rosterChanges, entry.round), report);
  const { aborted } = state;
  return {
    ...state,
    modelHash: entry.kind === "round" ? entry.nextModelHash : state.modelHash,
    kept: entry.kind === "round" ? keptByEntry(entry, state.kept, founding) : state.kept,
    course: entry.kind === "round" ? courseByEntry(entry, state.course, founding) : state.course,
    lastRound: Math.max(state.lastRound, entry.round),
    charged,
    released: state.released + (entry.kind === "round" ? 1 : 0),
    aborted:
      entry.kind === "round"
        ? aborted
        : {
            charged: aborted.charged + (entry.charged ? 1 : 0),
            refunded: aborted.refunded + (entry.charged ? 0 : 1),
          },
    barred: entry.kind === "aborted" ? withoutTwice(state.barred, entry.barred ?? [], everybody) : state.barred,
    countersigned: entry.kind === "round" ? { entry: entry.index - 1, nodes: entry.cohort } : state.countersigned,
    spent: entry.spent,
  };
}

/** Where a ledger stands, as far as an entry's claims depend on it. */
export type Standing = Pick<
  VerificationState,
  "modelHash" | "kept" | "course" | "lastRound" | "charged" | "barred" | "rosterChanges" | "paused" | "erasures"
>;

/**
 * What of an entry doesn't hold: its place, the release, the running cost. A node asks it of every entry that it takes in. Not in it: the chain, the coordinator's
 * signature, and whether a refund is founded, which a node judges by the cohort that it saw itself.
 * @param founding as the first entry has it; what came of its roster is in the standing
 */
export function claimFailures(
  entry: Exclude<Entry, { kind: "genesis" }>,
  standing: Standing,
  founding: Founding,
  crypto: Crypto,
): readonly Failure[] {
  const failures: Failure[] = [];
  checkClaims(entry, standing, founding, { crypto, signatures: "here" }, reporter(entry.index, failures));
  return failures;
}

/** @returns rounds charged so far, this entry included */
function checkClaims(
  entry: Exclude<Entry, { kind: "genesis" }>,
  standing: Standing,
  founded: Founding,
  { crypto, signatures }: Means,
  report: Report,
): readonly number[] {
  const founding = foundingAt(founded, standing.rosterChanges, roundOf(entry, standing));
  if (signatures === "here") checkNodes(entry, founding, crypto, report);
  if (isNote(entry)) {
    checkNote(entry, standing, founded, crypto, report);
    return standing.charged;
  }
  checkWhatFollows(entry, standing, founding, report);
  if (entry.kind === "closing") {
    if (entry.modelHash !== standing.modelHash) report("TRB_LEDGER_MODEL_CHAIN_BROKEN");
    checkSpent(entry.spent, standing.charged, founding.plan, report);
    return standing.charged;
  }
  checkPlace(entry, standing, founding, report);
  checkBarred(entry, standing, report);
  if (standing.paused) report("TRB_LEDGER_OPERATOR_INVALID", { action: "a round" });
  if (entry.kind === "round") checkReleased(entry, standing, founding, crypto, report);
  const charges = entry.kind === "round" || entry.charged;
  const charged = standing.charged.map((rounds, release) => rounds + (charges && release === entry.release ? 1 : 0));
  checkSpent(entry.spent, charged, founding.plan, report);
  return charged;
}

const noteKinds: readonly Entry["kind"][] = ["roster", "operator", "erasure", "promotion", "rollback"];

function isNote(entry: Entry): entry is NoteEntry {
  return noteKinds.includes(entry.kind);
}
