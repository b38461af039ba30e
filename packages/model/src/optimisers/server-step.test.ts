import { readFileSync } from "node:fs";
import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Optimiser, OptimiserState } from "./optimiser.ts";
import { serverStep, stepInFloat64 } from "./server-step.ts";

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

interface Step {
  readonly parameters: Float32Array;
  readonly optimiserState: OptimiserState | null;
}

const one = { learningRate: 0.1, epsilon: 1e-3 };
const every: readonly Optimiser[] = [
  { name: "fedavg", learningRate: 0.1, momentum: 0.9 },
  { ...one, name: "fedadam", beta1: 0.9, beta2: 0.99 },
  { ...one, name: "adamw", beta1: 0.9, beta2: 0.99, weightDecay: 0 },
  { ...one, name: "fedyogi", beta1: 0.9, beta2: 0.99 },
  { ...one, name: "fedadagrad", beta1: 0.9 },
  { ...one, name: "rmsprop", decay: 0.99 },
  { name: "dpadam", learningRate: 0.1, beta1: 0.9, beta2: 0.99, floor: 1e-4 },
];

/** Weights after each step, in float64 all the way. */
function walk(optimiser: Optimiser, start: readonly number[], gradients: readonly (readonly number[])[], noise?: number) {
  let weights = Float64Array.from(start);
  let state: OptimiserState | null = null;
  return gradients.map((gradient) => {
    const step = stepInFloat64(optimiser, weights, state, Float64Array.from(gradient), noise);
    weights = Float64Array.from(step.weights);
    state = step.optimiserState;
    return [...weights];
  });
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isTributaryError(error) ? error.code : "uncoded";
  }
  return "none";
}

describe("the server's optimisers follow PyTorch's", () => {
  const number = (path: GoldenPath, name: string) => path.config[name] ?? Number.NaN;
  const rates = (path: GoldenPath) => ({
    learningRate: number(path, "learningRate"),
    beta1: number(path, "beta1"),
    beta2: number(path, "beta2"),
    epsilon: number(path, "epsilon"),
  });
  const cases: [string, (path: GoldenPath) => Optimiser][] = [
    ["sgdMomentum", (p) => ({ name: "fedavg", learningRate: number(p, "learningRate"), momentum: number(p, "momentum") })],
    ["adam", (p) => ({ name: "fedadam", ...rates(p) })],
    ["adamW", (p) => ({ name: "adamw", ...rates(p), weightDecay: number(p, "weightDecay") })],
    ["adamW", (p) => ({ name: "fedadam", ...rates(p), weightDecay: number(p, "weightDecay") })],
    ["adam", (p) => ({ name: "dpadam", ...rates(p), floor: 1e-300 })], // without noise it is Adam, but for ε = 1e-8
    [
      "rmsprop",
      (p) => ({
        name: "rmsprop",
        learningRate: number(p, "learningRate"),
        decay: number(p, "decay"),
        epsilon: number(p, "epsilon"),
      }),
    ],
  ];

  it("in every path that the vectors hold", () => {
    expect(golden.optimisers.map(({ name }) => name).sort()).toEqual(["adam", "adamW", "rmsprop", "sgdMomentum"]);
  });

  it.each(cases)("%s: to 1e-12 in float64, and to the rounding of the parameters in float32", (name, optimiserOf) => {
    const path = golden.optimisers.find((o) => o.name === name);
    if (path === undefined) throw new Error(`no golden path ${name}`);
    const optimiser = optimiserOf(path);
    const precise = walk(optimiser, path.start, path.gradients, 0);
    let parameters = Float32Array.from(path.start);
    let state: OptimiserState | null = null;
    path.gradients.forEach((gradient, i) => {
      const step = serverStep(optimiser, parameters, state, Float64Array.from(gradient), 0);
      parameters = Float32Array.from(step.parameters);
      state = step.optimiserState;
      path.path[i]?.forEach((expected, j) => {
        const tolerance = optimiser.name === "dpadam" ? 1e-8 : 1e-12;
        expect(Math.abs((precise[i]?.[j] ?? Number.NaN) - expected)).toBeLessThan(tolerance);
        // magnitudes are at most about 2: each step rounds by at most 2⁻²⁴ · 2
        expect(Math.abs((parameters[j] ?? Number.NaN) - expected)).toBeLessThan((i + 1) * 2 ** -23);
      });
    });
  });
});

describe("by hand", () => {
  it("FedYogi moves its second moment by the sign of the difference, from ε²", () => {
    const yogi: Optimiser = { name: "fedyogi", learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 };
    const [first, second] = walk(yogi, [1], [[0.5], [0.01]]);
    // u: 1e-6 → + 0.01·0.25 = 0.002501 → − 0.01·0.0001 = 0.0025; m: 0.05 → 0.046
    expect(first?.[0]).toBeCloseTo(1 - (0.1 * 0.05) / (Math.sqrt(0.002501) + 0.001), 14);
    expect((second?.[0] ?? 0) - (first?.[0] ?? 0)).toBeCloseTo((-0.1 * 46) / 51, 14);
  });

  it("FedAdagrad adds up squares, from ε²", () => {
    const adagrad: Optimiser = { name: "fedadagrad", learningRate: 1, beta1: 0, epsilon: 0.4 };
    const [first, second] = walk(adagrad, [0], [[0.3], [1.2]]); // √u: 0.4 → 0.5 → 1.3
    expect(first?.[0]).toBeCloseTo(-1 / 3, 14);
    expect((second?.[0] ?? 0) - (first?.[0] ?? 0)).toBeCloseTo(-12 / 17, 14);
  });

  it("dpadam takes the noise's variance out of the second moment, and no less than its floor", () => {
    const dpadam: Optimiser = { name: "dpadam", learningRate: 1, beta1: 0.5, beta2: 0.5, floor: 0.01 };
    const [first, second] = walk(
      dpadam,
      [0, 0],
      [
        [0.5, 0.4],
        [0.1, 0.4],
      ],
      0.16,
    ); // û = 0.09 and 0
    expect(first?.[0]).toBeCloseTo(-5 / 3, 13);
    expect(first?.[1]).toBeCloseTo(-4, 13);
    // û = (0.0225 − 0.075) / 0.75 < 0: the floor. m̂ = (0.125 + 0.05) / 0.75
    expect((second?.[0] ?? 0) - (first?.[0] ?? 0)).toBeCloseTo(-0.175 / 0.75 / 0.1, 13);
  });

  it("dpadam asks for the noise of each round, and weighs it as it weighs that round's square", () => {
    const dpadam: Optimiser = { name: "dpadam", learningRate: 1, beta1: 0, beta2: 0.5, floor: 1e-9 };
    const start = stepInFloat64(dpadam, Float64Array.of(0), null, Float64Array.of(1), 0.19);
    const next = stepInFloat64(dpadam, start.weights, start.optimiserState, Float64Array.of(1), 0.64);
    // u = 0.25·0.81 + 0.5·0.36 = 0.3825, û = 0.51
    expect((next.weights[0] ?? 0) - (start.weights[0] ?? 0)).toBeCloseTo(-1 / Math.sqrt(0.51), 13);
  });
});

describe("against twins that are written as the papers print them", () => {
  const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
  const gradients = fc.array(number(-3, 3), { minLength: 1, maxLength: 12 });
  const rate = number(0, 0.99);

  /** Tang et al., Algorithm 1, one coordinate. */
  function paperDpAdam(g: readonly number[], beta1: number, beta2: number, floor: number, sigma: number): number {
    let [m, v, theta] = [0, 0, 0];
    g.forEach((gradient, i) => {
      m = beta1 * m + (1 - beta1) * gradient;
      v = beta2 * v + (1 - beta2) * gradient ** 2;
      const mHat = m / (1 - beta1 ** (i + 1));
      const vHat = v / (1 - beta2 ** (i + 1));
      theta -= 0.1 * (mHat / Math.sqrt(Math.max(vHat - sigma ** 2, floor)));
    });
    return theta;
  }

  /** Reddi et al., Algorithm 2, one coordinate; their Δ is the way down, so −g. */
  function paperReddi(kind: "yogi" | "adagrad", g: readonly number[], beta1: number, beta2: number, tau: number): number {
    let [delta, v, x] = [0, tau ** 2, 0];
    for (const gradient of g) {
      delta = beta1 * delta - (1 - beta1) * gradient;
      if (kind === "adagrad") v += gradient ** 2;
      else v -= (1 - beta2) * gradient ** 2 * Math.sign(v - gradient ** 2);
      x += (0.1 * delta) / (Math.sqrt(v) + tau);
    }
    return x;
  }

  const near = (found: number | undefined, expected: number) =>
    expect(Math.abs((found ?? Number.NaN) - expected)).toBeLessThan(1e-9 * (1 + Math.abs(expected)));

  it("dpadam", () => {
    fc.assert(
      fc.property(gradients, rate, rate, number(1e-2, 1), number(0, 2), (g, beta1, beta2, floor, sigma) => {
        const steps = g.map((x) => [x]);
        const walked = walk({ name: "dpadam", learningRate: 0.1, beta1, beta2, floor }, [0], steps, sigma * sigma);
        near(walked.at(-1)?.[0], paperDpAdam(g, beta1, beta2, floor, sigma));
      }),
    );
  });

  it("FedYogi and FedAdagrad", () => {
    fc.assert(
      fc.property(gradients, rate, rate, number(1e-2, 1), (g, beta1, beta2, epsilon) => {
        const steps = g.map((x) => [x]);
        const yogi = walk({ name: "fedyogi", learningRate: 0.1, beta1, beta2, epsilon }, [0], steps);
        near(yogi.at(-1)?.[0], paperReddi("yogi", g, beta1, beta2, epsilon));
        const adagrad = walk({ name: "fedadagrad", learningRate: 0.1, beta1, epsilon }, [0], steps);
        near(adagrad.at(-1)?.[0], paperReddi("adagrad", g, beta1, 0, epsilon));
      }),
    );
  });
});

describe("every optimiser", () => {
  it.each(every)("$name stands still on a zero gradient", (optimiser) => {
    const { parameters, optimiserState } = serverStep(optimiser, Float32Array.of(1, -2, 0), null, new Float64Array(3), 0);
    expect([...parameters]).toEqual([1, -2, 0]);
    expect(optimiserState).toMatchObject({ name: optimiser.name, steps: 1 });
  });

  it.each(every)("$name goes down a constant slope", (optimiser) => {
    const path = walk(optimiser, [0], Array(5).fill([0.5]), 0.01).map(([w = Number.NaN]) => w);
    path.forEach((w, i) => {
      expect(w).toBeLessThan(i === 0 ? 0 : (path[i - 1] ?? Number.NaN));
    });
  });

  it.each(every)("$name is pure: it changes nothing that it was handed, and gives the same bytes twice", (optimiser) => {
    const parameters = Float32Array.of(1, 2);
    const gradient = Float64Array.of(0.5, -0.25);
    const penalised = { ...optimiser, l1: 0.1, l2: 0.1, weightDecay: 0.1 };
    const { optimiserState } = serverStep(penalised, parameters, null, gradient, 0.1);
    const kept = structuredClone(optimiserState);
    const once = serverStep(penalised, parameters, optimiserState, gradient, 0.1);
    const twice = serverStep(penalised, parameters, optimiserState, gradient, 0.1);
    expect(once).toEqual(twice);
    expect(once.optimiserState).not.toEqual(kept);
    expect(optimiserState).toEqual(kept);
    expect([...parameters]).toEqual([1, 2]);
    expect([...gradient]).toEqual([0.5, -0.25]);
  });

  it.each(every)("$name refuses a gradient of another length, and a state that is not its own", (optimiser) => {
    const step = (state: OptimiserState | null, gradient: Float64Array) =>
      code(() => serverStep(optimiser, Float32Array.of(1), state, gradient, 0));
    expect(step(null, Float64Array.of(1, 2))).toBe("TRB_MODEL_LENGTH_MISMATCH");
    for (const other of every.filter(({ name }) => name !== optimiser.name)) {
      const { optimiserState } = serverStep(other, Float32Array.of(1), null, Float64Array.of(1), 0);
      expect(step(optimiserState, Float64Array.of(1))).toBe("TRB_MODEL_OPTIMISER_STATE");
    }
    const { optimiserState } = serverStep(optimiser, Float32Array.of(1, 2), null, Float64Array.of(1, 2), 0);
    expect(step(optimiserState, Float64Array.of(1))).toBe("TRB_MODEL_OPTIMISER_STATE");
  });

  it.each(every)("$name steps the same in two rooms that take turns as in arrays of its own", (optimiser) => {
    const rooms = [0, 1].map(() => ({ first: new Float64Array(3).fill(9), parameters: new Float32Array(3).fill(9) }));
    const start = Float32Array.of(0.3, -0.2, 1);
    let own: Step = { parameters: start, optimiserState: null };
    let inRooms = own;
    for (let round = 0; round < 5; round++) {
      const gradient = Float64Array.of(0.1 * round, -0.4, 0.2 - 0.1 * round);
      const before = [inRooms.parameters.slice(), inRooms.optimiserState?.first.slice()];
      const next: Step = serverStep(optimiser, inRooms.parameters, inRooms.optimiserState, gradient, 0.01, rooms[round % 2]);
      expect([inRooms.parameters, inRooms.optimiserState?.first]).toEqual(before);
      own = serverStep(optimiser, own.parameters, own.optimiserState, gradient, 0.01);
      inRooms = next;
      expect(inRooms).toEqual(own);
      expect(inRooms.parameters).toBe(rooms[round % 2]?.parameters);
    }
  });

  it("dpadam refuses to guess the noise", () => {
    const dpadam = every.find(({ name }) => name === "dpadam") as Optimiser;
    for (const noise of [undefined, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(code(() => serverStep(dpadam, Float32Array.of(1), null, Float64Array.of(1), noise))).toBe(
        "TRB_MODEL_NOISE_VARIANCE",
      );
    }
  });
});

describe("penalties", () => {
  it.each(every)("decoupled decay of $name is seen by no moment", (optimiser) => {
    const decayed = { ...optimiser, weightDecay: 0.5 };
    const gradient = Float64Array.of(0.3, -0.2);
    const weights = Float64Array.of(2, -4);
    const plain = stepInFloat64(optimiser, weights, null, gradient, 0);
    const pulled = stepInFloat64(decayed, weights, null, gradient, 0);
    expect(pulled.optimiserState).toEqual(plain.optimiserState);
    pulled.weights.forEach((w, i) => {
      expect(w).toBeCloseTo((plain.weights[i] ?? Number.NaN) - 0.1 * 0.5 * (weights[i] ?? Number.NaN), 14);
    });
  });

  it.each(every)("L2 of $name is a gradient like any other", (optimiser) => {
    const weights = Float64Array.of(2, -4);
    const pulled = stepInFloat64({ ...optimiser, l2: 0.25 }, weights, null, Float64Array.of(0.3, -0.2), 0);
    expect(pulled).toEqual(stepInFloat64(optimiser, weights, null, Float64Array.of(0.3 + 0.25 * 2, -0.2 - 0.25 * 4), 0));
  });

  it.each(every)("L1 of $name is the proximal step: it ends where ½(x − moved)² + rate·λ₁·|x| is least", (optimiser) => {
    const number = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(number, number, fc.double({ min: 0.01, max: 3, noNaN: true }), (weight, gradient, l1) => {
        const take = (by: Optimiser) =>
          stepInFloat64(by, Float64Array.of(weight), null, Float64Array.of(gradient), 0).weights[0] ?? Number.NaN;
        const moved = take(optimiser);
        const found = take({ ...optimiser, l1 });
        const threshold = 0.1 * l1;
        if (found === 0) expect(Math.abs(moved)).toBeLessThanOrEqual(threshold);
        else expect(moved - found).toBeCloseTo(threshold * Math.sign(found), 12);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a bound on the mean update", () => {
  const long = Float64Array.of(3, -4); // 5 long
  const weights = Float64Array.of(2, -4);

  it.each(every)("of $name makes the step of the update that is scaled down to it, and of no other", (optimiser) => {
    const step = (by: Optimiser, gradient: Float64Array, noise: number) => stepInFloat64(by, weights, null, gradient, noise);
    const bounded = { ...optimiser, l2: 0.25, weightDecay: 0.1, updateNorm: 2.5 };
    const { updateNorm: _, ...free } = bounded;
    // half as long: half the noise, a quarter of its variance; the penalties are not bounded
    expect(step(bounded, long, 0.4)).toEqual(step(free, Float64Array.of(1.5, -2), 0.1));
    expect(step(bounded, Float64Array.of(1.5, -2), 0.1)).toEqual(step(free, Float64Array.of(1.5, -2), 0.1));
    expect([...long]).toEqual([3, -4]);
  });

  it("holds however long the update is, and turns it nowhere", () => {
    const number = fc.double({ min: -1e12, max: 1e12, noNaN: true });
    const sgd: Optimiser = { name: "fedavg", learningRate: 1, momentum: 0, updateNorm: 0.75 };
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 20 }), (gradient) => {
        const moved = stepInFloat64(sgd, new Float64Array(gradient.length), null, Float64Array.from(gradient)).weights;
        const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
        const shrink = Math.min(1, 0.75 / norm);
        expect(Math.hypot(...moved)).toBeLessThanOrEqual(0.75 * (1 + 1e-12));
        for (const [i, g] of gradient.entries()) expect(moved[i]).toBeCloseTo(g === 0 ? 0 : -g * shrink, 9);
      }),
      { numRuns: 100, seed: 7 },
    );
  });
});
