import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { account } from "../account.ts";
import { epsilonOf } from "../epsilon.ts";
import { gaussian, type PrivacyEvent, repeated, sampledGaussian } from "../events.ts";
import { atSeveralMerchants, forGroup } from "../group.ts";
import { coded, long, patience, relative } from "../testing.test-support.ts";
import { bandedRelease, bandedSensitivity, toeplitzCoefficients } from "./banded.ts";
import { treeSensitivity } from "./tree.ts";

/** Every placement of at most `participations` occurrences, at least `separation` apart, tried. */
function bruteForce(steps: number, participations: number, separation: number): number {
  let best = 0;
  const value = (positions: readonly number[]) => {
    let sum = 0;
    for (let size = 1; size <= steps; size *= 2) {
      const counts = new Map<number, number>();
      for (const position of positions) {
        const node = Math.floor(position / size);
        if ((node + 1) * size <= steps) counts.set(node, (counts.get(node) ?? 0) + 1);
      }
      for (const count of counts.values()) sum += count * count;
    }
    return sum;
  };
  const place = (positions: readonly number[], from: number) => {
    best = Math.max(best, value(positions));
    if (positions.length === participations) return;
    for (let next = from; next < steps; next++) place([...positions, next], next + separation);
  };
  place([], 0);
  return best;
}

describe("tree", () => {
  it.each([
    // TensorFlow Privacy's tree_aggregation_accountant_test.py, which counts the steps between: its 2 is 3 here
    [8, 3, 24, 88],
    [1, 8, 8, 4],
    [3, 4, 9, 11],
    [3, 3, 7, 9],
    [8, 1, 8, 120],
    [2, 1, 19, 18],
  ])(
    "at most %d occurrences, %d apart, in %d steps: squared sensitivity %d",
    (participations, minSeparation, steps, expected) => {
      expect(treeSensitivity({ steps, participations, minSeparation })).toBe(expected);
    },
  );

  it(
    "is the best of all placements",
    () => {
      const trees = fc.record({
        steps: fc.integer({ min: 1, max: 26 }),
        participations: fc.integer({ min: 1, max: 6 }),
        minSeparation: fc.integer({ min: 1, max: 12 }),
      });
      fc.assert(
        fc.property(trees, (tree) => {
          expect(treeSensitivity(tree)).toBe(bruteForce(tree.steps, tree.participations, tree.minSeparation));
        }),
        { numRuns: long ? 1000 : 60 },
      );
    },
    patience,
  );

  it("one occurrence costs the height: ⌈log₂(n + 1)⌉ nodes at 2^k − 1 … leaves", () => {
    for (const steps of [1, 2, 5, 64, 1000]) expect(treeSensitivity({ steps })).toBe(Math.floor(Math.log2(steps)) + 1);
  });

  it("Gboard's Spanish model: z = 7, 2000 rounds, 313 apart, 6 times: ρ = .81, ε = 8.9 at 1e-10", () => {
    const event: PrivacyEvent = { kind: "tree", noiseMultiplier: 7, steps: 2000, participations: 6, minSeparation: 314 };
    expect(treeSensitivity({ steps: 2000, participations: 6, minSeparation: 314 }) / 98).toBeCloseTo(0.81, 2);
    expect(account("zcdp").add(event).epsilon(1e-10).epsilon).toBeCloseTo(8.9, 1);
  });

  it("huge trees get an upper bound, level by level", () => {
    const huge = treeSensitivity({ steps: 2 ** 22, participations: 50, minSeparation: 1000 });
    expect(huge).toBeGreaterThanOrEqual(treeSensitivity({ steps: 2 ** 16, participations: 50, minSeparation: 1000 }));
    expect(huge).toBeLessThan(50 * 50 * 23);
  });
});

describe("banded matrices", () => {
  it("c = 1, .5, .375, .3125, .2734375; Σ c² of 100 and of 2000", () => {
    expect([...toeplitzCoefficients(5)]).toEqual([1, 0.5, 0.375, 0.3125, 0.2734375]);
    expect(bandedSensitivity({ steps: 100, bands: 100 })).toBeCloseTo(2.5313521126, 9);
    expect(bandedSensitivity({ steps: 2000, bands: 2000 })).toBeCloseTo(3.4856784633, 9);
  });

  it("2000 steps, 400 apart, 3 times: 15.05 full, 8.92 with 400 bands = 3·‖c‖²", () => {
    const three = { steps: 2000, participations: 3, minSeparation: 400 };
    expect(bandedSensitivity({ ...three, bands: 2000 })).toBeCloseTo(15.0515838463, 9);
    expect(bandedSensitivity({ ...three, bands: 400 })).toBeCloseTo(8.9196580786, 9);
    expect(bandedSensitivity({ ...three, bands: 400 })).toBeCloseTo(3 * bandedSensitivity({ steps: 400, bands: 400 }), 9);
  });

  it("one band is independent noise: as many Gaussian releases as occurrences", () => {
    const event: PrivacyEvent = { kind: "banded", noiseMultiplier: 3, steps: 50, bands: 1, participations: 7 };
    const plain = account("gdp").add(gaussian(3), 7).epsilon(1e-6);
    expect(relative(account("gdp").add(event).epsilon(1e-6).epsilon, plain.epsilon)).toBeLessThan(1e-12);
  });

  it("is the worst of all schedules", () => {
    const [steps, bands, minSeparation] = [14, 6, 3];
    const c = toeplitzCoefficients(bands);
    let worst = 0;
    const place = (column: readonly number[], left: number, from: number) => {
      worst = Math.max(
        worst,
        column.reduce((sum, value) => sum + value * value, 0),
      );
      if (left === 0) return;
      for (let at = from; at < steps; at++) {
        place(
          column.map((value, row) => value + (c[row - at] ?? 0)),
          left - 1,
          at + minSeparation,
        );
      }
    };
    place(new Array<number>(steps).fill(0), 3, 0);
    expect(bandedSensitivity({ steps, bands, minSeparation, participations: 3 })).toBeCloseTo(worst, 12);
  });

  it("amplified: ⌈T/b⌉ steps of the sampled Gaussian with noise over ‖c‖", () => {
    const release = bandedRelease({ kind: "banded", noiseMultiplier: 2, steps: 105, bands: 10, groupSamplingRate: 0.2 });
    expect(release).toEqual({
      samplingRate: 0.2,
      noiseMultiplier: 2 / Math.sqrt(bandedSensitivity({ steps: 10, bands: 10 })),
      steps: 11,
    });
    const event: PrivacyEvent = { kind: "banded", noiseMultiplier: 2, steps: 105, bands: 1, groupSamplingRate: 0.2 };
    expect(account("rdp").add(event).epsilon(1e-6)).toEqual(account("rdp").add(sampledGaussian(0.2, 2), 105).epsilon(1e-6));
  });
});

describe("monotone in every argument (fast-check)", () => {
  const schedules = fc.record({
    steps: fc.integer({ min: 1, max: 200 }),
    participations: fc.integer({ min: 1, max: 8 }),
    minSeparation: fc.integer({ min: 1, max: 60 }),
    bands: fc.integer({ min: 1, max: 200 }),
  });

  it("more steps, more participations, less separation, more bands never cost less", () => {
    fc.assert(
      fc.property(schedules, ({ bands: wished, ...schedule }) => {
        const bands = Math.min(wished, schedule.steps);
        const { steps, participations, minSeparation } = schedule;
        const more = [
          { ...schedule, steps: steps + 1 },
          { ...schedule, participations: participations + 1 },
          { ...schedule, minSeparation: Math.max(1, minSeparation - 1) },
        ];
        const [tree, banded] = [treeSensitivity(schedule), bandedSensitivity({ ...schedule, bands })];
        for (const dearer of more) {
          expect(treeSensitivity(dearer)).toBeGreaterThanOrEqual(tree);
          expect(bandedSensitivity({ ...dearer, bands })).toBeGreaterThanOrEqual(banded * (1 - 1e-14));
        }
        const wider = { ...schedule, bands: Math.min(steps, bands + 1) };
        expect(bandedSensitivity(wider)).toBeGreaterThanOrEqual(banded * (1 - 1e-14));
      }),
      { numRuns: long ? 2000 : 150, seed: 20261130 },
    );
  });

  it("a larger group and a lower noise never cost less, sampled or not; k merchants at the same z never more than one", () => {
    const events = fc.record({
      q: fc.constantFrom(0.01, 0.4, 1),
      z: fc.double({ min: 0.6, max: 20, noNaN: true }),
      k: fc.integer({ min: 1, max: 6 }),
      steps: fc.integer({ min: 1, max: 50 }),
    });
    const spent = (event: PrivacyEvent) => account("rdp-integer").add(event).epsilon(1e-6).epsilon;
    fc.assert(
      fc.property(events, ({ q, z, k, steps }) => {
        const one = repeated(sampledGaussian(q, z), steps);
        expect(spent(forGroup(one, k + 1))).toBeGreaterThanOrEqual(spent(forGroup(one, k)) * (1 - 1e-9));
        expect(spent(forGroup(repeated(sampledGaussian(q, z * 0.9), steps), k))).toBeGreaterThanOrEqual(
          spent(forGroup(one, k)) * (1 - 1e-9),
        );
        const plan = { samplingRate: q, noiseMultiplier: z, steps, delta: 1e-6 };
        const [few, many] = [k, k + 1].map((merchants) => epsilonOf({ ...plan, ...atSeveralMerchants(plan, merchants) })) as [
          number,
          number,
        ];
        expect(many).toBeLessThanOrEqual(few * (1 + 1e-9));
      }),
      { numRuns: long ? 1000 : 60, seed: 20261130 },
    );
  });
});

describe("bad input", () => {
  const tree = { kind: "tree", noiseMultiplier: 1, steps: 10 } as const;
  const banded = { kind: "banded", noiseMultiplier: 1, steps: 10, bands: 2 } as const;
  it.each<[string, PrivacyEvent]>([
    ["TRB_DP_NOISE_MULTIPLIER_INVALID", { ...tree, noiseMultiplier: 0 }],
    ["TRB_DP_STEPS_INVALID", { ...tree, steps: 0 }],
    ["TRB_DP_STEPS_INVALID", { ...tree, steps: 2.5 }],
    ["TRB_DP_PARAMETER_INVALID", { ...tree, participations: 0 }],
    ["TRB_DP_PARAMETER_INVALID", { ...tree, minSeparation: Number.NaN }],
    ["TRB_DP_NOISE_MULTIPLIER_INVALID", { ...banded, noiseMultiplier: Number.NaN }],
    ["TRB_DP_STEPS_INVALID", { ...banded, steps: 0 }],
    ["TRB_DP_PARAMETER_INVALID", { ...banded, bands: 11 }],
    ["TRB_DP_PARAMETER_INVALID", { ...banded, bands: 1.5 }],
    ["TRB_DP_SAMPLING_RATE_INVALID", { ...banded, groupSamplingRate: 2 }],
    ["TRB_DP_PARAMETER_INVALID", { ...banded, groupSamplingRate: 0.1, minSeparation: 3 }],
  ])("%s %o", (code, event) => {
    expect(() => account("rdp").add(event)).toThrow(coded(code));
  });
});
