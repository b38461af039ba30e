/**
 * The server's side of federated learning: what the coordinator does with a round's mean update.
 *
 * Every node, simulator and auditor that repeats a step must get the same bytes. So arithmetic is float64 in a fixed
 * order, uses only + − × ÷ √ (IEEE 754 fixes their results; `Math.pow` and `**` it does not), and the result is
 * rounded to float32 once, at the end.
 */
import { fail } from "@tributary/errors";
import { directionOf } from "./directions.ts";
import { checkOptimiserState, freshOptimiserState, type Optimiser, type OptimiserState } from "./optimiser.ts";

/**
 * Arrays that steps are made in, for whoever takes many: fresh pages cost more than what is written there. Nothing that a step reads may be
 * among them, so two rooms take turns.
 */
export interface StepRoom {
  /** [dimension] the mean gradient */
  readonly mean: Float64Array;
  /** [dimension] the first moment; only `fedavg` makes its own there */
  readonly first: Float64Array;
  /** [dimension] the new parameters */
  readonly parameters: Float32Array;
}

/**
 * One step down the mean gradient; pure: nothing that it is handed is changed, the room excepted.
 *
 *   w ← (1 − learningRate·weightDecay)·w − learningRate·d(g + l2·w),    then |w| shrinks by learningRate·l1, not below 0
 *
 * with the direction d of `directions.ts`. Where the optimiser has an `updateNorm`, g is first scaled down to it, which is a function of the released sum
 * and so costs no privacy; the noise's variance shrinks with its square.
 *
 * @param parameters [dimension], float32 in the order of the model spec
 * @param state null before the first step
 * @param meanGradient the round's noisy sum over scale · (expected customers): an ascent direction of the loss. [dimension]
 * @param noiseVariance of one coordinate of `meanGradient`: needed by `dpadam`, not looked at by others
 * @param room where the results are made; new arrays unless given
 * @throws TRB_MODEL_LENGTH_MISMATCH, TRB_MODEL_OPTIMISER_STATE, TRB_MODEL_NOISE_VARIANCE
 */
export function serverStep(
  optimiser: Optimiser,
  parameters: Float32Array,
  state: OptimiserState | null,
  meanGradient: Float64Array,
  noiseVariance?: number,
  room?: Omit<StepRoom, "mean">,
): { readonly parameters: Float32Array; readonly optimiserState: OptimiserState } {
  const next = room?.parameters ?? new Float32Array(parameters.length);
  return { parameters: next, optimiserState: stepInto(next, optimiser, parameters, state, meanGradient, noiseVariance, room) };
}

/** `serverStep` before its result is rounded: what is compared with other implementations. */
export function stepInFloat64(
  optimiser: Optimiser,
  weights: Float32Array | Float64Array,
  state: OptimiserState | null,
  meanGradient: Float64Array,
  noiseVariance?: number,
): { readonly weights: Float64Array; readonly optimiserState: OptimiserState } {
  const next = new Float64Array(weights.length);
  return { weights: next, optimiserState: stepInto(next, optimiser, weights, state, meanGradient, noiseVariance) };
}

/** Writes the new weights to `next`, which rounds them if it is float32. */
function stepInto(
  next: Float32Array | Float64Array,
  optimiser: Optimiser,
  weights: Float32Array | Float64Array,
  state: OptimiserState | null,
  meanGradient: Float64Array,
  noiseVariance: number | undefined,
  room?: Omit<StepRoom, "mean">,
): OptimiserState {
  const dimension = weights.length;
  if (meanGradient.length !== dimension) {
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "The mean update", found: meanGradient.length, expected: dimension });
  }
  const before = state ?? freshOptimiserState(optimiser, dimension);
  checkOptimiserState(optimiser, before, dimension);
  const { learningRate, l1 = 0, l2 = 0, weightDecay = 0, updateNorm } = optimiser;
  const shrink = updateNorm === undefined ? 1 : shrinkTo(updateNorm, meanGradient);
  const bounded = shrink === 1 ? meanGradient : meanGradient.map((g) => g * shrink);
  const variance = noiseVariance === undefined ? undefined : noiseVariance * shrink * shrink;
  const gradient = l2 === 0 ? bounded : bounded.map((g, i) => g + l2 * (weights[i] as number));
  const { direction, optimiserState } = directionOf(optimiser, before, gradient, variance, room?.first);
  const kept = 1 - learningRate * weightDecay;
  const threshold = learningRate * l1;
  for (let i = 0; i < dimension; i++) {
    const moved = kept * (weights[i] as number) - learningRate * (direction[i] as number);
    next[i] = threshold === 0 ? moved : softThreshold(moved, threshold);
  }
  return optimiserState;
}

/** min(1, bound/‖g‖); the squares are added in the order of the coordinates. */
function shrinkTo(bound: number, gradient: Float64Array): number {
  let squares = 0;
  for (let i = 0; i < gradient.length; i++) squares += (gradient[i] as number) * (gradient[i] as number);
  const norm = Math.sqrt(squares);
  return norm > bound ? bound / norm : 1;
}

function softThreshold(value: number, threshold: number): number {
  if (value > threshold) return value - threshold;
  return value < -threshold ? value + threshold : 0;
}
