/**
 * The server's side of federated learning: what the coordinator does with a round's mean update.
 *
 * Every node, simulator and auditor that repeats a step must get the same bytes. So arithmetic is float64 in a fixed
 * order, uses only + − × ÷ √ (IEEE 754 fixes their results; `Math.pow` and `**` it does not), and the result is
 * rounded to float32 once, at the end.
 */
import { fail } from "@tributary/errors";

/** FedAvg with server momentum: Hsu, Qi, Brown 2019 ("FedAvgM"); momentum 0 is plain FedAvg. */
export interface FedAvg {
  readonly name: "fedavg";
  readonly learningRate: number;
  readonly momentum: number;
}

/** FedAdam: Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), Algorithm 2, with Adam's bias correction. */
export interface FedAdam {
  readonly name: "fedadam";
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export type Optimiser = FedAvg | FedAdam;

/** What an optimiser remembers between rounds. */
export interface OptimiserState {
  readonly name: Optimiser["name"];
  /** Steps taken so far. */
  readonly steps: number;
  /** fedavg: the velocity; fedadam: the first moment. [dimension] */
  readonly first: Float64Array;
  /** fedadam: the second moment. [dimension]; fedavg: empty. */
  readonly second: Float64Array;
}

export function freshOptimiserState(optimiser: Optimiser, dimension: number): OptimiserState {
  const second = new Float64Array(optimiser.name === "fedadam" ? dimension : 0);
  return { name: optimiser.name, steps: 0, first: new Float64Array(dimension), second };
}

/**
 * One step down the mean gradient; pure: nothing that it is handed is changed.
 *
 *   fedavg:  v ← momentum·v + g,                        w ← w − learningRate·v
 *   fedadam: m ← β₁m + (1−β₁)g,  u ← β₂u + (1−β₂)g²,    w ← w − learningRate · (m / (1−β₁ᵗ)) / (√(u / (1−β₂ᵗ)) + ε)
 *
 * @param parameters [dimension], float32 in the order of the model spec
 * @param state null before the first step
 * @param meanGradient the round's noisy sum over scale · (expected customers): an ascent direction of the loss. [dimension]
 * @throws TRB_MODEL_LENGTH_MISMATCH, TRB_MODEL_OPTIMISER_STATE
 */
export function serverStep(
  optimiser: Optimiser,
  parameters: Float32Array,
  state: OptimiserState | null,
  meanGradient: Float64Array,
): { readonly parameters: Float32Array; readonly optimiserState: OptimiserState } {
  const dimension = parameters.length;
  if (meanGradient.length !== dimension) {
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "The mean update", found: meanGradient.length, expected: dimension });
  }
  const before = state ?? freshOptimiserState(optimiser, dimension);
  checkState(optimiser, before, dimension);
  const moved =
    optimiser.name === "fedavg"
      ? momentumStep(optimiser, parameters, before, meanGradient)
      : adamStep(optimiser, parameters, before, meanGradient);
  return moved;
}

function momentumStep({ learningRate, momentum }: FedAvg, parameters: Float32Array, before: OptimiserState, g: Float64Array) {
  const next = new Float32Array(parameters.length);
  const velocity = new Float64Array(parameters.length);
  for (let i = 0; i < next.length; i++) {
    const v = momentum * at(before.first, i) + at(g, i);
    velocity[i] = v;
    next[i] = at(parameters, i) - learningRate * v;
  }
  const optimiserState: OptimiserState = { ...before, steps: before.steps + 1, first: velocity };
  return { parameters: next, optimiserState };
}

function adamStep(optimiser: FedAdam, parameters: Float32Array, before: OptimiserState, g: Float64Array) {
  const { learningRate, beta1, beta2, epsilon } = optimiser;
  const steps = before.steps + 1;
  const bias1 = 1 - integerPower(beta1, steps);
  const bias2 = 1 - integerPower(beta2, steps);
  const next = new Float32Array(parameters.length);
  const first = new Float64Array(parameters.length);
  const second = new Float64Array(parameters.length);
  for (let i = 0; i < next.length; i++) {
    const gradient = at(g, i);
    const m = beta1 * at(before.first, i) + (1 - beta1) * gradient;
    const u = beta2 * at(before.second, i) + (1 - beta2) * gradient * gradient;
    first[i] = m;
    second[i] = u;
    next[i] = at(parameters, i) - (learningRate * (m / bias1)) / (Math.sqrt(u / bias2) + epsilon);
  }
  return { parameters: next, optimiserState: { ...before, steps, first, second } };
}

function checkState(optimiser: Optimiser, state: OptimiserState, dimension: number): void {
  const second = optimiser.name === "fedadam" ? dimension : 0;
  const refuse = (reason: string) => fail("TRB_MODEL_OPTIMISER_STATE", { optimiser: optimiser.name, reason });
  if (state.name !== optimiser.name) throw refuse(`it was written by ${state.name}`);
  if (state.first.length !== dimension) throw refuse(`${state.first.length} coordinates instead of ${dimension}`);
  if (state.second.length !== second) throw refuse(`${state.second.length} second moments instead of ${second}`);
}

/** base^n by repeated multiplication: the same bits everywhere, which `**` does not promise. */
function integerPower(base: number, n: number): number {
  let power = 1;
  for (let i = 0; i < n; i++) power *= base;
  return power;
}

const at = (values: Float64Array | Float32Array, i: number): number => values[i] as number;
