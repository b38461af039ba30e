/**
 * Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019, Algorithm 2) on a slice of the flat vector, in place. Members
 * of a team own disjoint slices, so that the step costs each core its share; a coordinate's arithmetic does not depend on the
 * slice that it lies in.
 *
 * The server's optimisers are pure and in float64, because a federation must get equal bytes everywhere. This one is for
 * central training on one machine, where a step must not copy the model.
 */
import { parameterShapes, sizeOf } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";

export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** λ: each step takes learningRate·λ of every decayed coordinate away. */
  readonly weightDecay: number;
}

/** Places [begin, end) of the flat vector. */
export interface Slice {
  readonly begin: number;
  readonly end: number;
}

export interface AdamWStep {
  /** Counts from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** What the summed gradient is multiplied by to make it a mean. */
  readonly factor: number;
}

/** What decays: weights and tables; not biases and gains, which are few and near where they belong. */
export function decayedSlices(spec: ModelSpec): readonly Slice[] {
  const slices: Slice[] = [];
  let begin = 0;
  for (const { name, shape } of parameterShapes(spec)) {
    const end = begin + sizeOf(shape);
    if (name.endsWith(".weight")) slices.push({ begin, end });
    begin = end;
  }
  return slices;
}

export class AdamWSlice {
  readonly #options: AdamW;
  readonly #slice: Slice;
  /** 1 where weight decay applies. */
  readonly #decays: Uint8Array;
  readonly #first: Float32Array;
  readonly #second: Float32Array;

  constructor(options: AdamW, slice: Slice, decayed: readonly Slice[]) {
    this.#options = options;
    this.#slice = slice;
    const size = slice.end - slice.begin;
    this.#first = new Float32Array(size);
    this.#second = new Float32Array(size);
    this.#decays = new Uint8Array(size);
    for (const { begin, end } of decayed) {
      this.#decays.fill(1, Math.max(0, begin - slice.begin), Math.max(0, Math.min(size, end - slice.begin)));
    }
  }

  /**
   * Moves the slice of `parameters` down the sum of `gradients`, added in their order, and sets it to zero in each of them.
   * @param gradients [dimension] each
   */
  apply(parameters: Float32Array, gradients: readonly Float32Array[], { step, learningRate, factor }: AdamWStep): void {
    const { beta1, beta2, epsilon, weightDecay } = this.#options;
    const { begin, end } = this.#slice;
    const [moments, squares, decays] = [this.#first, this.#second, this.#decays];
    const rate = learningRate / (1 - beta1 ** step);
    const bias2 = 1 - beta2 ** step;
    const kept = 1 - learningRate * weightDecay;
    const [sum, ...others] = gradients;
    if (sum === undefined) return;
    for (const other of others) {
      for (let i = begin; i < end; i++) {
        sum[i] = (sum[i] as number) + (other[i] as number);
        other[i] = 0;
      }
    }
    for (let i = begin; i < end; i++) {
      const at = i - begin;
      const gradient = factor * (sum[i] as number);
      const moment = beta1 * (moments[at] as number) + (1 - beta1) * gradient;
      const square = beta2 * (squares[at] as number) + (1 - beta2) * gradient * gradient;
      moments[at] = moment;
      squares[at] = square;
      const before = (parameters[i] as number) * (decays[at] === 1 ? kept : 1);
      parameters[i] = before - (rate * moment) / (Math.sqrt(square / bias2) + epsilon);
      sum[i] = 0;
    }
  }
}
