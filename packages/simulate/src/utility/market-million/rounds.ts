/**
 * Rounds of training on a population in shared arrays, by the simulation's threads (`scale/share.ts`): Poisson samples of every merchant's customers, the
 * model's training graph, sums on the integer grid. Three ways to end a round, everything else alike, samples and negatives included:
 *
 *   private   clipped, every merchant's own share of discrete noise on its sum: what a federation releases
 *   clipped   the same without noise
 *   plain     neither clipping nor noise: the twin without privacy
 */
import { noiseDeviation, readSum } from "@tributary/dp";
import { optimiserOf, roundParameters } from "@tributary/federation";
import { type OptimiserState, putTrained, serverStep, takeTrained, trainedTensors } from "@tributary/model";
import { type Crypto, type Plan, parseDecimal, releaseOf } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { type Population, shared } from "../../scale/population.ts";
import { openTeam, type ScaleTeam } from "../../scale/team.ts";
import type { MillionSettings } from "./settings.ts";

export type RoundsWay = "private" | "clipped" | "plain";

export interface RoundsState {
  /** Rounds done. */
  readonly rounds: number;
  readonly parameters: Float32Array;
  readonly optimiserState: OptimiserState | null;
}

export interface RoundsOptions {
  readonly way: RoundsWay;
  readonly plan: Plan;
  readonly training: MillionSettings["training"];
  readonly population: Population;
  /** 32 bytes. */
  readonly seed: Uint8Array;
  readonly threads: number;
  readonly crypto: Crypto;
  readonly executor: Executor;
  readonly from: RoundsState;
  readonly onRound: (state: RoundsState) => void | Promise<void>;
}

/** @throws what training throws */
export async function trainInRounds(options: RoundsOptions): Promise<RoundsState> {
  const { way, plan, training, population, seed, threads, crypto, executor, onRound } = options;
  const { nodes } = population;
  const clipped = way !== "plain";
  const setup = { plan, seed, population, work: "histories", clipped, adversary: "freeRide" } as const;
  const team = await openTeam(setup, threads, crypto, executor);
  try {
    const { scale, grid, nodeVariance } = roundParameters(plan, 0);
    const expected = parseDecimal(releaseOf(plan, 0).samplingRate) * plan.minCustomers;
    const { dimension } = releaseOf(plan, 0);
    const optimiser = optimiserOf(plan);
    const deviation = way === "private" ? noiseDeviation(nodeVariance, nodes) / (scale * expected) : 0;
    const addUp = way === "private" ? noisySums(team, dimension) : plainSums(team, dimension);
    const unit = way === "private" ? { scale } : { scale: scale * 2 ** grid.fractionBits };
    const tensors = trainedTensors(plan.model, plan.trained);
    let state = options.from;
    while (state.rounds < training.rounds) {
      const round = state.rounds + 1;
      const parameters = shared(Float32Array, state.parameters.length);
      parameters.set(state.parameters);
      await team.all(() => ({ type: "model", model: { parameters, statistics: undefined } }));
      const sum = await addUp(round, nodes);
      const mean =
        sum instanceof Uint32Array ? readSum(sum, unit, expected) : sum.map((value) => value / (unit.scale * expected));
      const learningRate = optimiser.learningRate * rateAt(training, round);
      const trained = takeTrained(tensors, state.parameters);
      const next = serverStep({ ...optimiser, learningRate }, trained, state.optimiserState, mean, deviation ** 2);
      const whole = Float32Array.from(state.parameters);
      putTrained(tensors, next.parameters, whole);
      state = { rounds: round, parameters: whole, optimiserState: next.optimiserState };
      await onRound(state);
    }
    return state;
  } finally {
    await team.close();
  }
}

/** The part of the learning rate that a round has: up, level, and down in a line. */
export function rateAt(
  { rounds, warmUp, decayFrom }: Pick<MillionSettings["training"], "rounds" | "warmUp" | "decayFrom">,
  round: number,
): number {
  const left = (rounds - round + 1) / (rounds - Math.floor(decayFrom * rounds));
  return Math.min(1, round / Math.max(1, warmUp), left);
}

type AddUp = (round: number, nodes: number) => Promise<Uint32Array | Float64Array>;

function queueOf(nodes: number) {
  const places = shared(Uint32Array, nodes);
  for (let node = 0; node < nodes; node++) places[node] = node;
  return { nodes: places, next: shared(Int32Array, 1) };
}

/** Σ V + noise modulo 2³², over all merchants: the sum that comes out of a round when its masks have cancelled. */
function noisySums(team: ScaleTeam, dimension: number): AddUp {
  const parts = Array.from({ length: team.threads }, () => shared(Uint32Array, dimension));
  return async (round, nodes) => {
    for (const part of parts) part.fill(0);
    const queue = queueOf(nodes);
    const word = { type: "addNoisy", round, release: 0, queue, adversaries: [] } as const;
    await team.all((thread) => ({ ...word, sum: parts[thread] ?? new Uint32Array() }));
    const [sum = new Uint32Array(), ...others] = parts;
    for (const part of others) for (let i = 0; i < dimension; i++) sum[i] = (sum[i] as number) + (part[i] as number);
    return sum;
  };
}

/** The same in units of the grid, before noise. */
function plainSums(team: ScaleTeam, dimension: number): AddUp {
  const parts = Array.from({ length: team.threads }, () => shared(Float64Array, dimension));
  return async (round, nodes) => {
    for (const part of parts) part.fill(0);
    const queue = queueOf(nodes);
    const word = { type: "addPlain", round, release: 0, queue, adversaries: [] } as const;
    await team.all((thread) => ({ ...word, sum: parts[thread] ?? new Float64Array() }));
    const sum = new Float64Array(dimension); // threads' memory is not handed out
    for (const part of parts) for (let i = 0; i < dimension; i++) sum[i] = (sum[i] as number) + (part[i] as number);
    return sum;
  };
}
