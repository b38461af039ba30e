/**
 * Every operator that our graphs use, in plain loops: what ONNX's operator reference (opset 20) says, in float64.
 * `Gelu` and `Erf` come from @stdlib's erf; `FusedMatMul` is ONNX Runtime's, `alpha · op(a) · op(b)`.
 * Operands that don't fit throw a RangeError, to which `interpret` adds the names.
 */
import erf from "@stdlib/math-base-special-erf";
import { fail } from "@tributary/errors";
import { bodyOf } from "../../graph/bodies.ts";
import type { Body } from "../../graph/types.ts";
import { type Attributes, integerAttribute as integer, realAttribute as real } from "../attributes.ts";
import { at, axisOf, countOf, type DenseArray, elementwise, filled, stridesOf, zeros } from "./array.ts";

/** Runs a loop's body once. */
type RunBody = (body: Body, inputs: readonly DenseArray[]) => readonly DenseArray[];
type Operator = (inputs: readonly DenseArray[], attributes: Attributes, runBody: RunBody) => readonly DenseArray[];

function input(inputs: readonly DenseArray[], index: number): DenseArray {
  const found = inputs[index];
  if (found === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name: `operand ${index}` });
  return found;
}

const truth = (value: boolean) => (value ? 1 : 0);

const map =
  (f: (...values: number[]) => number): Operator =>
  (inputs) => [elementwise(inputs, f)];

/** Matrix product over the last two axes; a matrix on the right serves every leading axis. */
function multiply(a: DenseArray, b: DenseArray, transposeA: boolean, transposeB: boolean, alpha: number): DenseArray {
  const [aRows, aColumns] = [a.shape.at(-2) ?? 1, a.shape.at(-1) ?? 1];
  const [bRows, bColumns] = [b.shape.at(-2) ?? 1, b.shape.at(-1) ?? 1];
  const [m, k, n] = [transposeA ? aColumns : aRows, transposeA ? aRows : aColumns, transposeB ? bRows : bColumns];
  const leading = a.shape.slice(0, -2);
  const batches = b.shape.slice(0, -2);
  if ((transposeB ? bColumns : bRows) !== k || (batches.length > 0 && batches.join() !== leading.join())) {
    throw new RangeError("the operands don't fit");
  }
  const result = zeros([...leading, m, n]);
  for (let batch = 0; batch < countOf(leading); batch++) {
    const [aStart, bStart] = [batch * m * k, b.shape.length === 2 ? 0 : batch * k * n];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          const left = at(a.data, aStart + (transposeA ? p * m + i : i * k + p));
          sum += left * at(b.data, bStart + (transposeB ? j * k + p : p * n + j));
        }
        result.data[(batch * m + i) * n + j] = alpha * sum;
      }
    }
  }
  return result;
}

function reduce(inputs: readonly DenseArray[], attributes: Attributes, term: (value: number) => number): readonly DenseArray[] {
  const a = input(inputs, 0);
  const axes = new Set(Array.from(input(inputs, 1).data, (axis) => (axis + a.shape.length) % a.shape.length));
  const kept = a.shape.map((size, axis) => (axes.has(axis) ? 1 : size));
  const strides = stridesOf(kept);
  const own = stridesOf(a.shape);
  const result = zeros(kept);
  for (let place = 0; place < a.data.length; place++) {
    let target = 0;
    a.shape.forEach((size, axis) => {
      if (size > 1) target += (Math.floor(place / at(own, axis)) % size) * at(strides, axis);
    });
    result.data[target] = at(result.data, target) + term(at(a.data, place));
  }
  const shape = integer(attributes, "keepdims", 1) === 1 ? kept : a.shape.filter((_, axis) => !axes.has(axis));
  return [{ shape, data: result.data }];
}

/** Runs of the last axis, each given to `f` with its start and length. */
function alongLast(a: DenseArray, f: (start: number, length: number) => void): void {
  const length = a.shape.at(-1) ?? 1;
  for (let start = 0; start < a.data.length; start += length) f(start, length);
}

const softmax: Operator = (inputs) => {
  const a = input(inputs, 0);
  const y = zeros(a.shape);
  alongLast(a, (start, length) => {
    const run = a.data.subarray(start, start + length);
    const largest = run.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const powers = run.map((value) => Math.exp(value - largest));
    const total = powers.reduce((sum, value) => sum + value, 0);
    powers.forEach((value, index) => {
      y.data[start + index] = value / total;
    });
  });
  return [y];
};

const layerNormalization: Operator = (inputs, attributes) => {
  const [x, gain] = [input(inputs, 0), input(inputs, 1)];
  const epsilon = real(attributes, "epsilon", 1e-5);
  const column = [...x.shape.slice(0, -1), 1];
  const [y, means, inverses] = [zeros(x.shape), zeros(column), zeros(column)];
  alongLast(x, (start, length) => {
    const run = x.data.subarray(start, start + length);
    const mean = run.reduce((sum, value) => sum + value, 0) / length;
    const variance = run.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    means.data[start / length] = mean;
    inverses.data[start / length] = inverse;
    run.forEach((value, index) => {
      y.data[start + index] = (value - mean) * inverse * at(gain.data, index);
    });
  });
  return [y, means, inverses];
};

const gather: Operator = (inputs) => {
  const [table, places] = [input(inputs, 0), input(inputs, 1)];
  const row = countOf(table.shape.slice(1));
  const result = zeros([...places.shape, ...table.shape.slice(1)]);
  const rows = table.shape[0] ?? 0;
  places.data.forEach((place, index) => {
    if (place < -rows || place >= rows) throw new RangeError("there is no such row");
    const start = (place < 0 ? place + rows : place) * row;
    result.data.set(table.data.subarray(start, start + row), index * row);
  });
  return [result];
};

/** Where element `index` of `places` points to in an array of shape `shape`, along `axis`. */
function elementPlace(shape: readonly number[], places: DenseArray, axis: number, index: number): number {
  const strides = stridesOf(places.shape);
  const own = stridesOf(shape);
  let target = 0;
  places.shape.forEach((size, i) => {
    const position = i === axis ? at(places.data, index) : size > 1 ? Math.floor(index / at(strides, i)) % size : 0;
    target += position * at(own, i);
  });
  return target;
}

const gatherElements: Operator = (inputs, attributes) => {
  const [a, places] = [input(inputs, 0), input(inputs, 1)];
  const { axis } = axisOf(a.shape, integer(attributes, "axis", 0));
  return [filled(places.shape, (index) => at(a.data, elementPlace(a.shape, places, axis, index)))];
};

const scatterElements: Operator = (inputs, attributes) => {
  const [a, places, values] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
  const { axis } = axisOf(a.shape, integer(attributes, "axis", 0));
  const data = a.data.slice();
  values.data.forEach((value, index) => {
    data[elementPlace(a.shape, places, axis, index)] = value;
  });
  return [{ shape: a.shape, data }];
};

const concat: Operator = (inputs, attributes) => {
  const first = input(inputs, 0);
  const { outer, inner, axis } = axisOf(first.shape, integer(attributes, "axis", 0));
  const total = inputs.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const result = zeros(first.shape.map((size, i) => (i === axis ? total : size)));
  let start = 0;
  for (const { shape, data } of inputs) {
    const run = (shape[axis] ?? 0) * inner;
    for (let o = 0; o < outer; o++) result.data.set(data.subarray(o * run, (o + 1) * run), o * total * inner + start);
    start += run;
  }
  return [result];
};

/** The part from `start` to `end` of an axis. */
function cut(a: DenseArray, along: number, start: number, end: number): DenseArray {
  const { outer, size, inner, axis } = axisOf(a.shape, along);
  const result = zeros(a.shape.map((old, i) => (i === axis ? end - start : old)));
  const run = (end - start) * inner;
  for (let o = 0; o < outer; o++) {
    result.data.set(a.data.subarray((o * size + start) * inner, (o * size + end) * inner), o * run);
  }
  return result;
}

const split: Operator = (inputs, attributes) => {
  const a = input(inputs, 0);
  const parts = integer(attributes, "num_outputs", 1);
  const width = (a.shape.at(-1) ?? 1) / parts;
  return Array.from({ length: parts }, (_, part) => cut(a, -1, part * width, (part + 1) * width));
};

const slice: Operator = (inputs) => {
  const a = input(inputs, 0);
  const [start, end, axis] = [1, 2, 3].map((index) => at(input(inputs, index).data, 0)) as [number, number, number];
  const size = a.shape[axis] ?? 0;
  const within = (value: number) => Math.min(size, value < 0 ? value + size : value);
  return [cut(a, axis, within(start), within(end))];
};

const reshape: Operator = (inputs) => {
  const a = input(inputs, 0);
  const wanted = Array.from(input(inputs, 1).data, (size, axis) => (size === 0 ? (a.shape[axis] ?? 1) : size));
  const known = wanted.filter((size) => size !== -1).reduce((count, size) => count * size, 1);
  return [{ shape: wanted.map((size) => (size === -1 ? a.data.length / known : size)), data: a.data }];
};

const transpose: Operator = (inputs, attributes) => {
  const a = input(inputs, 0);
  const order = attributes["perm"];
  const axes = Array.isArray(order) ? order.map(Number) : [];
  const shape = axes.map((axis) => a.shape[axis] ?? 1);
  const own = stridesOf(a.shape);
  const strides = stridesOf(shape);
  return [
    filled(shape, (index) => {
      let source = 0;
      shape.forEach((size, i) => {
        if (size > 1) source += (Math.floor(index / at(strides, i)) % size) * at(own, at(axes, i));
      });
      return at(a.data, source);
    }),
  ];
};

/** Zero padding: `pads` is every axis' start, then every axis' end. */
const pad: Operator = (inputs) => {
  const [a, pads] = [input(inputs, 0), input(inputs, 1)];
  const rank = a.shape.length;
  const shape = a.shape.map((size, axis) => size + at(pads.data, axis) + at(pads.data, rank + axis));
  const strides = stridesOf(shape);
  const own = stridesOf(a.shape);
  return [
    filled(shape, (index) => {
      let source = 0;
      for (let axis = 0; axis < rank; axis++) {
        const size = at(shape, axis);
        const position = (size > 1 ? Math.floor(index / at(strides, axis)) % size : 0) - at(pads.data, axis);
        if (position < 0 || position >= at(a.shape, axis)) return 0;
        source += position * at(own, axis);
      }
      return at(a.data, source);
    }),
  ];
};

const unsqueeze: Operator = (inputs) => {
  const a = input(inputs, 0);
  const axis = at(input(inputs, 1).data, 0);
  return [{ shape: [...a.shape.slice(0, axis), 1, ...a.shape.slice(axis)], data: a.data }];
};

const shape: Operator = (inputs, attributes) => {
  const sizes = input(inputs, 0).shape.slice(integer(attributes, "start", 0), integer(attributes, "end", 64));
  return [{ shape: [sizes.length], data: Float64Array.from(sizes) }];
};

const range: Operator = (inputs) => {
  const [start, end, step] = [0, 1, 2].map((index) => at(input(inputs, index).data, 0)) as [number, number, number];
  return [filled([Math.max(0, Math.ceil((end - start) / step))], (index) => start + index * step)];
};

const expand: Operator = (inputs) => {
  const [a, sizes] = [input(inputs, 0), input(inputs, 1)];
  return [elementwise([a, zeros(Array.from(sizes.data))], (value) => value)];
};

/** By ONNX's TensorProto.DataType: 1 float, 6 int32, 7 int64, 9 bool. */
const cast: Operator = (inputs, attributes) => {
  const to = integer(attributes, "to", 1);
  const convert = to === 9 ? (value: number) => truth(value !== 0) : to === 1 ? (value: number) => value : Math.trunc;
  return [elementwise([input(inputs, 0)], convert)];
};

/** Axis 0 of every slice and stacked output; states first, as ONNX orders them. */
const scan: Operator = (inputs, attributes, runBody) => {
  const body = bodyOf({ attributes });
  if (body === undefined) throw new RangeError("the loop has no body");
  const slices = inputs.slice(inputs.length - integer(attributes, "num_scan_inputs", 0));
  const [backwards, stackedBackwards] = ["scan_input_directions", "scan_output_directions"].map((name) =>
    [attributes[name]].flat().includes(1),
  );
  const steps = slices[0]?.shape[0] ?? 0;
  let states = inputs.slice(0, inputs.length - slices.length);
  const stacked: DenseArray[][] = body.outputs.slice(states.length).map(() => []);
  for (let step = 0; step < steps; step++) {
    const place = backwards ? steps - 1 - step : step;
    const entries = slices.map((slice) => ({ shape: slice.shape.slice(1), data: cut(slice, 0, place, place + 1).data }));
    const results = runBody(body, [...states, ...entries]);
    states = results.slice(0, states.length);
    for (const [output, entry] of results.slice(states.length).entries()) stacked[output]?.push(entry);
  }
  const outputs = stacked.map((entries): DenseArray => {
    const ordered = stackedBackwards ? entries.toReversed() : entries;
    const shape = [steps, ...(entries[0]?.shape ?? [])];
    return { shape, data: Float64Array.from(ordered.flatMap(({ data }) => [...data])) };
  });
  return [...states, ...outputs];
};

const gemm: Operator = (inputs, attributes) => {
  const y = multiply(input(inputs, 0), input(inputs, 1), false, integer(attributes, "transB", 0) === 1, 1);
  return [elementwise([y, input(inputs, 2)], (value, bias) => value + bias)];
};

export const operators: Readonly<Record<string, Operator>> = {
  Add: map((a, b) => a + b),
  Sub: map((a, b) => a - b),
  Mul: map((a, b) => a * b),
  Div: map((a, b) => a / b),
  Max: map((a, b) => Math.max(a, b)),
  Min: map((a, b) => Math.min(a, b)),
  Sum: (inputs) => [elementwise(inputs, (...values) => values.reduce((sum, value) => sum + value, 0))],
  Neg: map((a) => -a),
  Sqrt: map(Math.sqrt),
  Exp: map(Math.exp),
  Log: map(Math.log),
  Sign: map(Math.sign),
  Relu: map((a) => Math.max(0, a)),
  Sigmoid: map((a) => 1 / (1 + Math.exp(-a))),
  Tanh: map(Math.tanh),
  Erf: map((a) => erf(a)),
  Gelu: map((a) => 0.5 * a * (1 + erf(a * Math.SQRT1_2))),
  Identity: map((a) => a),
  Cast: cast,
  Equal: map((a, b) => truth(a === b)),
  Greater: map((a, b) => truth(a > b)),
  Less: map((a, b) => truth(a < b)),
  Where: map((condition, yes, no) => (condition ? yes : no)),
  MatMul: (inputs) => [multiply(input(inputs, 0), input(inputs, 1), false, false, 1)],
  FusedMatMul: (inputs, attributes) => {
    const transposed = (name: string) => integer(attributes, name, 0) === 1;
    const alpha = real(attributes, "alpha", 1);
    return [multiply(input(inputs, 0), input(inputs, 1), transposed("transA"), transposed("transB"), alpha)];
  },
  Gemm: gemm,
  ReduceSum: (inputs, attributes) => reduce(inputs, attributes, (value) => value),
  ReduceSumSquare: (inputs, attributes) => reduce(inputs, attributes, (value) => value * value),
  Softmax: softmax,
  LayerNormalization: layerNormalization,
  Gather: gather,
  GatherElements: gatherElements,
  ScatterElements: scatterElements,
  Concat: concat,
  Split: split,
  Slice: slice,
  Reshape: reshape,
  Transpose: transpose,
  Pad: pad,
  Unsqueeze: unsqueeze,
  Shape: shape,
  Range: range,
  Expand: expand,
  Scan: scan,
};
