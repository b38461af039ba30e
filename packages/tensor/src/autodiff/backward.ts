/**
 * The reverse pass: from the loss terms back through the tape. Gradients of ordinary tensors become nodes of the same graph;
 * gradients of parameters are kept as uses, because each customer's has to be told apart (`clipping/`).
 */
import { fail, type TributaryError } from "@tributary/errors";
import type { GraphBuilder, Parameter } from "../graph/builder.ts";
import { onesLike, plus, reshape, sumOver } from "../graph/operations.ts";
import { mismatch, sameShape, showShape } from "../graph/shapes.ts";
import type { Shape, Tensor } from "../graph/types.ts";

/**
 * Back-propagates the sum of all loss terms.
 * @throws TRB_TENSOR_UNSUPPORTED_USE when a parameter got a gradient whose per-customer parts are unknown, or reaches the loss by a
 *   step that passes no gradient on; TRB_TENSOR_UNUSED_PARAMETER when one got none
 */
export function backward(g: GraphBuilder): void {
  const flow = new GradientFlow(g, (parameter, gradient) => {
    const { tensor, uses } = parameter;
    const perToken = gradient.shape.length === 2 && g.tokensOf(gradient)?.flat === gradient.shape[0];
    if (!perToken || !sameShape(gradient.shape.slice(1), tensor.shape)) {
      const shapes = { shape: showShape(tensor.shape), gradient: showShape(gradient.shape) };
      throw fail("TRB_TENSOR_UNSUPPORTED_USE", { parameter: tensor.name, ...shapes });
    }
    uses.push({ kind: "sum", values: gradient });
  });
  for (const { inputs, pullback } of g.losses) flow.give(inputs, pullback());
  flow.run();
  for (const { tensor, uses } of g.parameters.values()) {
    if (uses.length === 0) throw fail("TRB_TENSOR_UNUSED_PARAMETER", { parameter: tensor.name });
  }
  refuseBlindSteps(g);
}

/** A gradient may be lost on one of several ways to the loss: what a step reads is tracked, or no parameter stands behind it. */
function refuseBlindSteps(g: GraphBuilder): void {
  const behind = g.parametersBehind();
  for (const { inputs, fixed } of [...g.losses, ...g.tape]) {
    const blind = [...inputs.filter((tensor) => !g.isTracked(tensor)), ...fixed].find(({ name }) => behind.has(name));
    const parameter = blind && behind.get(blind.name)?.tensor;
    if (parameter === undefined) continue;
    const shapes = { shape: showShape(parameter.shape), gradient: `none by way of ${blind?.name}` };
    throw fail("TRB_TENSOR_UNSUPPORTED_USE", { parameter: parameter.name, ...shapes });
  }
}

/** The error of a step whose way back to a tensor is not known, though a parameter stands behind it. */
export function noWayBack(step: string, tensor: Tensor): TributaryError {
  const shapes = { shape: showShape(tensor.shape), gradient: `none by way of ${step}` };
  return fail("TRB_TENSOR_UNSUPPORTED_USE", { parameter: tensor.name, ...shapes });
}

/**
 * Gradients of the sum of `output` with respect to ordinary tensors, each of its tensor's shape: what explanations are made of. The
 * tensors must have been made by differentiable steps from a parameter, or been passed to `g.track` before anything was made of them.
 * Parameters get no gradient and no use is recorded, so a graph may have this beside `backward`. Undefined for a tensor that the
 * output does not depend on.
 */
export function gradientsOf(g: GraphBuilder, output: Tensor, tensors: readonly Tensor[]): readonly (Tensor | undefined)[] {
  const uses = [...g.parameters.values()].map((parameter) => [parameter, parameter.uses.length] as const);
  const flow = new GradientFlow(g, () => undefined);
  flow.give([output], [onesLike(g, output)]);
  flow.run();
  for (const [parameter, count] of uses) parameter.uses.splice(count);
  return tensors.map((tensor) => flow.gradients.get(tensor.name));
}

/** Gradients on their way back: those that reach one tensor add up. */
class GradientFlow {
  readonly gradients = new Map<string, Tensor>();
  readonly #g: GraphBuilder;
  readonly #reach: (parameter: Parameter, gradient: Tensor) => void;

  /** @param reach is told the gradients of parameters that a step does not record by itself */
  constructor(g: GraphBuilder, reach: (parameter: Parameter, gradient: Tensor) => void) {
    this.#g = g;
    this.#reach = reach;
  }

  give(tensors: readonly Tensor[], gradients: readonly (Tensor | undefined)[]): void {
    for (const [index, tensor] of tensors.entries()) {
      const gradient = gradients[index];
      if (gradient === undefined || !this.#g.isTracked(tensor)) continue;
      const parameter = this.#g.parameterOf(tensor);
      if (parameter) {
        this.#reach(parameter, gradient);
        continue;
      }
      const fitted = unbroadcast(this.#g, gradient, tensor.shape);
      const earlier = this.gradients.get(tensor.name);
      this.gradients.set(tensor.name, earlier ? plus(this.#g, earlier, fitted) : fitted);
    }
  }

  /** Through the whole tape. */
  run(): void {
    for (const { outputs, inputs, pullback } of this.#g.tape.toReversed()) {
      const arriving = outputs.map((output) => this.gradients.get(output.name));
      if (arriving.some((gradient) => gradient !== undefined)) this.give(inputs, pullback(arriving));
    }
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
