/** Where a federation stands: public facts only. The running server and a command beside it read the same SQLite file. */
import { fail } from "@tributary/errors";
import { type CoordinatorPhase, type CoordinatorState, decodeCoordinatorState } from "@tributary/federation";
import { parseLine, type ReleasedFeatures, type ReleasedMetrics, type ReleasedQuery, writtenIn } from "@tributary/ledger";
import { isWritten, type Plan, parseDecimal, type Release, type Roster } from "@tributary/protocol";
import { homeLayout } from "./home/layout.ts";
import { isServed } from "./home/lock.ts";
import { type MemberStanding, openMembership } from "./membership.ts";
import { type Retention, readRetention } from "./retention.ts";
import type { Standstill } from "./rounds/refusals.ts";
import { homeOf, openPlace, type Place } from "./storage/place.ts";
import type { RoundFigures } from "./storage/round-table.ts";
import type { Store } from "./storage/store.ts";

export interface CoordinatorStatus {
  readonly federation: string;
  /** Whether a process serves it now. */
  readonly running: boolean;
  /** `joining` before genesis, `waiting` between rounds, `paused` by an operator, `refused` once no more are offered, `finished` once the ledger is closed. */
  readonly phase: "joining" | "waiting" | "refused" | "paused" | "finished" | CoordinatorPhase;
  /** Why no more rounds are offered, until somebody connects anew; null: they are. */
  readonly refused: Standstill | null;
  /** Number of the round under way, or of the last one; 0 before the first. */
  readonly round: number;
  /** Rounds released. */
  readonly completed: number;
  /** Rounds charged, and how many the plan allows. */
  readonly charged: number;
  readonly rounds: number;
  /** The same for each release of the plan, in its order, and how many of its rounds were released. */
  readonly releases: readonly {
    readonly kind: Release["kind"];
    readonly charged: number;
    readonly released: number;
    readonly rounds: number;
  }[];
  /** What rounds of metrics and of extensions' queries said, in their order; there where the plan has such releases. */
  readonly metrics?: readonly ReleasedMetrics[];
  readonly queries?: readonly ReleasedQuery[];
  readonly features?: readonly ReleasedFeatures[];
  readonly connected: readonly string[];
  readonly joined: readonly string[];
  /** The fewest nodes that a round is released with. */
  readonly minCohort: number;
  /** Spent so far, as the ledger claims it. */
  readonly epsilon: number;
  readonly epsilonLimit: number;
  readonly delta: number;
  readonly modelHash: string;
  /** The model that was put forward last, by the plan's rule or by hand; null before. */
  readonly promotedHash: string | null;
  /** Where the plan may end training early: the best estimate so far, and how many looks in a row brought no gain, of how many. */
  readonly earlyStop?: { readonly best: number | null; readonly stale: number; readonly patience: number };
  /** Of the server optimiser's state beside that model; null before the first round. */
  readonly optimiserHash: string | null;
  readonly ledger: { readonly entries: number; readonly head: string };
  /** Means over the released rounds; null before the first. */
  readonly bytes: { readonly inPerRoundPerNode: number | null; readonly outPerRoundPerNode: number | null };
  readonly secondsPerRound: number | null;
  /** What is kept beside the ledger, which is kept for ever (`retention.ts`). */
  readonly retention: Retention;
  readonly finished: boolean;
}

/** Whether or not the server runs. @throws TRB_COORDINATOR_HOME_EMPTY */
export async function readStatus(place: Place): Promise<CoordinatorStatus> {
  return withStore(place, (store) => statusOf(store, isServed(homeLayout(homeOf(place)))));
}

/** Everybody who ever joined, ascending by node, and the members of the next round. @throws TRB_COORDINATOR_HOME_EMPTY */
export async function readRoster(
  place: Place,
): Promise<{ readonly roster: Roster; readonly members: readonly MemberStanding[] }> {
  return withStore(place, async (store) => {
    const membership = openMembership(store);
    return { roster: await membership.roster(), members: await membership.all() };
  });
}

/** Figures of every round begun, in order. @throws TRB_COORDINATOR_HOME_EMPTY */
export async function readRounds(place: Place): Promise<readonly RoundFigures[]> {
  return withStore(place, (store) => store.rounds.all());
}

export async function statusOf(store: Store, running: boolean): Promise<CoordinatorStatus> {
  const founded = await store.plan();
  if (!founded) throw fail("TRB_COORDINATOR_HOME_EMPTY", { home: "this folder" });
  const { plan } = founded;
  const encoded = await store.state();
  const state = encoded === undefined ? undefined : decodeCoordinatorState(encoded);
  const ledger = await store.ledgerHead();
  const figures = await store.rounds.figures();
  const refused = (await store.standstill()) ?? null;
  const connected = running ? (await store.connected()).map(({ node }) => node) : [];
  return {
    federation: plan.federation,
    running,
    phase: phaseOf(state, refused),
    refused,
    round: state?.round?.number ?? state?.lastRound ?? 0,
    completed: state?.completed ?? 0,
    charged: (state?.charged ?? []).reduce((sum, rounds) => sum + rounds, 0),
    rounds: plan.releases.reduce((sum, { rounds }) => sum + rounds, 0),
    releases: plan.releases.map(({ kind, rounds }, place) => ({
      ...{ kind, charged: state?.charged[place] ?? 0, released: state?.released[place] ?? 0, rounds },
    })),
    ...(await writtenSums(store, plan)),
    connected: [...new Set(connected)],
    joined: (await store.members()).map(({ node }) => node),
    minCohort: plan.minCohort,
    epsilon: await spentEpsilon(store, ledger.entries),
    epsilonLimit: parseDecimal(plan.epsilon),
    delta: parseDecimal(plan.delta),
    modelHash: state?.modelHash ?? plan.initialModelHash,
    promotedHash: state?.course.promoted?.modelHash ?? null,
    ...(plan.earlyStop === undefined
      ? {}
      : {
          earlyStop: {
            best: state?.course.best ?? null,
            stale: state?.course.stale ?? 0,
            patience: plan.earlyStop.patience,
          },
        }),
    optimiserHash: state?.optimiserHash ?? null,
    ledger,
    bytes: { inPerRoundPerNode: figures.bytesInPerRoundPerNode, outPerRoundPerNode: figures.bytesOutPerRoundPerNode },
    secondsPerRound: figures.secondsPerRound,
    retention: await readRetention(store.database),
    finished: state?.closed ?? false,
  };
}

/** In one word. */
export function phaseOf(state: CoordinatorState | undefined, refused: Standstill | null): CoordinatorStatus["phase"] {
  if (state === undefined) return "joining";
  if (state.closed) return "finished";
  if (state.paused && state.round === null) return "paused";
  return refused === null ? (state.round?.phase ?? "waiting") : "refused";
}

/** Read from the ledger, where these sums stand. */
async function writtenSums(store: Store, plan: Plan): Promise<Pick<CoordinatorStatus, "metrics" | "queries" | "features">> {
  if (!plan.releases.some(isWritten)) return {};
  const read = (await store.ledgerLines(0))
    .filter((line) => line.includes('"sum":['))
    .map((line) => writtenIn(parseLine(line), plan));
  const features = read.flatMap(({ features }) => features ?? []);
  return {
    metrics: read.flatMap(({ metrics }) => metrics ?? []),
    queries: read.flatMap(({ query }) => query ?? []),
    ...(features.length === 0 ? {} : { features }),
  };
}

/** As the ledger claims it. */
export async function spentEpsilon(store: Store, entries: number): Promise<number> {
  // notes say nothing of what was spent: the last entry before them does
  for (let place = entries - 1; place > 0; place -= 1) {
    const [line] = await store.ledgerLines(place, place + 1);
    const entry = line === undefined ? undefined : parseLine(line);
    if (entry !== undefined && "spent" in entry) return parseDecimal(entry.spent.epsilon);
  }
  return 0;
}

async function withStore<Result>(place: Place, read: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await openPlace(place);
  try {
    return await read(store);
  } finally {
    await store.close();
  }
}
