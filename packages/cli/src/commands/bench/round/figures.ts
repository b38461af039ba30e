/** From every phase of every round to what is printed: medians over rounds, means over nodes. */
import type { Served } from "./federation.ts";
import type { PhaseCost } from "./phase-meter.ts";

export interface PhaseFigures {
  readonly phase: string;
  readonly seconds: number;
  /** Processor seconds of all threads. */
  readonly coordinatorCpuSeconds: number;
  readonly nodeCpuSeconds: number;
  /** At the coordinator. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface RoundFigures {
  readonly seconds: number;
  readonly fastest: number;
  readonly slowest: number;
  /** Processor seconds of all processes. */
  readonly cpuSeconds: number;
  readonly bytesPerNode: number;
}

export const phaseNames = ["keys", "shares", "masked", "consistency", "unmask", "summing", "applying"] as const;

/** What a round took, from its first phase to its last. */
export function roundFigures(coordinator: readonly PhaseCost[], parties: readonly PhaseCost[], nodes: number): RoundFigures {
  const rounds = [...new Set(coordinator.map(({ round }) => round))];
  const perRound = (of: (cost: PhaseCost) => number, costs = coordinator) =>
    rounds.map((round) => costs.filter((cost) => cost.round === round).reduce((sum, cost) => sum + of(cost), 0));
  const seconds = perRound((cost) => cost.seconds);
  const [own, theirs] = [perRound((cost) => cost.cpuSeconds), perRound((cost) => cost.cpuSeconds, parties)];
  return {
    ...{ seconds: median(seconds), fastest: Math.min(...seconds), slowest: Math.max(...seconds) },
    cpuSeconds: median(own.map((cpu, place) => cpu + (theirs[place] ?? 0))),
    bytesPerNode: Math.round(median(perRound(({ bytesIn, bytesOut }) => bytesIn + bytesOut)) / nodes),
  };
}

export function phaseFigures({ secure, nodes }: Pick<Served, "secure" | "nodes">, count: number): PhaseFigures[] {
  return phaseNames.map((phase) => {
    const here = secure.filter((cost) => cost.phase === phase);
    const there = nodes.filter((cost) => cost.phase === phase);
    const rounds = new Set(here.map(({ round }) => round)).size;
    const cpu = there.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    return {
      phase,
      seconds: median(here.map(({ seconds }) => seconds)),
      coordinatorCpuSeconds: median(here.map(({ cpuSeconds }) => cpuSeconds)),
      nodeCpuSeconds: rounds === 0 ? 0 : cpu / rounds / count,
      bytesIn: median(here.map(({ bytesIn }) => bytesIn)),
      bytesOut: median(here.map(({ bytesOut }) => bytesOut)),
    };
  });
}

/** What a node sends when it uploads, as the coordinator hears it: the masked vector, which `--bits` makes shorter, and its message. */
export function uploadBytes(phases: readonly Pick<PhaseFigures, "phase" | "bytesIn">[], uploading: number): number {
  return Math.round((phases.find(({ phase }) => phase === "masked")?.bytesIn ?? 0) / uploading);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? 0 : ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}
