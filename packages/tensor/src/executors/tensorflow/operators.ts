/**
 * ONNX's operators (opset 20, and ONNX Runtime's `FusedMatMul`) in TensorFlow.js operations, as far as its WebAssembly backend has
 * them; what it lacks is composed. int64 is held as int32, which is what our sizes, axes and places fit in.
 */
import type { Tensor, DataType as TensorFlowType } from "@tensorflow/tfjs-core";
import { bodyOf } from "../../graph/bodies.ts";
import { integerAttribute, integersAttribute, realAttribute } from "../attributes.ts";
import type { TensorFlow } from "./backend.ts";
import { indexing } from "./indexing.ts";
import { numbersOf, type Operator, operand } from "./operand.ts";

const one =
  (f: (tf: TensorFlow, a: Tensor) => Tensor): Operator =>
  (tf, inputs) => [f(tf, operand(inputs, 0))];

const two =
  (f: (tf: TensorFlow, a: Tensor, b: Tensor) => Tensor): Operator =>
  (tf, inputs) => [f(tf, operand(inputs, 0), operand(inputs, 1))];

/** By ONNX's TensorProto.DataType. */
const castTypes: Readonly<Record<number, TensorFlowType>> = { 1: "float32", 6: "int32", 7: "int32", 9: "bool" };

const cast: Operator = (tf, inputs, attributes) => {
  const a = operand(inputs, 0);
  const type = castTypes[integerAttribute(attributes, "to", 1)] ?? "float32";
  // the WebAssembly backend's own cast to bool keeps numbers above 1
  return [type === "bool" ? tf.notEqual(a, tf.scalar(0, a.dtype === "float32" ? "float32" : "int32")) : tf.cast(a, type)];
};

function multiplied(tf: TensorFlow, a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean, alpha: number): Tensor {
  const y = tf.matMul(a, b, transposeA, transposeB);
  return alpha === 1 ? y : tf.mul(y, tf.scalar(alpha));
}

const gemm: Operator = (tf, inputs, attributes) => {
  const set = (name: string) => integerAttribute(attributes, name, 0) === 1;
  const alpha = realAttribute(attributes, "alpha", 1);
  const y = multiplied(tf, operand(inputs, 0), operand(inputs, 1), set("transA"), set("transB"), alpha);
  const [, , bias] = inputs;
  const beta = realAttribute(attributes, "beta", 1);
  if (bias === undefined) return [y];
  return [tf.add(y, beta === 1 ? bias : tf.mul(bias, tf.scalar(beta)))];
};

/** How many float32 terms are added in one pass; more are added block by block, or the last digits would be lost. */
const blockLength = 512;

function sum(tf: TensorFlow, a: Tensor, axes: readonly number[], keep: boolean): Tensor {
  const dropped = new Set(axes.map((axis) => (axis + a.rank) % a.rank));
  const count = [...dropped].reduce((product, axis) => product * (a.shape[axis] ?? 1), 1);
  if (count <= 2 * blockLength) return tf.sum(a, [...dropped], keep);
  const others = a.shape.map((_, axis) => axis).filter((axis) => !dropped.has(axis));
  let run: Tensor = tf.reshape(tf.transpose(a, [...others, ...dropped]), [-1, count]);
  for (let left = count; left > 1; ) {
    const blocks = Math.ceil(left / blockLength);
    const padded = tf.pad(run, [
      [0, 0],
      [0, blocks * blockLength - left],
    ]);
    run = tf.sum(tf.reshape(padded, [-1, blocks, blockLength]), -1);
    left = blocks;
  }
  const kept = a.shape.map((size, axis) => (dropped.has(axis) ? 1 : size));
  return tf.reshape(run, keep ? kept : others.map((axis) => a.shape[axis] ?? 1));
}

const reduction =
  (f: (tf: TensorFlow, a: Tensor, axes: readonly number[], keep: boolean) => Tensor): Operator =>
  (tf, inputs, attributes) => {
    const [, given] = inputs;
    const a = operand(inputs, 0);
    const axes = given ? numbersOf(given) : a.shape.map((_, axis) => axis);
    return [f(tf, a, axes, integerAttribute(attributes, "keepdims", 1) === 1)];
  };

const layerNormalization: Operator = (tf, inputs, attributes) => {
  const [x, gain, bias] = [operand(inputs, 0), operand(inputs, 1), inputs[2]];
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.mul(centred, centred), -1, true);
  const inverse = tf.div(tf.scalar(1), tf.sqrt(tf.add(variance, tf.scalar(realAttribute(attributes, "epsilon", 1e-5)))));
  const y = tf.mul(tf.mul(centred, inverse), gain);
  return [bias ? tf.add(y, bias) : y, tf.mean(x, -1, true), inverse];
};

/** Over axis 0 of every slice and stacked output; states first, as ONNX orders them. */
const scan: Operator = (tf, inputs, attributes, runBody) => {
  const body = bodyOf({ attributes });
  if (body === undefined) throw new RangeError("the loop has no body");
  const slices = inputs.slice(inputs.length - integerAttribute(attributes, "num_scan_inputs", 0));
  const backwards = integersAttribute(attributes, "scan_input_directions")?.includes(1) ?? false;
  const steps = slices[0]?.shape[0] ?? 0;
  let states = inputs.slice(0, inputs.length - slices.length);
  const stacked: Tensor[][] = body.outputs.slice(states.length).map(() => []);
  for (let step = 0; step < steps; step++) {
    const place = backwards ? steps - 1 - step : step;
    const results = tf.tidy(() => {
      const entries = slices.map((slice) => {
        const [, ...inner] = slice.shape;
        return tf.reshape(tf.slice(slice, [place, ...inner.map(() => 0)], [1, ...inner]), inner);
      });
      return [...runBody(body, [...states, ...entries])];
    });
    states = results.slice(0, states.length);
    for (const [output, entry] of results.slice(states.length).entries()) stacked[output]?.push(entry);
  }
  return [...states, ...stacked.map((entries) => tf.stack(backwards ? entries.toReversed() : entries))];
};

/** Any number of operands, taken two by two. */
const folded =
  (f: (tf: TensorFlow, a: Tensor, b: Tensor) => Tensor): Operator =>
  (tf, inputs) => [inputs.reduce((a, b) => f(tf, a, b))];

export const operators: Readonly<Record<string, Operator>> = {
  ...indexing,
  Add: two((tf, a, b) => tf.add(a, b)),
  Sub: two((tf, a, b) => tf.sub(a, b)),
  Mul: two((tf, a, b) => tf.mul(a, b)),
  Div: two((tf, a, b) =>
    a.dtype === "int32" ? tf.cast(tf.div(tf.cast(a, "float32"), tf.cast(b, "float32")), "int32") : tf.div(a, b),
  ),
  Max: folded((tf, a, b) => tf.maximum(a, b)),
  Min: folded((tf, a, b) => tf.minimum(a, b)),
  Sum: folded((tf, a, b) => tf.add(a, b)),
  Neg: one((tf, a) => tf.neg(a)),
  Sqrt: one((tf, a) => tf.sqrt(a)),
  Exp: one((tf, a) => tf.exp(a)),
  Log: one((tf, a) => tf.log(a)),
  Sign: one((tf, a) => tf.sign(a)),
  Relu: one((tf, a) => tf.relu(a)),
  Sigmoid: one((tf, a) => tf.sigmoid(a)),
  Tanh: one((tf, a) => tf.tanh(a)),
  Erf: one((tf, a) => tf.erf(a)),
  Gelu: one((tf, a) => tf.mul(tf.mul(a, tf.scalar(0.5)), tf.add(tf.erf(tf.mul(a, tf.scalar(Math.SQRT1_2))), tf.scalar(1)))),
  Identity: one((tf, a) => tf.clone(a)),
  Cast: cast,
  Equal: two((tf, a, b) => tf.equal(a, b)),
  Greater: two((tf, a, b) => tf.greater(a, b)),
  Less: two((tf, a, b) => tf.less(a, b)),
  Where: (tf, inputs) => [tf.where(operand(inputs, 0), operand(inputs, 1), operand(inputs, 2))],
  MatMul: two((tf, a, b) => tf.matMul(a, b)),
  FusedMatMul: (tf, inputs, attributes) => {
    const set = (name: string) => integerAttribute(attributes, name, 0) === 1;
    const alpha = realAttribute(attributes, "alpha", 1);
    return [multiplied(tf, operand(inputs, 0), operand(inputs, 1), set("transA"), set("transB"), alpha)];
  },
  Gemm: gemm,
  ReduceSum: reduction(sum),
  ReduceSumSquare: reduction((tf, a, axes, keep) => sum(tf, tf.mul(a, a), axes, keep)),
  Softmax: one((tf, a) => tf.softmax(a)),
  LayerNormalization: layerNormalization,
  Scan: scan,
  Transpose: (tf, inputs, attributes) => {
    const order = integersAttribute(attributes, "perm");
    return [tf.transpose(operand(inputs, 0), order ? [...order] : undefined)];
  },
};
