/** What a graph is fed with beside events: the model's parameters, and tables that are constants of the spec. */
import { fail } from "@tributary/errors";
import type { FeedTensor, GraphBuilder, Tensor } from "@tributary/tensor";
import { contentFeeds, contentTables, type ItemContent } from "../item-content/item-content.ts";
import { checkParameters, gather, graphParameters, type ParameterShape } from "../parameters.ts";
import { isRecurrent, type ModelSpec } from "../spec.ts";
import { type Trained, trainedParameters } from "../trained-tensors.ts";

/** Changes whenever any graph's bytes do, or what a customer's events count as in any sum query: both sides of a plan must mean the same. */
export const graphVersion = 3;

/** A graph's parameter by name. */
export type ParameterOf = (name: string) => Tensor;

/** A table that is no parameter: it depends on the spec alone. */
export interface FixedTable {
  readonly name: string;
  readonly shape: readonly [number, number];
  /** Row-major, as exact as float64 is. */
  readonly data: Float64Array;
}

/** The sinusoids where positions are not learned; none otherwise. */
export function fixedTables(spec: ModelSpec): readonly FixedTable[] {
  if (spec.positions !== "sinusoidal" || isRecurrent(spec)) return [];
  const table = (name: string, rows: number): FixedTable => ({
    name,
    shape: [rows, spec.width],
    data: sinusoids(rows, spec.width),
  });
  const positions = table("position.weight", spec.length);
  return spec.steps > 0 ? [positions, table("decoderPosition.weight", spec.steps)] : [positions];
}

/** The graph's parameters by name, fixed tables and public content among them. What isn't trained is an input, through which no gradient goes. */
export function declareParameters(g: GraphBuilder, spec: ModelSpec, trained?: Trained): ParameterOf {
  const learns = new Set(trainedParameters(spec, trained).map(({ name }) => name));
  const declare = ({ name, shape }: ParameterShape) => (learns.has(name) ? g.parameter(name, shape) : g.input(name, shape));
  const tensors = new Map(graphParameters(spec).map((parameter) => [parameter.name, declare(parameter)]));
  for (const { name, shape } of fixedTables(spec)) tensors.set(name, g.input(name, shape));
  for (const { name, shape } of contentTables(spec)) tensors.set(name, g.input(name, shape));
  return (name) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name });
    return tensor;
  };
}

/**
 * The weights that a graph of this model is fed with, by the graph's names, and the public content that it reads.
 * @param finite true where the caller has made sure that all parameters are
 * @throws TRB_TRAINING_PARAMETERS_WRONG_LENGTH, TRB_TRAINING_PARAMETERS_NOT_FINITE, TRB_MODEL_CONTENT_MISSING
 */
export function weightFeeds(
  spec: ModelSpec,
  parameters: Float32Array,
  content?: ItemContent,
  finite = false,
): Record<string, FeedTensor> {
  checkParameters(spec, parameters, finite);
  const feeds: Record<string, FeedTensor> = {};
  for (const parameter of graphParameters(spec)) {
    feeds[parameter.name] = { shape: parameter.shape, data: gather(parameter, parameters) };
  }
  for (const { name, shape, data } of fixedTables(spec)) feeds[name] = { shape, data: Float32Array.from(data) };
  return { ...feeds, ...contentFeeds(spec, content) };
}

/** The same without shapes: what an exported file holds. */
export function weightsOf(spec: ModelSpec, parameters: Float32Array, content?: ItemContent): ReadonlyMap<string, Float32Array> {
  const feeds = Object.entries(weightFeeds(spec, parameters, content));
  return new Map(feeds.map(([name, { data }]) => [name, Float32Array.from(data)]));
}

/** Fixed positions: sin and cos of position/10000^(2i/width), interleaved. [length, width], flat */
export function sinusoids(length: number, width: number): Float64Array {
  const table = new Float64Array(length * width);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < width; i += 2) {
      const angle = position / 10000 ** (i / width);
      table[position * width + i] = Math.sin(angle);
      table[position * width + i + 1] = Math.cos(angle);
    }
  }
  return table;
}
