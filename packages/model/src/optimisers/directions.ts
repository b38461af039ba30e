/**
 * The direction in which each optimiser moves, before the learning rate: from the mean update g and the moments so far.
 *
 *   fedavg            m ← momentum·m + g                                        d = m
 *   fedadam, adamw    m ← β₁m + (1−β₁)g,   u ← β₂u + (1−β₂)g²                   d = m̂ / (√û + ε)
 *   dpadam            m ← β₁m + (1−β₁)g,   u ← β₂u + (1−β₂)(g² − noiseVariance)  d = m̂ / √max(û, floor)
 *   fedyogi           m ← β₁m + (1−β₁)g,   u ← u − (1−β₂)g²·sign(u − g²)        d = m / (√u + ε)
 *   fedadagrad        m ← β₁m + (1−β₁)g,   u ← u + g²                           d = m / (√u + ε)
 *   rmsprop                                u ← decay·u + (1−decay)g²            d = g / (√u + ε)
 *
 * with m̂ = m/(1−β₁ᵗ) and û = u/(1−β₂ᵗ) at step t. dpadam subtracts where the paper has û − σ²: the same number when every round
 * has the same noise, and right as well when rounds differ. Float64, in the order of the coordinates, only + − × ÷ √.
 */
import { allFinite } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { extensionOptimiser } from "../extensions/extension.ts";
import type {
  DpAdam,
  ExtendedOptimiser,
  FedAdagrad,
  FedAdam,
  FedAvg,
  FedYogi,
  Optimiser,
  OptimiserState,
  RmsProp,
} from "./optimiser.ts";

export interface Direction {
  /** [dimension] */
  readonly direction: Float64Array;
  readonly optimiserState: OptimiserState;
}

/**
 * @param gradient g. [dimension]
 * @param noiseVariance of one coordinate of g; only dpadam asks for it
 * @param first [dimension] where `fedavg` makes its velocity; a new array unless given
 * @throws TRB_MODEL_NOISE_VARIANCE
 */
export function directionOf(
  optimiser: Optimiser,
  before: OptimiserState,
  gradient: Float64Array,
  noiseVariance: number | undefined,
  first?: Float64Array,
): Direction {
  switch (optimiser.name) {
    case "fedavg":
      return velocity(optimiser, before, gradient, first);
    case "fedadam":
    case "adamw":
      return adam({ ...optimiser, name: "fedadam" }, before, gradient);
    case "dpadam":
      return correctedAdam(optimiser, before, gradient, checkedVariance(noiseVariance));
    case "fedyogi":
    case "fedadagrad":
      return uncorrected(optimiser, before, gradient);
    case "rmsprop":
      return rootMeanSquare(optimiser, before, gradient);
    case "extension":
      return extended(optimiser, before, gradient, checkedVariance(noiseVariance));
  }
}

function velocity(
  { momentum }: FedAvg,
  before: OptimiserState,
  g: Float64Array,
  first: Float64Array = new Float64Array(g.length),
): Direction {
  for (let i = 0; i < g.length; i++) first[i] = momentum * at(before.first, i) + at(g, i);
  return { direction: first, optimiserState: { ...before, steps: before.steps + 1, first } };
}

function adam({ beta1, beta2, epsilon }: FedAdam, before: OptimiserState, g: Float64Array): Direction {
  const { direction, first, second, steps } = fresh(before, g.length);
  const bias1 = 1 - integerPower(beta1, steps);
  const bias2 = 1 - integerPower(beta2, steps);
  for (let i = 0; i < g.length; i++) {
    const gradient = at(g, i);
    const m = beta1 * at(before.first, i) + (1 - beta1) * gradient;
    const u = beta2 * at(before.second, i) + (1 - beta2) * gradient * gradient;
    first[i] = m;
    second[i] = u;
    direction[i] = m / bias1 / (Math.sqrt(u / bias2) + epsilon);
  }
  return { direction, optimiserState: { ...before, steps, first, second } };
}

function correctedAdam(
  { beta1, beta2, floor }: DpAdam,
  before: OptimiserState,
  g: Float64Array,
  noiseVariance: number,
): Direction {
  const { direction, first, second, steps } = fresh(before, g.length);
  const bias1 = 1 - integerPower(beta1, steps);
  const bias2 = 1 - integerPower(beta2, steps);
  for (let i = 0; i < g.length; i++) {
    const gradient = at(g, i);
    const m = beta1 * at(before.first, i) + (1 - beta1) * gradient;
    const u = beta2 * at(before.second, i) + (1 - beta2) * (gradient * gradient - noiseVariance);
    first[i] = m;
    second[i] = u;
    direction[i] = m / bias1 / Math.sqrt(Math.max(u / bias2, floor));
  }
  return { direction, optimiserState: { ...before, steps, first, second } };
}

function uncorrected(optimiser: FedYogi | FedAdagrad, before: OptimiserState, g: Float64Array): Direction {
  const { beta1, epsilon } = optimiser;
  const { direction, first, second, steps } = fresh(before, g.length);
  for (let i = 0; i < g.length; i++) {
    const gradient = at(g, i);
    const square = gradient * gradient;
    const before2 = at(before.second, i);
    const m = beta1 * at(before.first, i) + (1 - beta1) * gradient;
    const u =
      optimiser.name === "fedyogi" ? before2 - (1 - optimiser.beta2) * square * Math.sign(before2 - square) : before2 + square;
    first[i] = m;
    second[i] = u;
    direction[i] = m / (Math.sqrt(u) + epsilon);
  }
  return { direction, optimiserState: { ...before, steps, first, second } };
}

function rootMeanSquare({ decay, epsilon }: RmsProp, before: OptimiserState, g: Float64Array): Direction {
  const { direction, second, steps } = fresh(before, g.length);
  for (let i = 0; i < g.length; i++) {
    const gradient = at(g, i);
    const u = decay * at(before.second, i) + (1 - decay) * gradient * gradient;
    second[i] = u;
    direction[i] = gradient / (Math.sqrt(u) + epsilon);
  }
  return { direction, optimiserState: { ...before, steps, second } };
}

/** @throws TRB_EXTENSION_MISSING, TRB_EXTENSION_UNFIT */
function extended(optimiser: ExtendedOptimiser, before: OptimiserState, g: Float64Array, noiseVariance: number): Direction {
  const { extension, numbers } = optimiser;
  const { steps } = before;
  const moved = extensionOptimiser(extension).direction({ numbers, before, gradient: g.slice(), noiseVariance });
  for (const [name, values] of Object.entries({ direction: moved.direction, first: moved.first, second: moved.second })) {
    const fits = values instanceof Float64Array && values.length === g.length && allFinite(values);
    if (!fits)
      throw fail("TRB_EXTENSION_UNFIT", { name: extension, reason: `${name} is not ${g.length} finite float64 numbers` });
  }
  return {
    direction: moved.direction,
    optimiserState: { ...before, steps: steps + 1, first: moved.first, second: moved.second },
  };
}

function fresh(before: OptimiserState, dimension: number) {
  const zeros = () => new Float64Array(dimension);
  return { direction: zeros(), first: zeros(), second: zeros(), steps: before.steps + 1 };
}

function checkedVariance(noiseVariance: number | undefined): number {
  if (noiseVariance === undefined || !(noiseVariance >= 0 && noiseVariance < Number.POSITIVE_INFINITY)) {
    throw fail("TRB_MODEL_NOISE_VARIANCE", { variance: noiseVariance ?? "missing" });
  }
  return noiseVariance;
}

/** base^n by repeated multiplication: the same bits everywhere, which `**` does not promise. */
function integerPower(base: number, n: number): number {
  let power = 1;
  for (let i = 0; i < n; i++) power *= base;
  return power;
}

const at = (values: Float64Array, i: number): number => values[i] as number;
