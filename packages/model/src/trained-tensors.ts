/**
 * Which of a model's tensors training releases cover. A plan that names some of them (`plan.trained`) has their numbers alone in its update
 * vector, in the order of the model: gradient, clipping, noise and masks are of that length, and everything else stays as it is.
 *
 * A name is a tensor's, or has * for any characters: `block1.*`, `attribute.*`, `final.gain`.
 */
import { fail } from "@tributary/errors";
import { type GraphParameter, graphTensors, jointName, type ParameterShape, parameterShapes, sizeOf } from "./parameters.ts";
import type { ModelSpec } from "./spec.ts";

/** Names as a plan has them; undefined: everything is trained. */
export type Trained = readonly string[] | undefined;

/** A trained tensor: its numbers' places in the model's flat vector and in the update vector. */
export interface TrainedTensor extends ParameterShape {
  readonly size: number;
  readonly inModel: number;
  readonly inUpdate: number;
}

/**
 * In the order of the update vector.
 * @throws TRB_PLAN_TRAINED_UNFIT for a name that is no tensor's, and for a part of a matrix that is trained as one; TRB_TRAINING_SPEC_INVALID
 */
export function trainedTensors(spec: ModelSpec, trained: Trained): readonly TrainedTensor[] {
  const shapes = parameterShapes(spec);
  const idle = trained?.find((one) => !shapes.some(({ name }) => isCalled(one, name)));
  if (idle !== undefined) throw fail("TRB_PLAN_TRAINED_UNFIT", { reason: `the model has no tensor ${idle}` });
  const isTrained = (name: string) => trained === undefined || trained.some((one) => isCalled(one, name));
  const torn = shapes.find(({ name }) => {
    const joint = jointName(name);
    return (
      joint !== undefined && isTrained(name) && shapes.some((one) => jointName(one.name) === joint && !isTrained(one.name))
    );
  });
  if (torn) throw fail("TRB_PLAN_TRAINED_UNFIT", { reason: `${torn.name} is trained together with what stands beside it` });
  const found: TrainedTensor[] = [];
  let [inModel, inUpdate] = [0, 0];
  for (const { name, shape } of shapes) {
    const size = sizeOf(shape);
    if (isTrained(name)) {
      found.push({ name, shape, size, inModel, inUpdate });
      inUpdate += size;
    }
    inModel += size;
  }
  return found;
}

/** How many numbers are trained: the `dimension` of the training releases. @throws the codes of `trainedTensors` */
export function trainedCount(spec: ModelSpec, trained: Trained): number {
  return trainedTensors(spec, trained).reduce((total, { size }) => total + size, 0);
}

/** The graph's trained tensors, and where their numbers stand in the update vector. */
export function trainedParameters(spec: ModelSpec, trained: Trained): readonly GraphParameter[] {
  return graphTensors(trainedTensors(spec, trained).map(({ inUpdate, ...tensor }) => ({ ...tensor, offset: inUpdate })));
}

/** The trained numbers of a flat model, copied. [trainedCount] */
export function takeTrained(tensors: readonly TrainedTensor[], model: Float32Array): Float32Array {
  const last = tensors.at(-1);
  const taken = new Float32Array(last === undefined ? 0 : last.inUpdate + last.size);
  for (const { inModel, inUpdate, size } of tensors) taken.set(model.subarray(inModel, inModel + size), inUpdate);
  return taken;
}

/** Writes trained numbers to their places in a flat model. */
export function putTrained(tensors: readonly TrainedTensor[], values: Float32Array, model: Float32Array): void {
  for (const { inModel, inUpdate, size } of tensors) model.set(values.subarray(inUpdate, inUpdate + size), inModel);
}

/** What people call parts of a model. `blocks`: what turns vectors into states, norms among it; `norms`: gains and biases of those alone. */
export const trainedGroups = ["items", "attributes", "inputs", "blocks", "norms", "heads"] as const;
export type TrainedGroup = (typeof trainedGroups)[number];

/** Names of tensors, or patterns of them; a model has what it has. */
export const groupPatterns: Readonly<Record<TrainedGroup, readonly string[]>> = {
  items: ["item.weight", "output.weight"],
  attributes: ["attribute.*", "feature.weight"],
  inputs: [
    "action.weight",
    "gap.weight",
    "dwell.weight",
    "price.weight",
    "position.weight",
    "decoderPosition.weight",
    "mask.weight",
    "start.weight",
  ],
  // `decoder*.*.*` is no `decoderPosition.weight`: a block's tensors have three parts to their names
  blocks: ["block*", "encoder*", "decoder*.*.*", "recurrent.*", "body.*", "final.*"],
  norms: ["*.norm1.*", "*.norm2.*", "*.norm3.*", "encoderFinal.*", "final.*"],
  heads: ["actionHead.*", "churnHead.*", "purchaseHead.*"],
};

/**
 * The names for `plan.trained`: those of the groups that this model has any tensor of.
 * @throws TRB_PLAN_TRAINED_UNFIT when it has none of a group's; TRB_TRAINING_SPEC_INVALID
 */
export function trainedNames(spec: ModelSpec, groups: readonly TrainedGroup[]): readonly string[] {
  const shapes = parameterShapes(spec);
  return groups.flatMap((group) => {
    const names = groupPatterns[group].filter((name) => shapes.some((shape) => isCalled(name, shape.name)));
    if (names.length === 0) throw fail("TRB_PLAN_TRAINED_UNFIT", { reason: `the model has no ${group}` });
    return names;
  });
}

/**
 * Whether a tensor has this name, in which * stands for any characters. Each part between stars is taken where it first stands, so that no plan can make it
 * take longer than the two lengths multiplied: as a regular expression, forty stars would go on for years.
 */
export function isCalled(name: string, tensor: string): boolean {
  const [first = "", ...rest] = name.split("*");
  const last = rest.pop();
  if (last === undefined) return tensor === name;
  if (!tensor.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = tensor.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return tensor.length - last.length >= at && tensor.endsWith(last);
}
