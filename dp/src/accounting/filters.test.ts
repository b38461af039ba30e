import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { account } from "./account.ts";
import {
  approximate,
  concentrated,
  discreteGaussianNoise,
  gaussian,
  laplace,
  type PrivacyEvent,
  sampledGaussian,
} from "./events.ts";
import { budgetFilter, concentratedFilter, concentratedOdometer, type Filter, renyiFilter } from "./filters.ts";
import { forGroup, nodeUnit } from "./group.ts";
import { rdpPoissonGaussian } from "./poisson-gaussian.ts";
import { coded, relative } from "./testing.test-support.ts";
import { epsilonFromZcdp, rhoFor } from "./zcdp.ts";

const budget = { epsilon: 3, delta: 1e-6 };

/** Charges until refused. */
function exhaust(filter: Filter, event: PrivacyEvent, most = 100_000): { filter: Filter; count: number } {
  let [now, count] = [filter, 0];
  while (count < most && now.admits(event)) {
    now = now.charge(event);
    count++;
  }
  return { filter: now, count };
}

describe("filters", () => {
  const filters: [string, Filter, PrivacyEvent][] = [
    ["a schedule by rdp-integer", budgetFilter("rdp-integer", budget), sampledGaussian(0.1, 1.5)],
    ["a schedule by pld", budgetFilter("pld", budget, { interval: 1e-3 }), sampledGaussian(0.5, 2)],
    ["a schedule by (ε, δ)", budgetFilter("approximate", budget), approximate(0.4, 1e-8)],
    ["zCDP, adaptive", concentratedFilter(budget), gaussian(10)],
    ["zCDP with releases' own δ, adaptive", concentratedFilter(budget, 5e-7), approximate(0.1, 1e-8)],
    ["one Rényi order, adaptive", renyiFilter(budget, 8), discreteGaussianNoise(1.5, 0.1)],
  ];

  it.each(filters)("%s: refuses before the budget is passed, and stays as it was", (_, start, event) => {
    const { filter, count } = exhaust(start, event, 500);
    expect(count).toBeGreaterThan(0);
    expect(filter.admits(event)).toBe(false);
    expect(() => filter.charge(event)).toThrow(coded("TRB_DP_BUDGET_EXCEEDED"));
    expect(filter.admits(event)).toBe(false);
    expect(start.admits(event, count)).toBe(true); // values: the first one has not changed
    expect(start.admits(event, count + 1)).toBe(false);
    expect(() => start.charge(event, count + 1)).toThrow(coded("TRB_DP_BUDGET_EXCEEDED"));
  });

  it("a filter by an accountant stops exactly where the accountant's ε would pass", () => {
    const event = sampledGaussian(0.1, 1.5);
    const { count } = exhaust(budgetFilter("rdp-integer", budget), event);
    const at = (steps: number) => account("rdp-integer").add(event, steps).epsilon(budget.delta).epsilon;
    expect(at(count)).toBeLessThanOrEqual(3);
    expect(at(count + 1)).toBeGreaterThan(3);
  });

  it("the adaptive zCDP filter spends all that the conversion allows, whatever the sizes", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-4, max: 0.2, noNaN: true }), { minLength: 1, maxLength: 60 }), (sizes) => {
        let filter = concentratedFilter(budget);
        let spent = 0;
        for (const rho of sizes) {
          if (!filter.admits(concentrated(rho))) continue;
          filter = filter.charge(concentrated(rho));
          spent += rho;
        }
        expect(epsilonFromZcdp(spent, budget.delta).epsilon).toBeLessThanOrEqual(budget.epsilon);
        const left = rhoFor(budget.epsilon, budget.delta) - spent;
        expect(filter.admits(concentrated(left + 1e-9))).toBe(false);
        if (left > 1e-9) expect(filter.admits(concentrated(left - 1e-9))).toBe(true);
      }),
    );
  });

  it("a Rényi filter allows ε = r + ln(1 − 1/α) − ln(δα)/(α − 1), no more", () => {
    const { count } = exhaust(renyiFilter(budget, 8), discreteGaussianNoise(1.5, 0.1));
    const step = rdpPoissonGaussian(0.1, 1.5, 8);
    const epsilon = (steps: number) => steps * step + Math.log1p(-1 / 8) - Math.log(budget.delta * 8) / 7;
    expect(epsilon(count)).toBeLessThanOrEqual(3);
    expect(epsilon(count + 1)).toBeGreaterThan(3);
    expect(renyiFilter(budget, 1.5).admits(gaussian(1))).toBe(false); // an order at which δ alone is too dear
  });

  it("refuse what they can't bound before anything changes", () => {
    expect(() => concentratedFilter(budget).charge(sampledGaussian(0.1, 1))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
    expect(() => concentratedFilter(budget).charge(approximate(0.1, 1e-9))).toThrow(coded("TRB_DP_BUDGET_EXCEEDED")); // no δ was kept for it
    expect(() => renyiFilter(budget, 2.5).charge(discreteGaussianNoise(1, 0.1))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
    expect(() => renyiFilter(budget, 8).charge(approximate(0.1, 1e-9))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
    expect(() => budgetFilter("zcdp", budget).charge(sampledGaussian(0.1, 1))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
    expect(() => concentratedFilter({ ...budget, epsilon: 0 })).toThrow(coded("TRB_DP_EPSILON_INVALID"));
    expect(() => renyiFilter({ ...budget, delta: 1 }, 8)).toThrow(coded("TRB_DP_DELTA_INVALID"));
    expect(() => renyiFilter(budget, 1)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => concentratedFilter(budget, 1e-6)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => budgetFilter("pld", { ...budget, epsilon: Number.NaN })).toThrow(coded("TRB_DP_EPSILON_INVALID"));
  });
});

describe("the odometer", () => {
  it("costs more than one look at the end, less than twice as much near what was expected, and only grows", () => {
    let odometer = concentratedOdometer(1e-6, 0.5);
    expect(odometer.epsilon).toBe(0);
    for (let i = 1; i <= 20; i++) {
      const before = odometer.epsilon;
      odometer = odometer.charge(i % 2 === 0 ? gaussian(4) : laplace(4)); // ρ = 1/32 each
      expect(odometer.epsilon).toBeGreaterThan(before);
      const once = epsilonFromZcdp(i / 32, 1e-6).epsilon;
      expect(odometer.epsilon).toBeGreaterThan(once);
      if (i > 8) expect(odometer.epsilon).toBeLessThan(1.5 * once);
    }
  });

  it("holds at all moments: a random walk of losses passes its boundary with probability at most δ", () => {
    // Gaussian releases: the loss is a walk with mean ρ and variance 2ρ a step. 4000 walks of 200 steps at δ = .05.
    let state = 20241124;
    const uniform = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const rho = 0.01;
    const boundary: number[] = [];
    for (let i = 0, odometer = concentratedOdometer(0.05, 0.5); i < 200; i++) {
      odometer = odometer.charge(concentrated(rho));
      boundary.push(odometer.epsilon);
    }
    let passed = 0;
    const walks = 4000;
    for (let walk = 0; walk < walks; walk++) {
      for (let i = 0, loss = 0; i < 200; i++) {
        loss += rho + Math.sqrt(2 * rho) * normal();
        if (loss > (boundary[i] as number)) {
          passed++;
          break;
        }
      }
    }
    // the seed is fixed; at probability .05 more than 300 of 4000 have chance 1e-11
    expect(passed).toBeLessThan(300);
    expect(passed).toBeGreaterThan(5); // and it is no wall far away
  });

  it("refuses sampling, a δ of its own, and bad input", () => {
    expect(() => concentratedOdometer(1e-6).charge(sampledGaussian(0.1, 1))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
    expect(() => concentratedOdometer(1e-6).charge(approximate(0.1, 1e-9))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
    expect(() => concentratedOdometer(0)).toThrow(coded("TRB_DP_DELTA_INVALID"));
    expect(() => concentratedOdometer(1e-6, 0)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
  });
});

describe("larger units", () => {
  /** exp((α − 1)·divergence) of sums in which `shifts` has the probabilities of the group's shift, by quadrature. */
  const divergences = (shifts: readonly number[], sigma: number, order: number) => {
    const ratio = (x: number) => shifts.reduce((sum, p, j) => sum + p * Math.exp((j * x - (j * j) / 2) / sigma ** 2), 0);
    const at = (power: number) => {
      let sum = 0;
      for (let x = -30; x <= 60; x += 0.002) sum += 0.002 * Math.exp(-(x * x) / (2 * sigma ** 2)) * ratio(x) ** power;
      return Math.log(sum / (sigma * Math.sqrt(2 * Math.PI))) / (order - 1);
    };
    return { remove: at(order), add: at(1 - order) };
  };

  it("k = 3 merchants, q = .1, z = 1.5, order 4: the truth is .0618 to add, a shift by 3 all or nothing says .0572, we charge .487", () => {
    const [k, q, z, order] = [3, 0.1, 1.5, 4];
    const binomial = [0.729, 0.243, 0.027, 0.001];
    const truth = divergences(binomial, z, order);
    const together = divergences([0.9, 0, 0, 0.1], z, order);
    expect(truth.add).toBeCloseTo(0.0618, 4);
    expect(together.add).toBeCloseTo(0.0572, 4); // too little: no bound
    const charged = account("rdp-integer").add(forGroup(sampledGaussian(q, z), k)).releases;
    expect(charged).toEqual([{ event: { kind: "gaussian", samplingRate: q, noiseMultiplier: z / Math.sqrt(3) }, count: 3 }]);
    const ours = 3 * rdpPoissonGaussian(q, z / Math.sqrt(3), order);
    expect(ours).toBeCloseTo(0.4866, 4);
    expect(ours).toBeGreaterThan(Math.max(truth.add, truth.remove));
  });

  it("covers both directions of the truth at other parameters too", () => {
    for (const [k, q, z] of [
      [2, 0.3, 2],
      [3, 0.05, 3],
      [5, 0.5, 4],
    ] as const) {
      const binomial = Array.from({ length: k + 1 }, (_, j) => choose(k, j) * q ** j * (1 - q) ** (k - j));
      for (const order of [2, 5]) {
        const { remove, add } = divergences(binomial, z, order);
        expect(k * rdpPoissonGaussian(q, z / Math.sqrt(k), order)).toBeGreaterThan(Math.max(remove, add));
      }
    }
  });

  it("without sampling: sensitivity times k, ρ times k²; splitting the noise says the same", () => {
    const three = account("gdp").add(forGroup(gaussian(6), 3));
    expect(three.releases).toEqual([{ event: { kind: "gaussian", samplingRate: 1, noiseMultiplier: 2 }, count: 1 }]);
    expect(
      relative(
        three.epsilon(1e-6).epsilon,
        account("gdp")
          .add(gaussian(6 / Math.sqrt(3)), 3)
          .epsilon(1e-6).epsilon,
      ),
    ).toBeLessThan(1e-12);
    expect(account("zcdp").add(forGroup(concentrated(0.1), 4)).releases).toMatchObject([{ event: { rho: 1.6 } }]);
    expect(
      account("approximate")
        .add(forGroup(laplace(8), 4))
        .epsilon(1e-9).epsilon,
    ).toBeCloseTo(0.5, 7);
  });

  it("(ε, δ): kε and δ·Σ e^{iε}; a group of one is a customer; trees and compositions follow", () => {
    const [release] = account("pld").add(forGroup(approximate(0.5, 1e-8), 3)).releases;
    expect(release?.event).toMatchObject({ kind: "approximate", epsilon: 1.5 });
    expect(release?.event.kind === "approximate" ? release.event.delta : 0).toBeCloseTo(
      1e-8 * (1 + Math.exp(0.5) + Math.exp(1)),
      20,
    );
    const event = sampledGaussian(0.1, 2);
    expect(account("rdp").add(forGroup(event, 1)).epsilon(1e-6).epsilon).toBe(account("rdp").add(event).epsilon(1e-6).epsilon);
    const tree: PrivacyEvent = { kind: "tree", noiseMultiplier: 10, steps: 100 };
    expect(
      relative(
        account("zcdp").add(forGroup(tree, 2)).epsilon(1e-6).epsilon,
        account("zcdp").add(tree, 4).epsilon(1e-6).epsilon,
      ),
    ).toBeLessThan(1e-9);
  });

  it("a node: ρ = cap/2z²", () => {
    const { epsilon } = account("zcdp")
      .add(nodeUnit({ noiseMultiplier: 5, cap: 12 }))
      .epsilon(1e-6);
    expect(epsilon).toBe(epsilonFromZcdp(12 / 50, 1e-6).epsilon);
  });

  it("bad input", () => {
    for (const size of [0, -1, 1.5, Number.NaN])
      expect(() => forGroup(gaussian(1), size)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => forGroup(approximate(1, 1e-3), 20)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => nodeUnit({ noiseMultiplier: 0, cap: 1 })).toThrow(coded("TRB_DP_NOISE_MULTIPLIER_INVALID"));
    expect(() => nodeUnit({ noiseMultiplier: 1, cap: 0.5 })).toThrow(coded("TRB_DP_STEPS_INVALID"));
  });
});

const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
