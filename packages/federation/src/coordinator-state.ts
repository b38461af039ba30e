/**
 * What the coordinator's side of the round remembers: a plain JSON value. Vectors are in it as hashes only.
 * Lists of messages are ascending by sender, one a node.
 */
import { fail } from "@tributary/errors";
import {
  type Course,
  courseOf,
  type EntryContent,
  type EntryOf,
  type KeptModel,
  type LedgerHead,
  promotionDue,
  type RosterChanges,
  rosterAt,
  stopOf,
  unknownCourse,
} from "@tributary/ledger";
import type { Message, MessageOf, NodeId, Plan, Release, Roster, Sha256 } from "@tributary/protocol";
import { readState, withDefaults } from "./node-state.ts";

/** What the coordinator starts from: the entry that `genesisEntry` made, on disk by now. */
export interface CoordinatorInit {
  readonly genesis: EntryOf<"genesis">;
  /** After that entry. */
  readonly head: LedgerHead;
}

/** The step that is under way. `summing` and `applying` wait for the shell, the others for nodes. */
export type CoordinatorPhase = "keys" | "reveal" | "shares" | "masked" | "consistency" | "unmask" | "summing" | "applying";

export interface CoordinatorRound {
  readonly number: number;
  /** Place in `plan.releases`. */
  readonly release: number;
  readonly phase: CoordinatorPhase;
  readonly invited: readonly NodeId[];
  readonly offer: MessageOf<"offer">;
  readonly adverts: readonly MessageOf<"advert">[];
  /** U1 and h₁, once step 1 is over. */
  readonly cohort: readonly NodeId[];
  readonly h1: Sha256 | null;
  /** Of a round on a graph of neighbours, until step 2 is over. */
  readonly reveals: readonly MessageOf<"reveal">[];
  /** What the graph follows from, once everybody has revealed. */
  readonly graphSeed: Sha256 | null;
  /** Dropped after step 3. */
  readonly shares: readonly MessageOf<"shares">[];
  /** U2, once step 2 is over. */
  readonly sharers: readonly NodeId[];
  /** What uploads must name it as, on a graph; absent where there is none. */
  readonly sharersHash?: Sha256;
  readonly uploads: readonly MessageOf<"masked">[];
  /** U3, once step 3 is over. */
  readonly survivors: readonly NodeId[];
  readonly votes: readonly MessageOf<"vote">[];
  readonly abortVotes: readonly MessageOf<"vote">[];
  readonly unmaskShares: readonly MessageOf<"unmaskShares">[];
  /** Secrets that step 5 has reconstructed so far: own-mask seeds of survivors, mask keys of others. */
  readonly recovered: Readonly<Record<NodeId, string>>;
  /** What the shell is to add up, from step 5 on. The reconstructed keys go with the round. */
  readonly unmasking: {
    readonly ownMasks: readonly string[];
    readonly pairMasks: readonly { readonly key: string; readonly sign: 1 | -1 }[];
  } | null;
  readonly sumHash: Sha256 | null;
}

export interface CoordinatorState {
  readonly version: 2;
  readonly plan: Plan;
  readonly planHash: Sha256;
  /** As founded; who takes part in a round is `rosterAt`'s to say. */
  readonly roster: Roster;
  /** Who was admitted since, and who has another key, each from a round on. */
  readonly rosterChanges: RosterChanges;
  readonly head: LedgerHead;
  /** `at` of the last entry: none after it says an earlier time. */
  readonly writtenAt: string;
  /** An operator has stopped rounds from being offered. */
  readonly paused: boolean;
  /** The day of each node's last note that it erased customers. */
  readonly erasures: Readonly<Record<NodeId, string>>;
  readonly modelHash: Sha256;
  /** Null before the first release. */
  readonly optimiserHash: Sha256 | null;
  /** What training goes back to when metrics give a model up; null before the first metrics, and where the plan keeps every model. */
  readonly kept: (KeptModel & { readonly optimiserHash: Sha256 | null }) | null;
  /** What the ledger decides about the rounds that follow: whether training has ended, what is to be promoted, where it may go back to. */
  readonly course: Course;
  /** Rounds charged so far for each place in `plan.releases`, charged aborts included. */
  readonly charged: readonly number[];
  /** Rounds released so far for each place in `plan.releases`. */
  readonly released: readonly number[];
  /** Rounds released, over all places. */
  readonly completed: number;
  readonly lastRound: number;
  /** Who is not invited any more, having refused to reveal its randomness. */
  readonly barred: readonly NodeId[];
  readonly closed: boolean;
  /** `result` or `abort` with the last ledger entry after genesis: what a node that was away hears first. */
  readonly announcement: Message | null;
  readonly round: CoordinatorRound | null;
}

export function createCoordinator({ genesis, head }: CoordinatorInit): CoordinatorState {
  return {
    version: 2,
    plan: genesis.plan,
    planHash: genesis.planHash,
    roster: genesis.roster,
    rosterChanges: [],
    head,
    writtenAt: genesis.at,
    paused: false,
    erasures: {},
    modelHash: genesis.plan.initialModelHash,
    optimiserHash: null,
    kept: null,
    course: courseOf(genesis.plan),
    charged: genesis.plan.releases.map(() => 0),
    released: genesis.plan.releases.map(() => 0),
    completed: 0,
    lastRound: 0,
    barred: [],
    closed: false,
    announcement: null,
    round: null,
  };
}

export function encodeCoordinatorState(state: CoordinatorState): string {
  return JSON.stringify(state);
}

/** @throws TRB_FEDERATION_STATE_UNREADABLE */
export function decodeCoordinatorState(text: string): CoordinatorState {
  const { round, ...others } = readState<CoordinatorState>(text);
  // written before there were rounds on a graph of neighbours, or rosters that change
  const kept = withDefaults<Omit<CoordinatorState, "round">>(others, {
    barred: [],
    kept: null,
    rosterChanges: [],
    course: unknownCourse,
  });
  return { ...kept, round: round && withDefaults(round, { reveals: [], graphSeed: null, recovered: {} }) };
}

/**
 * The place in `plan.releases` that the next round serves: the first that still wants a round and has one left to charge. Pairs are
 * weighted by the popularity released, so without it they are passed over. Undefined when nothing is left to do.
 */
export function nextRelease({
  plan,
  charged,
  released,
}: Pick<CoordinatorState, "plan" | "charged" | "released">): number | undefined {
  const isReleased = (wanted: Release["kind"]) =>
    plan.releases.some(({ kind }, place) => kind === wanted && (released[place] ?? 0) > 0);
  const place = plan.releases.findIndex(({ kind, rounds, retries = 0 }, release) => {
    if (kind === "pairs" && !isReleased("popularity")) return false;
    return (charged[release] ?? 0) < rounds && (released[release] ?? 0) < rounds - retries;
  });
  return place < 0 ? undefined : place;
}

/** Everybody who was ever admitted: whoever waits for a first round follows the ledger too. */
export function everybody(state: Pick<CoordinatorState, "roster" | "rosterChanges">): NodeId[] {
  return rosterAt(state, Number.POSITIVE_INFINITY).map(({ node }) => node);
}

/**
 * What comes after a round: one for a place in `plan.releases`; the number of one passed over, since those who will make a cohort are announced and
 * don't count yet; or the end, with the reason for the closing entry.
 */
export type Following =
  | { readonly release: number }
  | { readonly passed: number; readonly of: number }
  | { readonly closing: string };

export function whatFollows(
  state: Pick<
    CoordinatorState,
    "plan" | "charged" | "released" | "roster" | "rosterChanges" | "lastRound" | "barred" | "course"
  >,
): Following {
  const { plan, barred } = state;
  const stop = stopOf(plan, state.course);
  if (stop !== undefined) return { closing: stop.reason };
  const release = nextRelease(state);
  if (release === undefined) return { closing: "all rounds of the plan are charged" };
  const gone = new Set(barred);
  const leftIn = (round: number) => rosterAt(state, round).filter(({ node }) => !gone.has(node)).length;
  const number = state.lastRound + 1;
  if (leftIn(number) >= plan.minCohort) return { release };
  if (leftIn(Number.POSITIVE_INFINITY) >= plan.minCohort) return { passed: number, of: release };
  const everyone = everybody(state).length;
  const left = leftIn(Number.POSITIVE_INFINITY);
  return {
    closing: `${everyone - left} of ${everyone} nodes are barred, and the ${left} left are fewer than a round needs`,
  };
}

/** What has to be in the ledger before a round or the closing entry: the promotion that the plan's rule calls for. The shell hands it back as `note`. */
export function dueNote({
  plan,
  course,
  modelHash,
  kept,
  closed,
}: Pick<CoordinatorState, "plan" | "course" | "modelHash" | "kept" | "closed">): EntryContent<"promotion"> | undefined {
  const due = closed ? undefined : promotionDue(plan, course, { modelHash, kept });
  return due && { kind: "promotion", ...due, operator: "coordinator" };
}

/** @throws TRB_ROUND_PROMOTION_DUE */
export function requireNothingDue(state: CoordinatorState): void {
  const due = dueNote(state);
  if (due !== undefined) throw fail("TRB_ROUND_PROMOTION_DUE", { rule: due.rule });
}
