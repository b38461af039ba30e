import { describe, expect, it } from "vitest";
import { parameterCount } from "../parameters.ts";
import { modelSpec } from "../spec.ts";
import { AdamWSlice, decayedSlices } from "./adamw.ts";
import { learningRateAt, type Schedule } from "./schedule.ts";

const options = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.5 };
const all = { begin: 0, end: 3 };

describe("AdamW in place", () => {
  it("takes the steps of Algorithm 2, worked out by hand", () => {
    const slice = new AdamWSlice(options, all, [{ begin: 0, end: 1 }]);
    const parameters = Float32Array.of(1, 1, -2);
    const gradients = [Float32Array.of(1, 1, 0), Float32Array.of(3, 3, -8)];
    // the mean gradient is (2, 2, -4); step 1's corrected moments are the gradient and its square: each moves by the rate
    slice.apply(parameters, gradients, { step: 1, learningRate: 0.1, factor: 0.5 });
    expect(parameters[0]).toBeCloseTo(1 - 0.1 * 0.5 * 1 - 0.1, 6); // decayed as well
    expect(parameters[1]).toBeCloseTo(0.9, 6);
    expect(parameters[2]).toBeCloseTo(-1.9, 6);
    expect(gradients.map((gradient) => [...gradient])).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    // step 2 with gradient 0: m = 0.9·0.1·2 = 0.18, v = 0.98·0.02·4 = 0.0784
    slice.apply(parameters, gradients, { step: 2, learningRate: 0.1, factor: 0.5 });
    const moved = (0.1 * (0.18 / (1 - 0.9 ** 2))) / Math.sqrt(0.0784 / (1 - 0.98 ** 2));
    expect(parameters[1]).toBeCloseTo(0.9 - moved, 6);
  });

  it("gives the same bits, however the vector is cut into slices", () => {
    const run = (cuts: readonly number[]) => {
      const parameters = Float32Array.from({ length: 9 }, (_, i) => Math.sin(i));
      const slices = cuts.slice(1).map((end, place) => {
        return new AdamWSlice(options, { begin: cuts[place] ?? 0, end }, [{ begin: 2, end: 6 }]);
      });
      for (let step = 1; step <= 5; step++) {
        const gradients = [0, 1].map((shard) => Float32Array.from({ length: 9 }, (_, i) => Math.cos(i * step + shard)));
        for (const slice of slices) slice.apply(parameters, gradients, { step, learningRate: 0.01, factor: 0.3 });
      }
      return parameters;
    };
    expect(run([0, 4, 9])).toEqual(run([0, 9]));
    expect(run([0, 1, 2, 6, 9])).toEqual(run([0, 9]));
  });

  it("decays weights and tables, and neither biases nor gains", () => {
    const spec = modelSpec({ items: 5, length: 3, width: 4 });
    const decayed = decayedSlices(spec).reduce((sum, { begin, end }) => sum + end - begin, 0);
    const kept = 4 * 4 + 6 * 4 + 2 * 4; // two norms of a block, its six biases, the final norm
    expect(decayed).toBe(parameterCount(spec) - kept);
    expect(decayedSlices(spec)[0]).toEqual({ begin: 0, end: 20 });
  });
});

describe("the learning rate", () => {
  const schedule: Schedule = { learningRate: 2, warmUpSteps: 4, decay: "cosine", floor: 0.1 };
  it("climbs to its height, and goes down along half a cosine", () => {
    const rates = [1, 2, 4, 9, 14, 20].map((step) => learningRateAt(schedule, step, 14));
    expect(rates[0]).toBe(0.5);
    expect(rates[1]).toBe(1);
    expect(rates[2]).toBe(2);
    expect(rates[3]).toBeCloseTo(2 * 0.55, 12); // half way between 1 and the floor
    expect(rates[4]).toBeCloseTo(0.2, 12);
    expect(rates[5]).toBeCloseTo(0.2, 12);
  });

  it("stays where it is without decay, and starts there without warm-up", () => {
    const constant: Schedule = { ...schedule, warmUpSteps: 0, decay: "constant" };
    expect([1, 100].map((step) => learningRateAt(constant, step, 100))).toEqual([2, 2]);
  });
});
