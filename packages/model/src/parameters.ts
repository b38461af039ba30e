/**
 * A model's parameters: their names, shapes and order. The order is that of the update vector and of the model's file.
 *
 * The training graph sees some of them side by side as one matrix (query, key and value share their input, so one product
 * serves all three); `graphParameters` says which numbers of the flat vector go where.
 */
import { allFinite } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { extensionModel } from "./extensions/extension.ts";
import { checkBuildable, isRecurrent, type ModelSpec } from "./spec.ts";

export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One tensor of the graph: rows × Σ widths, each part a matrix [rows, width] (or a vector [width]) of the flat vector. */
export interface GraphParameter extends ParameterShape {
  readonly parts: readonly { readonly offset: number; readonly width: number }[];
}

export function hasActionHead(spec: ModelSpec): boolean {
  return spec.actions > 0 && spec.weights.nextAction > 0;
}

const attentionInputs = ["query", "key", "value"] as const;

/**
 * Names and shapes in the order of the update vector. Row r of `item.weight` belongs to item row r + 1: no item, 0, has none.
 * @throws TRB_TRAINING_SPEC_INVALID
 */
export function parameterShapes(spec: ModelSpec): readonly ParameterShape[] {
  checkBuildable(spec);
  return [...inputShapes(spec), ...bodyShapes(spec), ...headShapes(spec)];
}

/** Tables that events are looked up in. */
function inputShapes(spec: ModelSpec): readonly ParameterShape[] {
  const { width, item } = spec;
  const shapes: ParameterShape[] = [];
  const table = (name: string, rows: number) => {
    if (rows > 0) shapes.push({ name: `${name}.weight`, shape: [rows, width] });
  };
  table("item", item.ids === "own" ? spec.items : 0);
  for (const { name, values } of item.attributes) table(`attribute.${name}`, values);
  table("feature", item.features);
  table("action", spec.actions);
  table("gap", spec.timeGaps);
  table("dwell", spec.dwells);
  table("price", spec.prices);
  table("mask", spec.family === "bert4rec" ? 1 : 0);
  table("start", spec.family === "seq2seq" ? 1 : 0);
  if (spec.positions === "learned" && !isRecurrent(spec) && spec.family !== "extension") {
    table("position", spec.length);
    table("decoderPosition", spec.steps);
  }
  return shapes;
}

/** What turns event vectors into hidden states. */
function bodyShapes(spec: ModelSpec): readonly ParameterShape[] {
  const { width, family } = spec;
  if (family === "extension") return extensionShapes(spec);
  if (isRecurrent(spec)) return recurrentShapes(width, family === "lstm" ? 4 : 3);
  const inner = spec.feedForward * width;
  const shapes: ParameterShape[] = [];
  const layer = (name: string, input: number, output: number) =>
    shapes.push({ name: `${name}.weight`, shape: [input, output] }, { name: `${name}.bias`, shape: [output] });
  const norm = (name: string) =>
    shapes.push({ name: `${name}.gain`, shape: [width] }, { name: `${name}.bias`, shape: [width] });
  const attention = (name: string) => {
    for (const part of [...attentionInputs, "output"]) layer(`${name}.${part}`, width, width);
  };
  const stack = (prefix: string, crossed: boolean) => {
    for (let place = 0; place < spec.blocks; place++) {
      const block = `${prefix}${place}`;
      norm(`${block}.norm1`);
      norm(`${block}.norm2`);
      if (crossed) norm(`${block}.norm3`);
      attention(`${block}.self`);
      if (crossed) attention(`${block}.cross`);
      layer(`${block}.up`, width, inner);
      layer(`${block}.down`, inner, width);
    }
  };
  if (family === "seq2seq") {
    stack("encoder", false);
    norm("encoderFinal");
    stack("decoder", true);
  } else stack("block", false);
  norm("final");
  return shapes;
}

/** @throws TRB_EXTENSION_MISSING, TRB_EXTENSION_UNFIT */
function extensionShapes(spec: ModelSpec): readonly ParameterShape[] {
  const name = spec.extension ?? "";
  const shapes = extensionModel(name).parameters(spec);
  const names = shapes.map((parameter) => parameter.name);
  const misnamed = names.find((one, place) => !/^body\.[a-z0-9.]{1,60}$/.test(one) || names.indexOf(one) !== place);
  if (misnamed !== undefined) {
    throw fail("TRB_EXTENSION_UNFIT", { name, reason: "a tensor's name must be its own and begin with body." });
  }
  return shapes;
}

/** One recurrent layer; weights [gates·width, width], gates in the order input, forget, cell, output or reset, update, new. */
function recurrentShapes(width: number, gates: number): readonly ParameterShape[] {
  return [
    { name: "recurrent.input.weight", shape: [gates * width, width] },
    { name: "recurrent.hidden.weight", shape: [gates * width, width] },
    { name: "recurrent.input.bias", shape: [gates * width] },
    { name: "recurrent.hidden.bias", shape: [gates * width] },
  ];
}

function headShapes(spec: ModelSpec): readonly ParameterShape[] {
  const { width } = spec;
  const shapes: ParameterShape[] = [];
  if (spec.output === "separate") shapes.push({ name: "output.weight", shape: [spec.items, width] });
  const head = (name: string, classes: number) =>
    shapes.push({ name: `${name}.weight`, shape: [width, classes] }, { name: `${name}.bias`, shape: [classes] });
  if (hasActionHead(spec)) head("actionHead", spec.actions);
  if (spec.weights.churn > 0) head("churnHead", 2);
  if (spec.weights.purchase > 0) head("purchaseHead", 2);
  return shapes;
}

/** How many numbers the model has: the `dimension` of its training releases. */
export function parameterCount(spec: ModelSpec): number {
  return parameterShapes(spec).reduce((total, { shape }) => total + sizeOf(shape), 0);
}

/** Self-attention reads one input three times; cross-attention takes its keys and values from one memory. */
const fusedAttention = /^((?:block|encoder|decoder)\d+\.self)\.(?:query|key|value)\.(weight|bias)$/;
const fusedCross = /^(decoder\d+\.cross)\.(?:key|value)\.(weight|bias)$/;

/** The graph's name of a parameter that stands beside others in one matrix. */
export function jointName(name: string): string | undefined {
  const self = fusedAttention.exec(name);
  if (self) return `${self[1]}.input.${self[2]}`;
  const cross = fusedCross.exec(name);
  return cross ? `${cross[1]}.memory.${cross[2]}` : undefined;
}

/** The graph's tensors and where their numbers stand in the flat vector. */
export function graphParameters(spec: ModelSpec): readonly GraphParameter[] {
  let end = 0;
  const placed = parameterShapes(spec).map((parameter) => {
    const offset = end;
    end += sizeOf(parameter.shape);
    return { ...parameter, offset };
  });
  return graphTensors(placed);
}

/** The same for tensors that stand at given places of some flat vector. */
export function graphTensors(placed: readonly (ParameterShape & { readonly offset: number })[]): readonly GraphParameter[] {
  const found: GraphParameter[] = [];
  for (const { name, shape, offset } of placed) {
    const part = { offset, width: shape.at(-1) ?? 1 };
    const joint = jointName(name);
    if (joint === undefined) {
      found.push({ name, shape, parts: [part] });
      continue;
    }
    const place = found.findIndex((parameter) => parameter.name === joint);
    const known = found[place];
    if (known) {
      const wider = (known.shape.at(-1) ?? 0) + part.width;
      found[place] = { name: joint, shape: [...shape.slice(0, -1), wider], parts: [...known.parts, part] };
    } else found.push({ name: joint, shape, parts: [part] });
  }
  return found;
}

/** A graph tensor's numbers: a view of the flat vector where they stand together, else a copy. */
export function gather(parameter: GraphParameter, flat: Float32Array): Float32Array {
  const size = sizeOf(parameter.shape);
  const [first] = parameter.parts;
  if (parameter.parts.length === 1 && first) return flat.subarray(first.offset, first.offset + size);
  const columns = parameter.shape.at(-1) ?? 1;
  const packed = new Float32Array(size);
  for (let row = 0; row < size / columns; row++) {
    let column = 0;
    for (const { offset, width } of parameter.parts) {
      packed.set(flat.subarray(offset + row * width, offset + (row + 1) * width), row * columns + column);
      column += width;
    }
  }
  return packed;
}

/** @throws TRB_TRAINING_PARAMETERS_WRONG_LENGTH, TRB_TRAINING_PARAMETERS_NOT_FINITE */
export function checkParameters(spec: ModelSpec, parameters: Float32Array, finite = false): void {
  const expected = parameterCount(spec);
  if (parameters.length !== expected) {
    throw fail("TRB_TRAINING_PARAMETERS_WRONG_LENGTH", { expected, got: parameters.length });
  }
  if (finite || allFinite(parameters)) return;
  let offset = 0;
  for (const { name, shape } of parameterShapes(spec)) {
    const end = offset + sizeOf(shape);
    if (!allFinite(parameters, offset, end)) {
      throw fail("TRB_TRAINING_PARAMETERS_NOT_FINITE", { parameter: name });
    }
    offset = end;
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}
