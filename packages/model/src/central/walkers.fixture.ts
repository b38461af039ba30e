/** For tests: a shop in which everyone walks on from item i to item i + 1, which neither popularity nor own history could know. */
import { type Histories, leaveLastOut } from "@tributary/events/histories";
import { parameterCount } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import type { TeamTask } from "./team.ts";

const items = 30;

/** 120 customers of 4 to 8 events each. */
function walkers(): Histories {
  const lengths = Array.from({ length: 120 }, (_, c) => 4 + (c % 5));
  const offsets = new Uint32Array(121);
  lengths.forEach((length, c) => {
    offsets[c + 1] = (offsets[c] as number) + length;
  });
  const walked = lengths.flatMap((length, c) => Array.from({ length }, (_, e) => 1 + ((c * 7 + e) % items)));
  return {
    customers: lengths.map((_length, c) => `c${c}`),
    offsets,
    items: Int32Array.from(walked),
    actions: new Uint8Array(walked.length),
    times: Float64Array.from(walked.keys()),
  };
}

export const walkerSpec: ModelSpec = modelSpec({
  items,
  length: 8,
  width: 16,
  dropout: 100,
  nextItem: { loss: "softmax", negatives: 12, calibration: 0 },
});

export function walkerTask(spec: ModelSpec = walkerSpec): TeamTask {
  const test = leaveLastOut(walkers());
  const validation = leaveLastOut(test.train);
  return {
    spec,
    train: validation.train,
    heldOut: { validation, test },
    adamw: { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.01 },
    weighting: "position",
    initial: Float32Array.from({ length: parameterCount(spec) }, (_, i) => 0.15 * Math.sin(1 + 7.13 * i)),
  };
}
