/**
 * Round 0: the model that everybody can rebuild from the plan alone.
 *
 * Private training has few, noisy steps, so it matters where they begin. A tied pre-norm model whose branches are small
 * predicts "the same item again" at once, which on shopping logs is a good first guess that nobody's data paid for:
 * what is learnt comes on top of it. Hence small branches, positions, actions and gaps at zero, and item vectors short
 * enough that a few steps can turn them (measured: docs of the planner).
 *
 * The rule, tensor by tensor in the order of the update vector, of uniform numbers with mean 0 and the deviation given:
 * - norms' gains are 1;
 * - item vectors, and those of the mask and of the start, 0.1. Where items have ids of their own, attributes and features begin at
 *   zero and are learnt on top; without ids they share the 0.1, so that items differ from the start;
 * - a separate output table begins as a copy of the items' ids, so that it predicts what a tied one would; without ids 0.1;
 * - weights of blocks 0.02; of recurrent layers 1/√(3·width), PyTorch's ±1/√width;
 * - an LSTM's forget gates are open: a bias of 1 (Gers et al. 2000);
 * - what stands in an extension's model, as the extension says;
 * - all else is zero: biases, positions, actions, gaps, dwells, prices, heads.
 *
 * Uniform rather than Gaussian: only + − × ÷ √ enter, so the bytes are equal on every machine (`Math.log` is not promised to be).
 */
import type { RandomSource } from "@tributary/dp";
import { extensionModel } from "../extensions/extension.ts";
import { type ParameterShape, parameterCount, parameterShapes, sizeOf } from "../parameters.ts";
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
  for (const parameter of parameterShapes(spec)) {
    const tensor = parameters.subarray(begin, begin + sizeOf(parameter.shape));
    begin += tensor.length;
    const { name } = parameter;
    const deviation = deviationOf(spec, parameter);
    if (name.endsWith(".gain")) tensor.fill(1);
    else if (name === "output.weight" && spec.item.ids === "own") tensor.set(parameters.subarray(0, tensor.length));
    else if (name === "recurrent.input.bias" && spec.family === "lstm") tensor.fill(1, spec.width, 2 * spec.width);
    else if (deviation > 0) fillUniform(tensor, deviation, random);
  }
  return parameters;
}

/** 0 where a tensor is not drawn. */
function deviationOf(spec: ModelSpec, { name, shape }: ParameterShape): number {
  const { item, width } = spec;
  if (["item.weight", "mask.weight", "start.weight", "output.weight"].includes(name)) return itemDeviation;
  if (name.startsWith("body.")) return extensionModel(spec.extension ?? "").deviation(spec, { name, shape });
  if (/^(block|encoder|decoder)\d+\..*\.weight$/.test(name)) return weightDeviation;
  if (/^recurrent\..*\.weight$/.test(name)) return 1 / Math.sqrt(3 * width);
  if (item.ids === "own") return 0;
  const share = itemDeviation / Math.sqrt(item.attributes.length + (item.features > 0 ? 1 : 0));
  if (name.startsWith("attribute.")) return share;
  // features are taken to have a variance of about 1
  return name === "feature.weight" ? share / Math.sqrt(shape[0] ?? 1) : 0;
}

function fillUniform(out: Float32Array, deviation: number, random: RandomSource): void {
  const bytes = new Uint8Array(4 * out.length);
  random.fill(bytes);
  const view = new DataView(bytes.buffer);
  const span = 2 * rootOfThree * deviation;
  for (let i = 0; i < out.length; i++) out[i] = span * (view.getUint32(4 * i, true) / 2 ** 32 - 0.5);
}
