/** What the operators of this folder are made of. */
import type { Tensor } from "@tensorflow/tfjs-core";
import { fail } from "@tributary/errors";
import type { Body } from "../../graph/types.ts";
import type { Attributes } from "../attributes.ts";
import type { TensorFlow } from "./backend.ts";

/** Runs a loop's body once; whoever calls it tidies up. */
export type RunBody = (body: Body, inputs: readonly Tensor[]) => readonly Tensor[];

export type Operator = (
  tf: TensorFlow,
  inputs: readonly Tensor[],
  attributes: Attributes,
  runBody: RunBody,
) => readonly Tensor[];

/** Operand `index`. @throws TRB_TENSOR_FEED_MISSING */
export function operand(inputs: readonly Tensor[], index: number): Tensor {
  const found = inputs[index];
  if (found === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name: `operand ${index}` });
  return found;
}

/** The numbers of a small tensor: axes, sizes, bounds. */
export function numbersOf(tensor: Tensor): number[] {
  return Array.from(tensor.dataSync(), Number);
}
