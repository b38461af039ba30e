/**
 * A student that begins with what was learnt elsewhere: its body (blocks, norms, positions) from a model of another catalogue, trained on a public log;
 * its items from public vectors that both catalogues have in common (`item-vectors.ts`). Then few parameters are trained on.
 *
 * Public logs and vectors cost no ε. Here parameters are trained centrally, on walks or in-house; which of them private rounds train is `plan.trained`
 * (`trained-tensors.ts`).
 */
import { fail } from "@tributary/errors";
import { parameterShapes, sizeOf } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { biasPlaces, type Student } from "./student.ts";

/** `norms`: gains and biases of the norms; `body`: all but the item table; `items`: the item table. */
export type TrainedPart = "norms" | "body" | "items";

/**
 * The body of one model under the items of another.
 * @throws TRB_MODEL_TENSOR_SHAPE when their bodies are not of one shape
 */
export function withBodyOf({ spec, parameters }: Student, other: Student): Student {
  const theirs = new Map(tensorsOf(other.spec).map((tensor) => [tensor.name, tensor]));
  const joined = parameters.slice();
  for (const { name, shape, begin, end } of tensorsOf(spec)) {
    if (isItems(name)) continue;
    const found = theirs.get(name);
    if (found?.shape.join() !== shape.join())
      throw fail("TRB_MODEL_TENSOR_SHAPE", {
        tensor: name,
        found: found?.shape.join(", ") ?? "none",
        expected: shape.join(", "),
      });
    joined.set(other.parameters.subarray(found.begin, found.begin + end - begin), begin);
  }
  return { spec, parameters: joined };
}

/** What stays as it is when only some parts are trained: `frozen` of `trainStudent`. The bias coordinate always stays. */
export function frozenBut(spec: ModelSpec, parts: readonly TrainedPart[]): Uint32Array {
  const frozen = new Set(biasPlaces(spec));
  for (const { name, begin, end } of tensorsOf(spec)) {
    if (parts.some((part) => isOf(part, name))) continue;
    for (let place = begin; place < end; place++) frozen.add(place);
  }
  return Uint32Array.from(frozen).sort();
}

const isItems = (name: string) => name === "item.weight";

function isOf(part: TrainedPart, name: string): boolean {
  if (part === "items") return isItems(name);
  if (part === "body") return !isItems(name);
  return /(^final|\.norm\d)\.(gain|bias)$/.test(name);
}

function tensorsOf(spec: ModelSpec) {
  let end = 0;
  return parameterShapes(spec).map(({ name, shape }) => {
    const begin = end;
    end += sizeOf(shape);
    return { name, shape, begin, end };
  });
}
