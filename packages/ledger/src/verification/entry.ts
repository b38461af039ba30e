/**
 * One more line of a ledger, held to everything before it. A whole file is verified by folding this over its lines; a node
 * does the same with each line that it is sent.
 */
import { isTributaryError } from "@tributary/errors";
import { type Crypto, verifyDocument } from "@tributary/protocol";
import { headAfter } from "../building.ts";
import type { Entry } from "../entries.ts";
import { parseLine } from "../parsing.ts";
import { checkSpent } from "./costs.ts";
import { checkGenesis } from "./genesis.ts";
import { checkAborted, checkPlace, checkReleased } from "./rounds.ts";
import { type Failure, type Founding, type Report, reporter, type VerificationState } from "./state.ts";

export interface VerifiedLine {
  /** Goes on even after a failure, so that a reader learns of later ones too. */
  readonly state: VerificationState;
  /** Undefined when the line can't be read. */
  readonly entry: Entry | undefined;
  /** None: the entry holds, given that all before it do. */
  readonly failures: readonly Failure[];
}

/** @param line without its `\n` */
export function verifyLine(state: VerificationState, line: string, crypto: Crypto): VerifiedLine {
  const failures: Failure[] = [];
  const report = reporter(state.head.entries, failures);
  const head = headAfter(crypto, state.head, line);
  const entry = read(line, report);
  if (entry === undefined) return { state: { ...state, head }, entry, failures };

  if (entry.index !== state.head.entries) report("TRB_LEDGER_CHAIN_BROKEN", { field: "index" });
  if (entry.previous !== state.head.hash) report("TRB_LEDGER_CHAIN_BROKEN", { field: "previous" });
  if (state.closed) report("TRB_LEDGER_AFTER_CLOSING");
  const next = checkKind({ ...state, head }, entry, crypto, report);
  return { state: next, entry, failures };
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

function checkKind(state: VerificationState, entry: Entry, crypto: Crypto, report: Report): VerificationState {
  const { genesis } = state;
  if (entry.kind === "genesis") {
    checkSignature(entry, genesis?.coordinatorKey ?? entry.coordinatorKey, crypto, report);
    if (genesis !== null) {
      report("TRB_LEDGER_SECOND_GENESIS");
      return state;
    }
    if (entry.index !== 0) report("TRB_LEDGER_NO_GENESIS");
    checkGenesis(entry, crypto, report);
    return { ...state, genesis: entry, modelHash: entry.plan.initialModelHash, charged: entry.plan.releases.map(() => 0) };
  }
  if (genesis === null) {
    report("TRB_LEDGER_NO_GENESIS");
    return state;
  }
  checkSignature(entry, genesis.coordinatorKey, crypto, report);
  return checkLater(state, genesis, entry, crypto, report);
}

function checkLater(
  state: VerificationState,
  founding: Founding,
  entry: Exclude<Entry, { kind: "genesis" }>,
  crypto: Crypto,
  report: Report,
): VerificationState {
  if (entry.kind === "closing") {
    if (entry.modelHash !== state.modelHash) report("TRB_LEDGER_MODEL_CHAIN_BROKEN");
    if (entry.rounds !== state.released) {
      report("TRB_LEDGER_CLOSING_WRONG", { claimed: entry.rounds, counted: state.released });
    }
    checkSpent(entry.spent, state.charged, founding.plan, report);
    return { ...state, spent: entry.spent, closed: true };
  }
  checkPlace(entry, state, founding, report);
  if (entry.kind === "round") checkReleased(entry, founding, crypto, report);
  else checkAborted(entry, founding, crypto, report);
  const charges = entry.kind === "round" || entry.charged;
  const charged = state.charged.map((rounds, release) => rounds + (charges && release === entry.release ? 1 : 0));
  checkSpent(entry.spent, charged, founding.plan, report);
  const { aborted } = state;
  return {
    ...state,
    modelHash: entry.kind === "round" ? entry.nextModelHash : state.modelHash,
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
    spent: entry.spent,
  };
}

function checkSignature(entry: Entry, key: Parameters<typeof verifyDocument>[2], crypto: Crypto, report: Report): void {
  if (!verifyDocument(crypto, entry, key)) report("TRB_LEDGER_SIGNATURE_INVALID");
}
