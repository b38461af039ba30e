/** The same figures of rounds in one process, and what their masks' bytes take the bare cipher. */
import { availableParallelism } from "node:os";
import type { PackedBits } from "@tributary/dp";
import { type SimulatedPhase, type SimulatedRounds, simulateRounds } from "@tributary/simulate";
import { median, type PhaseFigures, phaseNames, type RoundFigures } from "./figures.ts";

export interface SimulatedOptions {
  readonly nodes: number;
  readonly parameters: number;
  readonly dropouts: number;
  readonly rounds: number;
  readonly bits?: PackedBits | undefined;
}

export async function benchSimulated({ nodes, parameters, dropouts, rounds, bits }: SimulatedOptions) {
  const threads = availableParallelism();
  const measured = await simulateRounds({ nodes, parameters, dropouts, rounds: rounds + 1, threads, bits });
  const warm = measured.phases.filter(({ round }) => round > 1);
  const cipher = measured.cipher.slice(1);
  const loop = measured.loop.slice(1);
  const plain = measured.plain.slice(1);
  const secure = roundsOf(warm, nodes);
  const plainSeconds = plain.map(({ seconds }) => seconds);
  const plainFigures = {
    ...{ seconds: median(plainSeconds), fastest: Math.min(...plainSeconds), slowest: Math.max(...plainSeconds) },
    ...{ cpuSeconds: median(plain.map(({ cpuSeconds }) => cpuSeconds)), bytesPerNode: 4 * measured.dimension },
  };
  const perRound = (of: (phase: SimulatedPhase) => number) =>
    cipher.map((_, place) => warm.filter(({ round }) => round === place + 2).reduce((sum, one) => sum + of(one), 0));
  const over = (spent: readonly number[], bare: readonly number[]) =>
    median(spent.map((value, place) => value / (bare[place] ?? Number.NaN)));
  const cpu = perRound(({ coordinatorCpu, nodesCpu }) => coordinatorCpu + nodesCpu);
  const cpuOf = (spent: SimulatedRounds["cipher"]) => spent.map(({ cpuSeconds }) => cpuSeconds);
  return {
    ...{ simulated: true, threads, nodes, parameters: measured.dimension, bits: bits ?? 32, dropouts, rounds },
    ...{ secure, plain: plainFigures, ratio: secure.seconds / plainFigures.seconds, bytesPerNode: secure.bytesPerNode },
    masks: {
      bytes: measured.maskBytes,
      cipherSeconds: median(cipher.map(({ seconds }) => seconds)),
      cipherCpuSeconds: median(cipher.map(({ cpuSeconds }) => cpuSeconds)),
      /** The whole round over the bare cipher, in each round's own minute. */
      ratio: over(
        perRound(({ seconds }) => seconds),
        cipher.map(({ seconds }) => seconds),
      ),
      cpuRatio: over(cpu, cpuOf(cipher)),
      /** The same over a plain loop of `cipher.update`. */
      loopRatio: over(
        perRound(({ seconds }) => seconds),
        loop.map(({ seconds }) => seconds),
      ),
      loopCpuRatio: over(cpu, cpuOf(loop)),
    },
    recoverySeconds: ["unmask", "summing"].reduce((sum, phase) => sum + medianOf(warm, phase, ({ seconds }) => seconds), 0),
    // one process for all: the nodes' vectors are in it as well
    coordinator: { idleMb: 0, peakMb: process.resourceUsage().maxRSS / 1024 },
    nodePeakMb: 0,
    phases: phaseNames.map(
      (phase): PhaseFigures => ({
        phase,
        seconds: medianOf(warm, phase, ({ seconds }) => seconds),
        coordinatorCpuSeconds: medianOf(warm, phase, ({ coordinatorCpu }) => coordinatorCpu),
        nodeCpuSeconds: medianOf(warm, phase, ({ nodesCpu }) => nodesCpu) / nodes,
        bytesIn: medianOf(warm, phase, ({ bytesIn }) => bytesIn),
        bytesOut: medianOf(warm, phase, ({ bytesOut }) => bytesOut),
      }),
    ),
  };
}

const medianOf = (phases: readonly SimulatedPhase[], name: string, of: (phase: SimulatedPhase) => number) =>
  median(phases.filter(({ phase }) => phase === name).map(of));

function roundsOf(phases: readonly SimulatedPhase[], nodes: number): RoundFigures {
  const rounds = [...new Set(phases.map(({ round }) => round))];
  const sums = (of: (phase: SimulatedPhase) => number) =>
    rounds.map((round) => phases.filter((one) => one.round === round).reduce((sum, one) => sum + of(one), 0));
  const seconds = sums((one) => one.seconds);
  return {
    ...{ seconds: median(seconds), fastest: Math.min(...seconds), slowest: Math.max(...seconds) },
    cpuSeconds: median(sums(({ coordinatorCpu, nodesCpu }) => coordinatorCpu + nodesCpu)),
    bytesPerNode: Math.round(median(sums(({ bytesIn, bytesOut }) => bytesIn + bytesOut)) / nodes),
  };
}
