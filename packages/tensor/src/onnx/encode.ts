/**
 * A graph as an ONNX file: IR version 10, opset 20 and ONNX Runtime's `com.microsoft` set 1. The numbers beside the calls are
 * field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). The bytes depend on the graph alone.
 */
import { fail } from "@tributary/errors";
import { checkGraph } from "../executors/executor.ts";
import { operators } from "../executors/interpreter/operators.ts";
import type { Attribute, Constant, DataType, Graph, GraphNode, Tensor } from "../graph/types.ts";
import { ProtobufWriter } from "./protobuf.ts";

const irVersion = 10;
const opset = 20;

/** TensorProto.DataType */
const dataTypes: Readonly<Record<DataType, number>> = { float: 1, int32: 6, int64: 7, bool: 9 };

/** AttributeProto.AttributeType */
const attributeTypes = { float: 1, int: 2, graph: 5, ints: 7 } as const;

export interface EncodeOptions {
  /** Weights to keep in the file: an input of that name becomes an initialiser and is fed no longer. */
  readonly initialisers?: ReadonlyMap<string, Float32Array>;
  /** Texts to keep in the file's `metadata_props`, written with their keys ascending. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * @throws TRB_TENSOR_FEED_SHAPE when an initialiser's size is not that of its input, TRB_TENSOR_FEED_MISSING for an unknown name,
 *   TRB_TENSOR_UNKNOWN_OPERATOR, TRB_TENSOR_DANGLING
 */
export function encodeOnnx(graph: Graph, options: EncodeOptions = {}): Uint8Array {
  checkGraph(graph, "ONNX", (operator) => operator in operators);
  const initialisers = options.initialisers ?? new Map<string, Float32Array>();
  const inputs = new Map(graph.inputs.map((input) => [input.name, input]));
  const metadata = Object.entries(options.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, data] of initialisers) {
    const input = inputs.get(name);
    if (input === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name });
    const size = input.shape.reduce((count: number, dimension) => count * Number(dimension), 1);
    if (size !== data.length)
      throw fail("TRB_TENSOR_FEED_SHAPE", { name, fed: `[${data.length}]`, expected: `[${input.shape}]` });
  }
  return new ProtobufWriter()
    .integer(1, irVersion)
    .string(2, "tributary")
    .message(8, (set) => set.string(1, "").integer(2, opset))
    .message(8, (set) => set.string(1, "com.microsoft").integer(2, 1))
    .message(7, (writer) => writeGraph(writer, graph, initialisers))
    .messages(14, metadata, (entry, [key, value]) => entry.string(1, key).string(2, value))
    .finish();
}

function writeGraph(body: ProtobufWriter, graph: Graph, initialisers: ReadonlyMap<string, Float32Array>): void {
  for (const node of graph.nodes) body.message(1, (writer) => writeNode(writer, node));
  body.string(2, graph.name);
  for (const constant of graph.constants) {
    body.message(5, (writer) => writeTensor(writer, constant, constant.shape, rawBytes(constant)));
  }
  for (const input of graph.inputs) {
    const data = initialisers.get(input.name);
    if (data) body.message(5, (writer) => writeTensor(writer, input, input.shape.map(Number), rawFloats(data)));
  }
  for (const input of graph.inputs) {
    if (!initialisers.has(input.name)) body.message(11, (writer) => writeValueInfo(writer, input));
  }
  for (const output of graph.outputs) body.message(12, (writer) => writeValueInfo(writer, output));
}

function writeNode(writer: ProtobufWriter, node: GraphNode): void {
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  writer.string(3, node.outputs[0] ?? node.operator).string(4, node.operator);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(5, (attribute) => writeAttribute(attribute.string(1, name), value));
  }
  if (node.domain !== "") writer.string(7, node.domain);
}

function writeAttribute(writer: ProtobufWriter, value: Attribute): void {
  if (typeof value === "number") writer.integer(3, value).integer(20, attributeTypes.int);
  else if ("float" in value) writer.float(2, value.float).integer(20, attributeTypes.float);
  else if ("body" in value) {
    writer.message(6, (inner) => writeGraph(inner, value.body, new Map())).integer(20, attributeTypes.graph);
  } else {
    for (const item of value) writer.integer(8, item);
    writer.integer(20, attributeTypes.ints);
  }
}

function writeTensor(writer: ProtobufWriter, tensor: Tensor, shape: readonly number[], raw: Uint8Array): void {
  for (const size of shape) writer.integer(1, size);
  writer.integer(2, dataTypes[tensor.type]).string(8, tensor.name).bytes(9, raw);
}

function writeValueInfo(writer: ProtobufWriter, tensor: Tensor): void {
  writer.string(1, tensor.name).message(2, (type) =>
    type.message(1, (tensorType) =>
      tensorType.integer(1, dataTypes[tensor.type]).message(2, (shape) => {
        for (const size of tensor.shape) {
          shape.message(1, (dimension) => (typeof size === "number" ? dimension.integer(1, size) : dimension.string(2, size)));
        }
      }),
    ),
  );
}

/** Little-endian, whatever the machine. */
function rawBytes({ type, data }: Constant): Uint8Array {
  const width = { float: 4, int32: 4, int64: 8, bool: 1 }[type];
  const view = new DataView(new ArrayBuffer(data.length * width));
  data.forEach((value, index) => {
    if (type === "float") view.setFloat32(index * width, value, true);
    else if (type === "int32") view.setInt32(index * width, value, true);
    else if (type === "int64") view.setBigInt64(index * width, BigInt(value), true);
    else view.setUint8(index, value);
  });
  return new Uint8Array(view.buffer);
}

function rawFloats(data: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(data.length * 4));
  for (const [index, value] of data.entries()) view.setFloat32(index * 4, value, true);
  return new Uint8Array(view.buffer);
}
