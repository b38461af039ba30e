/**
 * Round 0: the model that everybody can rebuild from the plan alone.
 *
 * Private training has few, noisy steps, so it matters where they begin. A tied pre-norm model whose branches are small
 * predicts "the same item again" at once, which on shopping logs is a good first guess that nobody's data paid for:
 * what is learnt comes on top of it. Hence small branches, positions, actions and gaps at zero, and item vectors short
 * enough that a few steps can turn them (measured: docs of the planner).
 *
 * Uniform rather than Gaussian: only + − × ÷ enter, so the bytes are equal on every machine (`Math.log` is not promised to be).
 */
import type { RandomSource } from "@tributary/dp";
import { parameterCount, parameterShapes, sizeOf } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";

/** Standard deviation of item vectors' coordinates. */
const itemDeviation = 0.1;
/** Standard deviation of the weights of linear layers. */
const weightDeviation = 0.02;
/** √3: a uniform number in [−√3, √3) has variance 1. */
const rootOfThree = 1.7320508075688772;

/**
 * @param random a stream that is common to the federation; the same stream gives the same bytes everywhere
 * @returns [parameterCount], float32, in the order of `parameterShapes(spec)`
 */
export function initialParameters(spec: ModelSpec, random: RandomSource): Float32Array {
  const parameters = new Float32Array(parameterCount(spec));
  let begin = 0;
  for (const { name, shape } of parameterShapes(spec)) {
    const tensor = parameters.subarray(begin, begin + sizeOf(shape));
    begin += tensor.length;
    if (name.endsWith(".gain")) tensor.fill(1);
    else if (name === "item.weight") fillUniform(tensor, itemDeviation, random);
    else if (isLinearWeight(name)) fillUniform(tensor, weightDeviation, random);
    // everything else stays zero: biases, positions, actions, time gaps, the action head
  }
  return parameters;
}

/** Weights inside blocks; embeddings and heads begin at zero. */
const isLinearWeight = (name: string) => name.startsWith("block") && name.endsWith(".weight");

function fillUniform(out: Float32Array, deviation: number, random: RandomSource): void {
  const bytes = new Uint8Array(4 * out.length);
  random.fill(bytes);
  const view = new DataView(bytes.buffer);
  const span = 2 * rootOfThree * deviation;
  for (let i = 0; i < out.length; i++) out[i] = span * (view.getUint32(4 * i, true) / 2 ** 32 - 0.5);
}
