/** The server's optimisers in numbers, and what each remembers between rounds. */
import { fail } from "@tributary/errors";

/** Pulls toward zero that every optimiser takes, absent is 0, and a bound on what moves the weights. They act on all coordinates alike. */
interface Penalties {
  /**
   * λ₁ of the penalty λ₁·‖w‖₁, taken by its proximal step (Parikh & Boyd 2014, §6.5.2): after the move, w ← sign(w)·max(|w| − learningRate·λ₁, 0).
   * Unlike the subgradient it makes zeros that are exactly zero.
   */
  readonly l1?: number;
  /** λ₂ of the penalty λ₂/2·‖w‖²: its gradient λ₂·w is added to the mean update, before any moment sees it. */
  readonly l2?: number;
  /** λ of decoupled decay (Loshchilov & Hutter 2019): w ← (1 − learningRate·λ)·w, which no moment sees. */
  readonly weightDecay?: number;
  /** Most L2 norm of the mean update g, noise and all: g ← g·min(1, updateNorm/‖g‖), before λ₂ and every moment. Absent: no bound. */
  readonly updateNorm?: number;
}

/** FedAvg with server momentum: Hsu, Qi, Brown 2019 ("FedAvgM"); momentum 0 is plain FedAvg. */
export interface FedAvg extends Penalties {
  readonly name: "fedavg";
  readonly learningRate: number;
  readonly momentum: number;
}

/** FedAdam: Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), Algorithm 2, with Adam's bias correction. */
export interface FedAdam extends Penalties {
  readonly name: "fedadam";
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** AdamW (Loshchilov & Hutter 2019): `fedadam` under the name by which it is known with decoupled decay, which must be given. */
interface AdamW extends Omit<FedAdam, "name"> {
  readonly name: "adamw";
  readonly weightDecay: number;
}

/** FedYogi: Reddi et al., Algorithm 2, as printed: no bias correction, the second moment starts at ε². */
export interface FedYogi extends Omit<FedAdam, "name"> {
  readonly name: "fedyogi";
}

/** FedAdagrad: Reddi et al., Algorithm 2, as printed: the second moment starts at ε² and only grows. */
export interface FedAdagrad extends Penalties {
  readonly name: "fedadagrad";
  readonly learningRate: number;
  readonly beta1: number;
  readonly epsilon: number;
}

/** RMSprop: Tieleman & Hinton 2012, lecture 6e; ε outside the root, as in PyTorch. */
export interface RmsProp extends Penalties {
  readonly name: "rmsprop";
  readonly learningRate: number;
  readonly decay: number;
  readonly epsilon: number;
}

/**
 * Adam with the noise's variance taken out of the second moment: Tang, Shpilevskiy, Lécuyer, "DP-AdamBC: Your DP-Adam Is Actually
 * DP-SGD (Unless You Apply Bias Correction)" (AAAI 2024), Algorithm 1.
 */
export interface DpAdam extends Penalties {
  readonly name: "dpadam";
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** γ′: the least that the corrected second moment is taken for, in squared units of the mean update. */
  readonly floor: number;
}

/** One that an extension brings (`extensions/extension.ts`). */
export interface ExtendedOptimiser extends Penalties {
  readonly name: "extension";
  readonly learningRate: number;
  readonly extension: string;
  readonly numbers: Readonly<Record<string, number>>;
}

export type Optimiser = FedAvg | FedAdam | AdamW | FedYogi | FedAdagrad | RmsProp | DpAdam | ExtendedOptimiser;

/** What an optimiser remembers between rounds. */
export interface OptimiserState {
  readonly name: Optimiser["name"];
  /** Steps taken so far. */
  readonly steps: number;
  /** The first moment; fedavg: the velocity. [dimension]; rmsprop: empty. */
  readonly first: Float64Array;
  /** The second moment; dpadam: less the noise's variance, so that it may be negative. [dimension]; fedavg: empty. */
  readonly second: Float64Array;
}

export function freshOptimiserState(optimiser: Optimiser, dimension: number): OptimiserState {
  const { first, second } = lengths(optimiser, dimension);
  const startsAtFloor = optimiser.name === "fedyogi" || optimiser.name === "fedadagrad";
  return {
    name: optimiser.name,
    steps: 0,
    first: new Float64Array(first),
    second: new Float64Array(second).fill(startsAtFloor ? optimiser.epsilon * optimiser.epsilon : 0),
  };
}

/** @throws TRB_MODEL_OPTIMISER_STATE unless the state is one that this optimiser left, of this dimension */
export function checkOptimiserState(optimiser: Optimiser, state: OptimiserState, dimension: number): void {
  const { first, second } = lengths(optimiser, dimension);
  const refuse = (reason: string) => fail("TRB_MODEL_OPTIMISER_STATE", { optimiser: optimiser.name, reason });
  if (state.name !== optimiser.name) throw refuse(`it was written by ${state.name}`);
  if (state.first.length !== first) throw refuse(`${state.first.length} first moments instead of ${first}`);
  if (state.second.length !== second) throw refuse(`${state.second.length} second moments instead of ${second}`);
}

function lengths({ name }: Optimiser, dimension: number): { readonly first: number; readonly second: number } {
  return { first: name === "rmsprop" ? 0 : dimension, second: name === "fedavg" ? 0 : dimension };
}
