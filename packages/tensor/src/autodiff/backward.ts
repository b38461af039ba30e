/**
 * The reverse pass: from the loss terms back through the tape. Gradients of ordinary tensors become nodes of the same graph;
 * gradients of parameters are kept as uses, because each customer's has to be told apart (`clipping/`).
 */
import { fail } from "@tributary/errors";
import type { GraphBuilder } from "../graph/builder.ts";
import { plus, reshape, sumOver } from "../graph/operations.ts";
import { mismatch, sameShape, showShape } from "../graph/shapes.ts";
import type { Shape, Tensor } from "../graph/types.ts";

/**
 * Back-propagates the sum of all loss terms.
 * @throws TRB_TENSOR_UNSUPPORTED_USE when a parameter got a gradient whose per-customer parts are unknown,
 *   TRB_TENSOR_UNUSED_PARAMETER when one got none
 */
export function backward(g: GraphBuilder): void {
  const gradients = new Map<string, Tensor>();
  const give = (tensor: Tensor, gradient: Tensor | undefined): void => {
    if (gradient === undefined || !g.isTracked(tensor)) return;
    const parameter = g.parameterOf(tensor);
    if (parameter) {
      const perToken = gradient.shape.length === 2 && gradient.shape[0] === g.tokens.flat;
      if (!perToken || !sameShape(gradient.shape.slice(1), tensor.shape)) {
        const shapes = { shape: showShape(tensor.shape), gradient: showShape(gradient.shape) };
        throw fail("TRB_TENSOR_UNSUPPORTED_USE", { parameter: tensor.name, ...shapes });
      }
      parameter.uses.push({ kind: "sum", values: gradient });
      return;
    }
    const fitted = unbroadcast(g, gradient, tensor.shape);
    const earlier = gradients.get(tensor.name);
    gradients.set(tensor.name, earlier ? plus(g, earlier, fitted) : fitted);
  };
  for (const { inputs, pullback } of g.losses) {
    const back = pullback();
    for (const [index, tensor] of inputs.entries()) give(tensor, back[index]);
  }
  for (const { outputs, inputs, pullback } of g.tape.toReversed()) {
    const arriving = outputs.map((output) => gradients.get(output.name));
    if (arriving.every((gradient) => gradient === undefined)) continue;
    const back = pullback(arriving);
    for (const [index, tensor] of inputs.entries()) give(tensor, back[index]);
  }
  for (const { tensor, uses } of g.parameters.values()) {
    if (uses.length === 0) throw fail("TRB_TENSOR_UNUSED_PARAMETER", { parameter: tensor.name });
  }
}

/** Sums a gradient over the axes along which its tensor was stretched. */
function unbroadcast(g: GraphBuilder, gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.shape.length - shape.length;
  if (extra < 0) throw mismatch("the way back of a broadcast", gradient, shape);
  const axes = gradient.shape.flatMap((size, axis) =>
    axis < extra || (shape[axis - extra] === 1 && size !== 1) ? [axis] : [],
  );
  const summed = sumOver(g, gradient, axes, true);
  const sizes = shape.map((size) => (typeof size === "number" ? size : -1));
  return extra === 0 ? summed : reshape(g, summed, sizes, shape);
}
