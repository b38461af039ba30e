/**
 * Loops over an axis, by ONNX's `Scan`: a body graph that is run once for each entry of the leading axis of its slices, and hands
 * states on from one step to the next. Source: https://onnx.ai/onnx/operators/onnx__Scan.html.
 */
import { fail } from "@tributary/errors";
import { namesRead } from "./bodies.ts";
import { GraphBuilder } from "./builder.ts";
import { mismatch, sameShape } from "./shapes.ts";
import type { Tensor } from "./types.ts";

export interface ScanInputs {
  /** Of the body; equal names, states and steps give one loop. */
  readonly name: string;
  /** What the first step is given. */
  readonly states: readonly Tensor[];
  /** [n, …] each, of which step i gets entry i. */
  readonly slices: readonly Tensor[];
  /** From the last entry to the first; what is stacked is in the order of the slices all the same. */
  readonly reverse?: boolean;
}

export interface ScanStep {
  /** What the next step is given, one for each state and of its shape. */
  readonly states: readonly Tensor[];
  /** What is stacked to [n, …]. */
  readonly outputs: readonly Tensor[];
}

/**
 * Runs `step` along the leading axis: outputs [n, …] and the states after the last step. `step` builds the body with its own
 * builder; it may read tensors of the graph around it (weights), which the body lists as its captures. Not differentiable by
 * itself: a layer that loops has its own way back (`autodiff/recurrent.ts`).
 * @throws TRB_TENSOR_SHAPE_MISMATCH, TRB_TENSOR_DANGLING when the body reads what neither it nor the graph has
 */
export function scan(
  g: GraphBuilder,
  { name, states, slices, reverse = false }: ScanInputs,
  step: (body: GraphBuilder, states: readonly Tensor[], slices: readonly Tensor[]) => ScanStep,
): ScanStep {
  const [first, ...others] = slices;
  if (first === undefined || first.shape.length === 0)
    throw mismatch("Scan", first ?? { name, type: "float", shape: [] }, ["n"]);
  for (const other of others) if (other.shape[0] !== first.shape[0]) throw mismatch("Scan", first, other);
  const inner = new GraphBuilder(name, `${name}/`);
  const given = states.map(({ shape, type }, place) => inner.input(`state${place}`, shape, type));
  const entries = slices.map(({ shape, type }, place) => inner.input(`slice${place}`, shape.slice(1), type));
  const made = step(inner, given, entries);
  states.forEach((state, place) => {
    const next = made.states[place];
    if (next === undefined || !sameShape(next.shape, state.shape)) throw mismatch("Scan", state, next ?? ["no next state"]);
  });
  const body = inner.body([...made.states, ...made.outputs]);
  for (const node of body.nodes) {
    for (const read of namesRead(node)) {
      if (inner.has(read) || g.has(read)) continue;
      throw fail("TRB_TENSOR_DANGLING", { operator: node.operator, tensor: node.outputs[0] ?? "", graph: name, name: read });
    }
  }
  const direction = (count: number) => Array.from({ length: count }, () => (reverse ? 1 : 0));
  const results = g.nodes(
    "Scan",
    [...states, ...slices],
    [...states, ...made.outputs.map(({ shape, type }) => ({ shape: [first.shape[0] ?? 1, ...shape], type }))],
    {
      body: { body },
      num_scan_inputs: slices.length,
      scan_input_directions: direction(slices.length),
      scan_output_directions: direction(made.outputs.length),
    },
  );
  return { states: results.slice(0, states.length), outputs: results.slice(states.length) };
}
