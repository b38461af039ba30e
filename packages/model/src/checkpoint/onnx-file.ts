/**
 * Reads back what `exportOnnx` wrote: weights and metadata. The numbers beside the fields are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). The graph itself isn't read: `readCheckpoint` builds it again from the
 * spec and compares the bytes.
 */
import { fail } from "@tributary/errors";
import { attributeInput, contentTables, featuresInput, type ItemContent, readsContent } from "../item-content/item-content.ts";
import { graphParameters, parameterCount, sizeOf } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { protobufFields, utf8 } from "./protobuf-reader.ts";
import type { TensorHeader } from "./safetensors.ts";

/** ModelProto, GraphProto, TensorProto and StringStringEntryProto, as far as they are read. */
const modelFields = { producer: 2, graph: 7, metadata: 14 } as const;
const initializerField = 5;
const tensorFields = { dims: 1, dataType: 2, name: 8, raw: 9 } as const;
const float32 = 1n;

export interface OnnxModel {
  readonly metadata: Readonly<Record<string, string>>;
  readonly weights: OnnxWeights;
}

export interface OnnxWeights {
  /** The float32 tensors of the file that have a name of ours, in its order; the graph's own constants are left out. */
  readonly headers: readonly TensorHeader[];
  /** [size], by name */
  readonly values: ReadonlyMap<string, Float32Array>;
}

/** ir_version comes first in every file of ours; to a safetensors reader that is a header above a megabyte, which it refuses. */
export function isOnnx(file: Uint8Array): boolean {
  return file[0] === 0x08 && (file[1] ?? 0) < 0x20 && file[2] === 0x12;
}

/** @throws TRB_MODEL_ONNX_MALFORMED */
export function decodeOnnxModel(file: Uint8Array): OnnxModel {
  const metadata: Record<string, string> = {};
  const headers: TensorHeader[] = [];
  const values = new Map<string, Float32Array>();
  for (const { field, bytes } of protobufFields(file)) {
    if (bytes === undefined) continue;
    if (field === modelFields.metadata) {
      const [key, value] = [1, 2].map((number) => protobufFields(bytes).find((one) => one.field === number)?.bytes);
      if (key) metadata[utf8(key)] = value === undefined ? "" : utf8(value);
    }
    if (field !== modelFields.graph) continue;
    for (const tensor of protobufFields(bytes)) {
      if (tensor.field !== initializerField || tensor.bytes === undefined) continue;
      const read = tensorOf(tensor.bytes);
      if (read === undefined || /^c\d+$/.test(read.name)) continue; // the graph's own constants are c0, c1, …
      if (values.has(read.name)) throw malformed(`it holds the tensor ${read.name.slice(0, 80)} twice`);
      headers.push({ name: read.name, dtype: "F32", shape: read.shape });
      values.set(read.name, read.data);
    }
  }
  if (headers.length === 0) throw malformed("it holds no weights");
  return { metadata, weights: { headers, values } };
}

/**
 * The weights as one vector [parameterCount], in the order of `parameterShapes(spec)`.
 * @throws TRB_MODEL_TENSOR_MISSING, TRB_MODEL_TENSOR_SHAPE
 */
export function flatWeights(spec: ModelSpec, { headers, values }: OnnxWeights): Float32Array {
  const flat = new Float32Array(parameterCount(spec));
  for (const { name, shape, parts } of graphParameters(spec)) {
    const header = headers.find((one) => one.name === name);
    const data = values.get(name);
    const expected = shape.join(", ");
    if (header === undefined || data === undefined) throw fail("TRB_MODEL_TENSOR_MISSING", { tensor: name, expected });
    if (header.shape.join() !== shape.join()) {
      throw fail("TRB_MODEL_TENSOR_SHAPE", { tensor: name, found: header.shape.join(", "), expected });
    }
    const columns = shape.at(-1) ?? 1;
    for (let row = 0; row < sizeOf(shape) / columns; row++) {
      let column = 0;
      for (const { offset, width } of parts) {
        const begin = row * columns + column;
        flat.set(data.subarray(begin, begin + width), offset + row * width);
        column += width;
      }
    }
  }
  return flat;
}

/**
 * The public content that stands beside the weights of a model that reads some; undefined for others.
 * @throws TRB_MODEL_TENSOR_MISSING
 */
export function contentOf(spec: ModelSpec, { values }: OnnxWeights): ItemContent | undefined {
  if (!readsContent(spec)) return undefined;
  const table = (name: string): Float32Array => {
    const expected = contentTables(spec)
      .find((one) => one.name === name)
      ?.shape.join(", ");
    const found = values.get(name);
    if (found === undefined) throw fail("TRB_MODEL_TENSOR_MISSING", { tensor: name, expected: expected ?? "" });
    return found;
  };
  return {
    attributes: new Map(spec.item.attributes.map(({ name }) => [name, Int32Array.from(table(attributeInput(name)))])),
    features: spec.item.features > 0 ? table(featuresInput) : new Float32Array(0),
  };
}

/** Undefined for what is no float32 tensor with raw data. */
function tensorOf(message: Uint8Array): { name: string; shape: readonly number[]; data: Float32Array } | undefined {
  const fields = protobufFields(message);
  const bytesOf = (number: number) => fields.find(({ field }) => field === number)?.bytes;
  const raw = bytesOf(tensorFields.raw);
  const name = bytesOf(tensorFields.name);
  const type = fields.find(({ field }) => field === tensorFields.dataType)?.integer;
  if (raw === undefined || name === undefined || type !== float32) return undefined;
  const shape = fields.flatMap(({ field, integer }) =>
    field === tensorFields.dims && integer !== undefined ? [Number(integer)] : [],
  );
  const known = utf8(name);
  if (raw.length !== 4 * sizeOf(shape)) throw malformed(`the data of ${known.slice(0, 80)} do not fit its shape [${shape}]`);
  return { name: known, shape, data: new Float32Array(new Uint8Array(raw).buffer) }; // little-endian, as every machine is here
}

const malformed = (reason: string) => fail("TRB_MODEL_ONNX_MALFORMED", { reason });
