/** Operators that move numbers about: lookups, cuts, joins, and changes of shape. */
import type { Tensor } from "@tensorflow/tfjs-core";
import { integerAttribute } from "../attributes.ts";
import type { TensorFlow } from "./backend.ts";
import { numbersOf, type Operator, operand } from "./operand.ts";

const sizeOf = (shape: readonly number[]): number => shape.reduce((count, size) => count * size, 1);

/** Places counted from the end are negative in ONNX, and unknown to TensorFlow.js. */
function fromTheStart(tf: TensorFlow, places: Tensor, size: number): Tensor {
  return tf.where(tf.less(places, tf.scalar(0, "int32")), tf.add(places, tf.scalar(size, "int32")), places);
}

const gather: Operator = (tf, inputs, attributes) => {
  const a = operand(inputs, 0);
  const axis = (integerAttribute(attributes, "axis", 0) + a.rank) % a.rank;
  return [tf.gather(a, fromTheStart(tf, operand(inputs, 1), a.shape[axis] ?? 1), axis)];
};

/** Where each of `places` points to in an array of shape `shape` laid out flat, along `axis`; [places] */
function flatPlaces(tf: TensorFlow, shape: readonly number[], places: Tensor, axis: number): Tensor {
  let flat: Tensor | undefined;
  for (const [i, size] of places.shape.entries()) {
    const step = tf.scalar(sizeOf(shape.slice(i + 1)), "int32");
    const column = places.shape.map((_, j) => (j === i ? size : 1));
    const position =
      i === axis ? fromTheStart(tf, places, shape[axis] ?? 1) : tf.reshape(tf.range(0, size, 1, "int32"), column);
    const part = tf.mul(position, step);
    flat = flat ? tf.add(flat, part) : part;
  }
  return tf.reshape(flat ?? places, [-1]);
}

const gatherElements: Operator = (tf, inputs, attributes) => {
  const [a, places] = [operand(inputs, 0), operand(inputs, 1)];
  const axis = (integerAttribute(attributes, "axis", 0) + a.rank) % a.rank;
  const found = tf.gather(tf.reshape(a, [-1]), flatPlaces(tf, a.shape, places, axis));
  return [tf.reshape(found, places.shape)];
};

const scatterElements: Operator = (tf, inputs, attributes) => {
  const [a, places, values] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
  const axis = (integerAttribute(attributes, "axis", 0) + a.rank) % a.rank;
  const where = tf.reshape(flatPlaces(tf, a.shape, places, axis), [-1, 1]);
  const written = tf.tensorScatterUpdate(tf.reshape(a, [-1]), where, tf.reshape(values, [-1]));
  return [tf.reshape(written, a.shape)];
};

const concat: Operator = (tf, inputs, attributes) => {
  const { rank } = operand(inputs, 0);
  return [tf.concat([...inputs], (integerAttribute(attributes, "axis", 0) + rank) % rank)];
};

const split: Operator = (tf, inputs, attributes) => {
  const a = operand(inputs, 0);
  const axis = (integerAttribute(attributes, "axis", 0) + a.rank) % a.rank;
  const [, sizes] = inputs;
  return tf.split(a, sizes ? numbersOf(sizes) : integerAttribute(attributes, "num_outputs", 1), axis);
};

const slice: Operator = (tf, inputs) => {
  const a = operand(inputs, 0);
  const starts = numbersOf(operand(inputs, 1));
  const ends = numbersOf(operand(inputs, 2));
  const [, , , given] = inputs;
  const axes = given ? numbersOf(given) : starts.map((_, axis) => axis);
  const begin = a.shape.map(() => 0);
  const size = [...a.shape];
  for (const [place, axisGiven] of axes.entries()) {
    const axis = (axisGiven + a.rank) % a.rank;
    const whole = a.shape[axis] ?? 0;
    const within = (value: number) => Math.max(0, Math.min(whole, value < 0 ? value + whole : value));
    const start = within(starts[place] ?? 0);
    begin[axis] = start;
    size[axis] = Math.max(0, within(ends[place] ?? whole) - start);
  }
  return [tf.slice(a, begin, size)];
};

const reshape: Operator = (tf, inputs) => {
  const a = operand(inputs, 0);
  const wanted = numbersOf(operand(inputs, 1)).map((size, axis) => (size === 0 ? (a.shape[axis] ?? 1) : size));
  return [tf.reshape(a, wanted)];
};

/** Zero padding: `pads` is every axis' start, then every axis' end. */
const pad: Operator = (tf, inputs) => {
  const a = operand(inputs, 0);
  const pads = numbersOf(operand(inputs, 1));
  return [
    tf.pad(
      a,
      a.shape.map((_, axis) => [pads[axis] ?? 0, pads[a.rank + axis] ?? 0] as [number, number]),
    ),
  ];
};

const unsqueeze: Operator = (tf, inputs) => {
  const a = operand(inputs, 0);
  const axes = numbersOf(operand(inputs, 1));
  const rank = a.rank + axes.length;
  const shape = [...a.shape];
  for (const axis of axes.map((given) => (given + rank) % rank).sort((left, right) => left - right)) shape.splice(axis, 0, 1);
  return [tf.reshape(a, shape)];
};

const shape: Operator = (tf, inputs, attributes) => {
  const a = operand(inputs, 0);
  const sizes = a.shape.slice(integerAttribute(attributes, "start", 0), integerAttribute(attributes, "end", a.rank));
  return [tf.tensor(sizes, [sizes.length], "int32")];
};

const range: Operator = (tf, inputs) => {
  const [start = 0, end = 0, step = 1] = [0, 1, 2].map((index) => numbersOf(operand(inputs, index))[0] ?? 0);
  const { dtype } = operand(inputs, 0);
  return [tf.range(start, end, step, dtype === "float32" ? "float32" : "int32")];
};

const expand: Operator = (tf, inputs) => {
  const a = operand(inputs, 0);
  const wanted = numbersOf(operand(inputs, 1));
  const rank = Math.max(a.rank, wanted.length);
  const target = Array.from({ length: rank }, (_, axis) =>
    Math.max(a.shape[axis - rank + a.rank] ?? 1, wanted[axis - rank + wanted.length] ?? 1),
  );
  return [tf.broadcastTo(a, target)];
};

export const indexing: Readonly<Record<string, Operator>> = {
  Gather: gather,
  GatherElements: gatherElements,
  ScatterElements: scatterElements,
  Concat: concat,
  Split: split,
  Slice: slice,
  Reshape: reshape,
  Pad: pad,
  Unsqueeze: unsqueeze,
  Shape: shape,
  Range: range,
  Expand: expand,
};
