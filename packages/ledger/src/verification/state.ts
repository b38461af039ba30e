/** How far a verification has come: what the next entry is held to. A plain value, so that a node can keep it. */
import { type ErrorCode, type ErrorDetails, fail } from "@tributary/errors";
import type { NodeId, Plan, Roster, Sha256 } from "@tributary/protocol";
import type { KeptModel } from "../acceptance.ts";
import { emptyHead } from "../building.ts";
import { type Course, unknownCourse } from "../course.ts";
import type { EntryOf, LedgerHead, Spent } from "../entries.ts";
import type { RosterChanges } from "../roster-changes.ts";

export interface VerificationState {
  readonly head: LedgerHead;
  /** Null before the first entry. */
  readonly genesis: EntryOf<"genesis"> | null;
  /** What the last entry left. */
  readonly modelHash: Sha256 | null;
  /** The model that metrics have kept last; null before, and where the plan keeps every model. */
  readonly kept: KeptModel | null;
  /** What the entries decide about the rounds that follow. */
  readonly course: Course;
  readonly lastRound: number;
  /** Rounds charged so far for each place in `plan.releases`, as recounted. */
  readonly charged: readonly number[];
  readonly released: number;
  readonly aborted: { readonly charged: number; readonly refunded: number };
  /** Who is in no round any more, having refused to reveal its randomness, or revoked. */
  readonly barred: readonly NodeId[];
  /** Who came after the founding, and who has another key. */
  readonly rosterChanges: RosterChanges;
  /** `at` of the last entry that could be read. */
  readonly writtenAt: string | null;
  /** An operator has stopped rounds from being offered. */
  readonly paused: boolean;
  /** The day of each node's last note that it erased customers. */
  readonly erasures: Readonly<Record<NodeId, string>>;
  /** The last entry that a round's cohort has countersigned, and that cohort. */
  readonly countersigned: { readonly entry: number; readonly nodes: readonly NodeId[] } | null;
  /** As the last entry claims. */
  readonly spent: Spent | null;
  readonly closed: boolean;
}

export const initialVerification: VerificationState = {
  head: emptyHead,
  genesis: null,
  modelHash: null,
  kept: null,
  course: unknownCourse,
  lastRound: 0,
  charged: [],
  released: 0,
  aborted: { charged: 0, refunded: 0 },
  barred: [],
  rosterChanges: [],
  writtenAt: null,
  paused: false,
  erasures: {},
  countersigned: null,
  spent: null,
  closed: false,
};

/** One thing that does not hold. */
export interface Failure {
  /** Counted from 0, by place in the file. */
  readonly entry: number;
  /** Counted from 1. */
  readonly line: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** Collects what is wrong with one entry. */
export type Report = (code: ErrorCode, details?: ErrorDetails) => void;

export function reporter(entry: number, failures: Failure[]): Report {
  return (code, details = {}) => {
    failures.push({ entry, line: entry + 1, code, message: fail(code, details).message, details });
  };
}

/** What genesis fixed for all entries after it. */
export interface Founding {
  readonly plan: Plan;
  readonly planHash: Sha256;
  readonly roster: Roster;
}

/** Strictly ascending by code unit, so that nobody is counted twice. */
export function isAscending(nodes: readonly NodeId[]): boolean {
  return nodes.every((node, i) => i === 0 || (nodes[i - 1] as NodeId) < node);
}

/** ⌊(n + n_corrupt)/2⌋ + 1: two different choices can't both have so many votes (DESIGN §5). */
export function quorumOf(nodes: number, maxCorrupt: number): number {
  return Math.floor((nodes + maxCorrupt) / 2) + 1;
}
