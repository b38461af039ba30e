import { readFileSync } from "node:fs";
import { isTributaryError } from "@tributary/errors";
import { describe, expect, it } from "vitest";
import { type Optimiser, type OptimiserState, serverStep } from "./server-step.ts";

interface GoldenPath {
  readonly name: string;
  readonly config: Readonly<Record<string, number>>;
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly path: readonly (readonly number[])[];
}

/** PyTorch's own optimisers in float64: `source` in the file. */
const golden: { optimisers: GoldenPath[] } = JSON.parse(
  readFileSync(new URL("../../../../test/vectors/models.json", import.meta.url), "utf8"),
);

function follow(optimiser: Optimiser, path: GoldenPath): number[][] {
  let parameters = Float32Array.from(path.start);
  let state: OptimiserState | null = null;
  return path.gradients.map((gradient) => {
    const step = serverStep(optimiser, parameters, state, Float64Array.from(gradient));
    ({ parameters, optimiserState: state } = {
      parameters: Float32Array.from(step.parameters),
      optimiserState: step.optimiserState,
    });
    return [...parameters];
  });
}

describe("the server's optimisers follow PyTorch's, to float32", () => {
  const cases: [string, (config: Readonly<Record<string, number>>) => Optimiser][] = [
    ["sgdMomentum", (c) => ({ name: "fedavg", learningRate: c["learningRate"] ?? 0, momentum: c["momentum"] ?? 0 })],
    [
      "adam",
      (c) => ({
        name: "fedadam",
        learningRate: c["learningRate"] ?? 0,
        beta1: c["beta1"] ?? 0,
        beta2: c["beta2"] ?? 0,
        epsilon: c["epsilon"] ?? 0,
      }),
    ],
  ];
  it.each(cases)("%s: five steps on the recorded gradients", (name, optimiserOf) => {
    const path = golden.optimisers.find((o) => o.name === name);
    expect(path).toBeDefined();
    if (!path) return;
    const walked = follow(optimiserOf(path.config), path);
    walked.forEach((step, i) => {
      step.forEach((value, j) => {
        expect(Math.abs(value - (path.path[i]?.[j] ?? Number.NaN))).toBeLessThan(1e-6);
      });
    });
  });
});

describe("a step is pure", () => {
  const adam: Optimiser = { name: "fedadam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

  it("changes nothing that it was handed, and gives the same bytes twice", () => {
    const parameters = Float32Array.of(1, 2);
    const gradient = Float64Array.of(0.5, -0.25);
    const { optimiserState } = serverStep(adam, parameters, null, gradient);
    const kept = structuredClone(optimiserState);
    const once = serverStep(adam, parameters, optimiserState, gradient);
    const twice = serverStep(adam, parameters, optimiserState, gradient);
    expect(once).toEqual(twice);
    expect(optimiserState).toEqual(kept);
    expect([...parameters]).toEqual([1, 2]);
    expect([...gradient]).toEqual([0.5, -0.25]);
  });

  it("refuses a gradient of another length and another optimiser's state", () => {
    const code = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return isTributaryError(error) ? error.code : "uncoded";
      }
      return "none";
    };
    expect(code(() => serverStep(adam, Float32Array.of(1), null, Float64Array.of(1, 2)))).toBe("TRB_MODEL_LENGTH_MISMATCH");
    const { optimiserState } = serverStep(
      { name: "fedavg", learningRate: 1, momentum: 0 },
      Float32Array.of(1),
      null,
      Float64Array.of(1),
    );
    expect(code(() => serverStep(adam, Float32Array.of(1), optimiserState, Float64Array.of(1)))).toBe(
      "TRB_MODEL_OPTIMISER_STATE",
    );
  });
});
