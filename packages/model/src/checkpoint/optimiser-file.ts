/**
 * The optimiser's state between rounds, as bytes: safetensors with the moments in float64, so that a coordinator that
 * restarts goes on with exactly the numbers it had. One layout for every optimiser; a moment that it does not keep is empty.
 */
import { fail } from "@tributary/errors";
import type { Optimiser, OptimiserState } from "../optimisers/optimiser.ts";
import { elements, readTensors, writeTensors } from "./safetensors.ts";

export function encodeOptimiserState(state: OptimiserState): Uint8Array {
  const { name, steps, first, second } = state;
  const data = new Uint8Array(8 * (first.length + second.length));
  const view = new DataView(data.buffer);
  for (const [begin, moments] of [
    [0, first],
    [8 * first.length, second],
  ] as const) {
    for (let i = 0; i < moments.length; i++) view.setFloat64(begin + 8 * i, moments[i] as number, true);
  }
  return writeTensors({
    tensors: [
      { name: "first", dtype: "F64", shape: [first.length] },
      { name: "second", dtype: "F64", shape: [second.length] },
    ],
    metadata: { format: "tributary-optimiser", optimiser: name, steps: String(steps) },
    data,
  });
}

/** @throws TRB_MODEL_FILE_MALFORMED, TRB_MODEL_TENSOR_TYPE, TRB_MODEL_OPTIMISER_STATE */
export function decodeOptimiserState(optimiser: Optimiser, bytes: Uint8Array): OptimiserState {
  const { tensors, metadata, data } = readTensors(bytes);
  const refuse = (reason: string) => fail("TRB_MODEL_OPTIMISER_STATE", { optimiser: optimiser.name, reason });
  const [first, second] = tensors;
  if (metadata["optimiser"] !== optimiser.name) throw refuse(`it was written by ${metadata["optimiser"] ?? "nobody known"}`);
  if (tensors.length !== 2 || first?.name !== "first" || second?.name !== "second") throw refuse("its moments are missing");
  if (first.dtype !== "F64" || second.dtype !== "F64") throw refuse("its moments are not float64");
  const steps = metadata["steps"] ?? "";
  if (!/^(0|[1-9][0-9]{0,15})$/.test(steps)) throw refuse("its step count is not a number");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = (begin: number, length: number) => {
    const moments = new Float64Array(length);
    for (let i = 0; i < length; i++) moments[i] = view.getFloat64(begin + 8 * i, true);
    return moments;
  };
  const length = elements(first.shape);
  const state = {
    name: optimiser.name,
    steps: Number(steps),
    first: read(0, length),
    second: read(8 * length, elements(second.shape)),
  };
  if (![state.first, state.second].every((moments) => moments.every(Number.isFinite)))
    throw refuse("it holds a value that is not finite");
  // dpadam's has the noise taken out; elsewhere a negative mean of squares is damage
  const signed = optimiser.name === "dpadam" || optimiser.name === "extension"; // what an extension keeps there is its own affair
  if (!signed && state.second.some((u) => u < 0)) throw refuse("it holds a negative second moment");
  return state;
}
