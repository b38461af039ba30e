import { isTributaryError } from "@tributary/errors";
import { describe, expect, it } from "vitest";
import type { Optimiser, OptimiserState } from "../optimisers/optimiser.ts";
import { serverStep } from "../optimisers/server-step.ts";
import { decodeOptimiserState, encodeOptimiserState } from "./optimiser-file.ts";

const adam = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 };
const every: readonly Optimiser[] = [
  { name: "fedavg", learningRate: 0.1, momentum: 0.9 },
  { ...adam, name: "fedadam" },
  { ...adam, name: "adamw", weightDecay: 0.1 },
  { ...adam, name: "fedyogi" },
  { name: "fedadagrad", learningRate: 0.1, beta1: 0.9, epsilon: 1e-3 },
  { name: "rmsprop", learningRate: 0.1, decay: 0.99, epsilon: 1e-3 },
  { name: "dpadam", learningRate: 0.1, beta1: 0.9, beta2: 0.99, floor: 1e-3 },
];

describe("a coordinator that restarts between two rounds", () => {
  it.each(every)("goes on with $name to the bit", (optimiser) => {
    const gradients = [0.5, 0.1, -0.3].map((g) => Float64Array.of(g, 1 / 3, -g * g));
    const start = Float32Array.of(1, 2, 3);
    const walk = (between: (state: OptimiserState) => OptimiserState) => {
      let parameters: Float32Array = start;
      let state: OptimiserState | null = null;
      for (const gradient of gradients) {
        const next = serverStep(optimiser, parameters, state, gradient, 0.2);
        parameters = next.parameters;
        state = between(next.optimiserState);
      }
      return { parameters, state };
    };
    const restarted = walk((state) => decodeOptimiserState(optimiser, encodeOptimiserState(state)));
    expect(restarted).toEqual(walk((state) => state));
    expect(restarted.state?.steps).toBe(3);
  });

  it("is refused a negative mean of squares, which only dpadam can have left", () => {
    for (const optimiser of every) {
      const state = { name: optimiser.name, steps: 1, first: Float64Array.of(1), second: Float64Array.of(-1e-9) };
      const read = () => decodeOptimiserState(optimiser, encodeOptimiserState(state));
      if (optimiser.name === "dpadam") expect(read()).toEqual(state);
      else expect(code(read)).toBe("TRB_MODEL_OPTIMISER_STATE");
    }
  });
});

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isTributaryError(error) ? error.code : "uncoded";
  }
  return "none";
}
