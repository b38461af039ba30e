/**
 * A model's file: safetensors, float32, tensors in the order of the model spec, which is also the order of the update
 * vector (DESIGN §5). Its SHA-256 is the model hash that plans, messages and ledger entries are bound to.
 *
 * Where a plan releases statistics, they stand behind the weights, with the query that comes next: so nodes learn from one file what a
 * round asks, and the ledger's chain of model hashes is about statistics as well.
 */
import { fail } from "@tributary/errors";
import { parameterCount, parameterShapes } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { type ReleasedStatistics, startStatistics } from "../statistics/rounds.ts";
import { type StatisticsTensor, statisticsOf, statisticsTensors } from "../statistics/statistics-tensors.ts";
import { elements, readTensors, type TensorHeader, writeTensors } from "./safetensors.ts";

/** In this order, behind the weights. */
const statisticsNames: readonly string[] = statisticsTensors(startStatistics()).map(({ name }) => name);

/**
 * @param parameters [parameterCount], in the order of `parameterShapes(spec)`
 * @param statistics of a plan that releases any, from the initial model on
 * @throws TRB_MODEL_LENGTH_MISMATCH, TRB_MODEL_NOT_FINITE
 */
export function encodeModel(spec: ModelSpec, parameters: Float32Array, statistics?: ReleasedStatistics): Uint8Array {
  const tensors = headers(spec);
  const expected = parameterCount(spec);
  if (parameters.length !== expected) {
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "The model", found: parameters.length, expected });
  }
  refuseNonFinite(tensors, parameters);
  const metadata = { format: "tributary" };
  if (statistics === undefined) return writeTensors({ tensors, metadata, data: bytesOf(parameters) });
  const behind = statisticsTensors(statistics);
  const data = joined([parameters, ...behind.map((tensor) => tensor.data)]);
  return writeTensors({ tensors: [...tensors, ...behind.map(headerOf)], metadata, data });
}

/**
 * The weights, whether or not statistics stand behind them.
 * @returns [parameterCount], in the order of `parameterShapes(spec)`
 * @throws TRB_MODEL_FILE_MALFORMED, TRB_MODEL_TENSOR_MISSING, TRB_MODEL_TENSOR_UNEXPECTED, TRB_MODEL_TENSOR_SHAPE,
 *   TRB_MODEL_TENSOR_TYPE, TRB_MODEL_NOT_FINITE
 */
export function decodeModel(spec: ModelSpec, file: Uint8Array): Float32Array {
  const expected = headers(spec);
  const { tensors, data } = readTensors(file);
  const names = new Set(tensors.map(({ name }) => name));
  for (const { name, shape } of expected) {
    if (!names.has(name)) throw fail("TRB_MODEL_TENSOR_MISSING", { tensor: name, expected: shape.join(", ") });
  }
  withoutStatistics(tensors).forEach((found, place) => {
    const wanted = expected[place];
    const text = { tensor: found.name.slice(0, 80), found: found.shape.join(", ") };
    if (wanted?.name !== found.name) throw fail("TRB_MODEL_TENSOR_UNEXPECTED", { ...text, expected: wanted?.name ?? "none" });
    if (found.dtype !== "F32") {
      throw fail("TRB_MODEL_TENSOR_TYPE", { tensor: found.name, found: found.dtype, expected: "F32" });
    }
    if (found.shape.join() !== wanted.shape.join()) {
      throw fail("TRB_MODEL_TENSOR_SHAPE", { ...text, expected: wanted.shape.join(", ") });
    }
  });
  // copied, also out of a Buffer; little-endian, as every machine is here
  const parameters = new Float32Array(new Uint8Array(data.subarray(0, 4 * parameterCount(spec))).buffer);
  refuseNonFinite(expected, parameters);
  return parameters;
}

/**
 * The statistics behind the weights; undefined for the file of a plan that releases none.
 * @param items how many items the catalogue has
 * @throws TRB_MODEL_FILE_MALFORMED, TRB_MODEL_TENSOR_TYPE: what a node is sent is checked in full before it is used
 */
export function decodeStatistics(file: Uint8Array, items: number): ReleasedStatistics | undefined {
  const { tensors, data } = readTensors(file);
  const weights = withoutStatistics(tensors);
  if (weights.length === tensors.length) return undefined;
  let begin = weights.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
  const behind = tensors.slice(weights.length).map(({ name, dtype, shape }): StatisticsTensor => {
    const bytes = new Uint8Array(data.subarray(begin, begin + 4 * elements(shape))).buffer;
    begin += 4 * elements(shape);
    if (dtype === "F64") throw fail("TRB_MODEL_TENSOR_TYPE", { tensor: name, found: dtype, expected: "F32 or U32" });
    return { name, shape, data: dtype === "U32" ? new Uint32Array(bytes) : new Float32Array(bytes) };
  });
  return statisticsOf(behind, items);
}

/** The tensors before the statistics; all of them, unless exactly those of statistics are at the end. */
function withoutStatistics(tensors: readonly TensorHeader[]): readonly TensorHeader[] {
  const at = tensors.length - statisticsNames.length;
  const present =
    at >= 0 && statisticsNames.every((name, i) => tensors[at + i]?.name === name && tensors[at + i]?.shape.length === 1);
  return present ? tensors.slice(0, at) : tensors;
}

const headerOf = ({ name, shape, data }: StatisticsTensor): TensorHeader => ({
  ...{ name, shape },
  dtype: data instanceof Uint32Array ? "U32" : "F32",
});

function joined(parts: readonly (Float32Array | Uint32Array)[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let begin = 0;
  for (const part of parts) {
    all.set(bytesOf(part), begin);
    begin += part.byteLength;
  }
  return all;
}

function headers(spec: ModelSpec): readonly TensorHeader[] {
  return parameterShapes(spec).map(({ name, shape }) => ({ name, dtype: "F32", shape }));
}

function refuseNonFinite(tensors: readonly TensorHeader[], parameters: Float32Array): void {
  const wrong = parameters.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  let begin = 0;
  for (const { name, shape } of tensors) {
    const end = begin + elements(shape);
    if (wrong < end) throw fail("TRB_MODEL_NOT_FINITE", { tensor: name, place: wrong - begin });
    begin = end;
  }
}

/** Little-endian, as every machine's that JavaScript runs on. */
function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
