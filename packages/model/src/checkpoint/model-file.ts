/**
 * A model's file: safetensors, float32, tensors in the order of the model spec, which is also the order of the update
 * vector (DESIGN §5). Its SHA-256 is the model hash that plans, messages and ledger entries are bound to.
 */
import { fail } from "@tributary/errors";
import { parameterCount, parameterShapes } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { elements, readTensors, type TensorHeader, writeTensors } from "./safetensors.ts";

/**
 * @param parameters [parameterCount], in the order of `parameterShapes(spec)`
 * @throws TRB_MODEL_LENGTH_MISMATCH, TRB_MODEL_NOT_FINITE
 */
export function encodeModel(spec: ModelSpec, parameters: Float32Array): Uint8Array {
  const tensors = headers(spec);
  const expected = parameterCount(spec);
  if (parameters.length !== expected) {
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "The model", found: parameters.length, expected });
  }
  refuseNonFinite(tensors, parameters);
  return writeTensors({ tensors, metadata: { format: "tributary" }, data: bytesOf(parameters) });
}

/**
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
  tensors.forEach((found, place) => {
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
  const parameters = new Float32Array(new Uint8Array(data).buffer); // copied, also out of a Buffer; little-endian, as every machine is here
  refuseNonFinite(expected, parameters);
  return parameters;
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
function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
