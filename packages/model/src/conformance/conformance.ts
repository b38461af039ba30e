/**
 * Holds the models to golden vectors, on any executor: hidden states, losses, per-customer gradient norms and the clipped sum of
 * every case. The graph is the training graph, with the hidden states as one more output.
 */
import {
  backward,
  clipNormInput,
  collect,
  type Executor,
  type Feeds,
  type FeedTensor,
  type GradientPiece,
  type Graph,
  GraphBuilder,
  type Outputs,
  type OutputTensor,
} from "@tributary/tensor";
import { familyOf } from "../graphs/families/families.ts";
import { headLosses } from "../graphs/heads.ts";
import { declareParameters, fixedTables } from "../graphs/weights.ts";
import { type GraphParameter, gather, graphParameters, parameterCount } from "../parameters.ts";
import { BucketSum } from "../training/bucket-sum.ts";
import { bidirectional } from "./families/bidirectional.ts";
import { causal } from "./families/causal.ts";
import { encoderDecoder } from "./families/encoder-decoder.ts";
import { recurrent } from "./families/recurrent.ts";
import type { GoldenFamily, GoldenModel } from "./family.ts";
import type { GoldenCase } from "./golden-case.ts";
import { flatten, paddingGradient, unfit } from "./shapes.ts";

/** What a case came to on an executor: errors relative to the largest magnitude of each quantity, the worst of all four. */
export interface ConformanceResult {
  readonly name: string;
  readonly executor: string;
  /** Only of an executor that computes in float64. */
  readonly float64?: { readonly maxError: number };
  /** Of one that computes in float64: what is left when numbers go in and come out in float32. */
  readonly float32: { readonly maxError: number };
}

/** What golden vectors are held to. */
export const conformanceTolerance = { float64: 1e-10, float32: 1e-5 } as const;

const families: readonly GoldenFamily[] = [causal, bidirectional, encoderDecoder, recurrent];

/** How per-customer norms are laid out: by Gram matrices throughout, and with every matrix written out. */
const layouts = [1, 1000] as const;

/**
 * Runs every case on every executor.
 * @throws TRB_MODEL_VECTORS_UNFIT, TRB_TRAINING_SPEC_INVALID, and whatever an executor throws
 */
export async function conformance(
  cases: readonly GoldenCase[],
  executors: readonly Executor[],
): Promise<readonly ConformanceResult[]> {
  const prepared = cases.map(prepare);
  const results: ConformanceResult[] = [];
  for (const one of prepared) {
    for (const executor of executors) results.push(await measure(one, executor));
  }
  return results;
}

interface Prepared {
  readonly golden: GoldenCase;
  readonly model: GoldenModel;
  readonly feeds: Feeds;
  /** The golden clipped sum in our order. */
  readonly sum: Float64Array;
  readonly graphs: readonly { readonly graph: Graph; readonly pieces: readonly GradientPiece[] }[];
}

function prepare(golden: GoldenCase): Prepared {
  const family = families.find((candidate) => candidate.recognises(golden));
  if (family === undefined) throw unfit(golden, "parameters", "those of a family that is known", "others");
  const epsilon = golden.config.layerNormEpsilon;
  if (epsilon !== 1e-5) throw unfit(golden, "config.layerNormEpsilon", "1e-5", String(epsilon));
  if (!(golden.clipNorm > 0)) throw unfit(golden, "clipNorm", "a number above 0", String(golden.clipNorm));
  const model = family.model(golden);
  const { spec } = model;
  const flat = flatten(golden, "parameters", spec, model);
  const feeds: Record<string, FeedTensor> = {
    ...model.feeds,
    [clipNormInput]: { shape: [], data: Float64Array.of(golden.clipNorm) },
  };
  for (const parameter of graphParameters(spec)) {
    feeds[parameter.name] = { shape: parameter.shape, data: gather64(parameter, flat) };
  }
  for (const { name, shape, data } of fixedTables(spec)) feeds[name] = { shape, data };
  const sum = flatten(golden, "clippedSum", spec, model);
  return { golden, model, feeds, sum, graphs: layouts.map((length) => goldenGraph(model, length)) };
}

/** The graph of `trainingGraph`, which gives its hidden states as well. */
export function goldenGraph(
  { spec, predict }: Pick<GoldenModel, "spec" | "predict">,
  length: number,
): { graph: Graph; pieces: readonly GradientPiece[] } {
  const g = new GraphBuilder("training");
  const parameter = declareParameters(g, spec);
  const own = familyOf(spec).predictions(g, spec, parameter);
  const predictions = predict ? predict(g, own) : own;
  headLosses(g, spec, parameter, predictions);
  backward(g);
  const pieces = collect(g, { clipped: true, length });
  g.output("hidden", predictions.hidden);
  return { graph: g.graph(), pieces };
}

/** Like `gather`, in float64. */
function gather64(parameter: GraphParameter, flat: Float64Array): Float64Array {
  const order = gather(parameter, Float32Array.from(flat.keys())); // places below 2^24 are exact
  return Float64Array.from(order, (place) => flat[place] ?? Number.NaN);
}

async function measure(prepared: Prepared, executor: Executor): Promise<ConformanceResult> {
  const { name } = prepared.golden;
  const float32 = { maxError: await maxError(prepared, executor, asFloat32) };
  if (executor.precision === "float32") return { name, executor: executor.name, float32 };
  return { name, executor: executor.name, float64: { maxError: await maxError(prepared, executor, (x) => x) }, float32 };
}

function asFloat32<Numbers extends FeedTensor | OutputTensor>(tensor: Numbers): Numbers {
  return tensor.data instanceof Float64Array ? { ...tensor, data: Float32Array.from(tensor.data) } : tensor;
}

/** The worst error of a case. @param convert is applied to what goes in and what comes out */
async function maxError(
  prepared: Prepared,
  executor: Executor,
  convert: <Numbers extends FeedTensor | OutputTensor>(tensor: Numbers) => Numbers,
): Promise<number> {
  const feeds = Object.fromEntries(Object.entries(prepared.feeds).map(([name, feed]) => [name, convert(feed)]));
  let worst = 0;
  for (const { graph, pieces } of prepared.graphs) {
    const session = await executor.load(graph);
    try {
      const run = await session.run(feeds);
      const outputs = Object.fromEntries(Object.entries(run).map(([name, output]) => [name, convert(output)]));
      worst = Math.max(worst, ...errorsOf(prepared, outputs, pieces, feeds));
    } finally {
      await session.close();
    }
  }
  return worst;
}

function errorsOf(prepared: Prepared, outputs: Outputs, pieces: readonly GradientPiece[], feeds: Feeds): readonly number[] {
  const { golden, model, sum } = prepared;
  const { width } = model.spec;
  const hidden = outputs["hidden"]?.data ?? [];
  const ours = model.places.flatMap(({ row }) => Array.from(hidden.slice(row * width, (row + 1) * width)));
  const theirs = model.places.flatMap(({ b, t }) => golden.hidden[b]?.[t] ?? []);
  const clipped = clippedSum(prepared, outputs, pieces, feeds);
  // a gradient of padding that we have no row for is an error of its own size
  const padding = paddingGradient(golden, model) / largest(sum);
  return [
    relativeError(ours, theirs),
    relativeError(outputs["loss"]?.data ?? [], golden.losses),
    relativeError(outputs["norm"]?.data ?? [], golden.gradientNorms),
    Math.max(padding, relativeError(clipped, sum)),
  ];
}

/** The sum as training forms it, on a grid so fine that truncation is far below the tolerances. */
function clippedSum(
  { golden, model: { spec } }: Prepared,
  outputs: Outputs,
  pieces: readonly GradientPiece[],
  feeds: Feeds,
): Float64Array {
  const count = parameterCount(spec);
  const bucket = new BucketSum(graphParameters(spec), pieces, count);
  const sum = new Float64Array(count);
  if (!bucket.add(pieces, outputs, feeds)) return sum.fill(Number.NaN);
  const unitsPerOne = 2 ** Math.floor(50 - Math.log2(golden.losses.length * golden.clipNorm));
  bucket.flush(sum, { unitsPerOne });
  return sum.map((value) => value / unitsPerOne);
}

/** The largest magnitude; 1 where everything is zero. */
function largest(values: ArrayLike<number>): number {
  const found = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found > 0 ? found : 1;
}

/** The largest difference over the largest magnitude; what is missing or no number counts as the largest number (JSON has no infinity). */
function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.MAX_VALUE;
  const scale = largest(expected);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(Number(found[i]) - Number(expected[i])) / scale;
    if (!Number.isFinite(error)) return Number.MAX_VALUE;
    worst = Math.max(worst, error);
  }
  return worst;
}
