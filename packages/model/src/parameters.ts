/**
 * A model's parameters: their names, shapes and order. The order is that of the update vector and of the model's file.
 *
 * The training graph sees some of them side by side as one matrix (query, key and value share their input, so one product
 * serves all three); `graphParameters` says which numbers of the flat vector go where.
 */
import { fail } from "@tributary/errors";
import { checkSpec, type ModelSpec } from "./spec.ts";

export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One tensor of the graph: rows × Σ widths, each part a matrix [rows, width] (or a vector [width]) of the flat vector. */
export interface GraphParameter extends ParameterShape {
  readonly parts: readonly { readonly offset: number; readonly width: number }[];
}

export function hasActionHead(spec: ModelSpec): boolean {
  return spec.actions > 0 && spec.nextActionWeight > 0;
}

const attentionInputs = ["query", "key", "value"] as const;

/**
 * Names and shapes in the order of the update vector. Row r of `item.weight` belongs to item row r + 1: no item, 0, has none.
 * @throws TRB_TRAINING_SPEC_INVALID
 */
export function parameterShapes(spec: ModelSpec): readonly ParameterShape[] {
  checkSpec(spec);
  const { width } = spec;
  const inner = spec.feedForward * width;
  const shapes: ParameterShape[] = [{ name: "item.weight", shape: [spec.items, width] }];
  if (spec.actions > 0) shapes.push({ name: "action.weight", shape: [spec.actions, width] });
  if (spec.timeGaps > 0) shapes.push({ name: "gap.weight", shape: [spec.timeGaps, width] });
  if (spec.positions === "learned") shapes.push({ name: "position.weight", shape: [spec.length, width] });
  for (let place = 0; place < spec.blocks; place++) {
    const block = `block${place}`;
    const layer = (name: string, input: number, output: number) =>
      shapes.push(
        { name: `${block}.${name}.weight`, shape: [input, output] },
        { name: `${block}.${name}.bias`, shape: [output] },
      );
    for (const norm of ["norm1", "norm2"]) {
      shapes.push({ name: `${block}.${norm}.gain`, shape: [width] }, { name: `${block}.${norm}.bias`, shape: [width] });
    }
    for (const part of [...attentionInputs, "output"]) layer(`self.${part}`, width, width);
    layer("up", width, inner);
    layer("down", inner, width);
  }
  shapes.push({ name: "final.gain", shape: [width] }, { name: "final.bias", shape: [width] });
  if (hasActionHead(spec)) {
    shapes.push(
      { name: "actionHead.weight", shape: [width, spec.actions] },
      { name: "actionHead.bias", shape: [spec.actions] },
    );
  }
  return shapes;
}

/** How many numbers the model has: the `dimension` of its training releases. */
export function parameterCount(spec: ModelSpec): number {
  return parameterShapes(spec).reduce((total, { shape }) => total + sizeOf(shape), 0);
}

/** The graph's tensors and where their numbers stand in the flat vector. */
export function graphParameters(spec: ModelSpec): readonly GraphParameter[] {
  const found: GraphParameter[] = [];
  let offset = 0;
  for (const { name, shape } of parameterShapes(spec)) {
    const part = { offset, width: shape.at(-1) ?? 1 };
    offset += sizeOf(shape);
    const attention = /^(block\d+\.self)\.(query|key|value)\.(weight|bias)$/.exec(name);
    if (attention === null) {
      found.push({ name, shape, parts: [part] });
      continue;
    }
    const joint = `${attention[1]}.input.${attention[3]}`;
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
export function checkParameters(spec: ModelSpec, parameters: Float32Array): void {
  const expected = parameterCount(spec);
  if (parameters.length !== expected) {
    throw fail("TRB_TRAINING_PARAMETERS_WRONG_LENGTH", { expected, got: parameters.length });
  }
  let offset = 0;
  for (const { name, shape } of parameterShapes(spec)) {
    const end = offset + sizeOf(shape);
    if (!parameters.subarray(offset, end).every(Number.isFinite)) {
      throw fail("TRB_TRAINING_PARAMETERS_NOT_FINITE", { parameter: name });
    }
    offset = end;
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}
