/** From what every process used to what is printed: medians over the measured rounds. */
import { median, phaseNames } from "../round/figures.ts";
import type { MeasuredCoordinator } from "./deployment.ts";
import type { PhaseUsage, Usage } from "./words.ts";

export interface CoordinatorFigures {
  readonly coordinator: {
    /** Own processor seconds a round, of all replicas and threads, from one round's beginning to the next. */
    readonly seconds: number;
    /** Resident, of the largest process. */
    readonly peakMb: number;
    /** From the last upload to the ledger entry, waiting for nodes' votes and shares included. */
    readonly releaseSeconds: number;
  };
  /** Of the worst replica and round. */
  readonly eventLoopP99Ms: number;
  readonly eventLoopMaxMs: number;
  /** Of that what the loop's own thread computed, in processor milliseconds: hardly more on a busy machine. */
  readonly eventLoopBusyP99Ms: number;
  readonly eventLoopBusyMaxMs: number;
  readonly phases: readonly {
    readonly phase: string;
    readonly seconds: number;
    readonly cpuSeconds: number;
    readonly eventLoopP99Ms: number;
    readonly eventLoopMaxMs: number;
    readonly eventLoopBusyMaxMs: number;
  }[];
  /** Each replica's part of all slices of the measured rounds, where sums are jobs; else empty. */
  readonly slices: readonly number[];
  readonly download: { readonly mbPerSecond: number; readonly seconds: number; readonly mb: number };
}

export function coordinatorFigures({ usages, phases, download, peakMb }: MeasuredCoordinator): CoordinatorFigures {
  const perRound = usages.map(differences);
  const rounds = perRound[0]?.length ?? 0;
  const seconds = Array.from({ length: rounds }, (_, round) => sum(perRound.map((replica) => replica[round]?.cpuSeconds ?? 0)));
  const loops = perRound.flatMap((replica) => replica.map(({ loop }) => loop));
  const taken = perRound.map((replica) => sum(replica.map(({ slices }) => slices)));
  const of = (name: string): readonly PhaseUsage[] => phases.filter(({ phase }) => phase === name);
  const wall = (name: string) => median(of(name).map((phase) => phase.seconds));
  return {
    coordinator: {
      ...{ seconds: median(seconds), peakMb },
      releaseSeconds: sum(["consistency", "unmask", "summing", "applying"].map(wall)),
    },
    eventLoopP99Ms: Math.max(0, ...loops.map(({ p99Ms }) => p99Ms)),
    eventLoopMaxMs: Math.max(0, ...loops.map(({ maxMs }) => maxMs)),
    eventLoopBusyP99Ms: Math.max(0, ...loops.map(({ busyP99Ms }) => busyP99Ms)),
    eventLoopBusyMaxMs: Math.max(0, ...loops.map(({ busyMaxMs }) => busyMaxMs)),
    phases: ["keys", "reveal", ...phaseNames.slice(1)]
      .filter((name) => of(name).length > 0)
      .map((phase) => ({
        ...{ phase, seconds: wall(phase), cpuSeconds: median(of(phase).map(({ cpuSeconds }) => cpuSeconds)) },
        eventLoopP99Ms: Math.max(...of(phase).map(({ loop }) => loop.p99Ms)),
        eventLoopMaxMs: Math.max(...of(phase).map(({ loop }) => loop.maxMs)),
        eventLoopBusyMaxMs: Math.max(...of(phase).map(({ loop }) => loop.busyMaxMs)),
      })),
    slices: sum(taken) === 0 ? [] : taken.map((slices) => slices / sum(taken)),
    download: { mbPerSecond: download.octets / 1e6 / download.seconds, seconds: download.seconds, mb: download.octets / 1e6 },
  };
}

/** What was used between each time and the next; how long the loop was kept is of the time before already. */
const differences = (usages: readonly Usage[]) =>
  usages.slice(1).map(({ cpuSeconds, slices, loop }, place) => ({
    ...{ cpuSeconds: cpuSeconds - (usages[place]?.cpuSeconds ?? 0), slices: slices - (usages[place]?.slices ?? 0), loop },
  }));

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
