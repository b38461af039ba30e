/** What every accountant must keep, whatever it can bound. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AccountantName, account, accountantNames } from "./account.ts";
import {
  approximate,
  composed,
  concentrated,
  discreteGaussianNoise,
  gaussian,
  integerGaussian,
  laplace,
  latticeGaussian,
  type PrivacyEvent,
  repeated,
  sampledGaussian,
} from "./events.ts";
import { gaussianEpsilon } from "./gaussian-dp.ts";
import { coded, long, patience } from "./testing.test-support.ts";

/** A kind of event by how much it costs: `cost` from 0 (little) to 1 (much), growing in each of two parameters. */
interface Kind {
  readonly name: string;
  readonly bounded: readonly AccountantName[];
  readonly at: (first: number, second: number) => PrivacyEvent;
}

const noise = (cost: number) => 1 / (0.05 + 1.2 * cost); // z from 20 down to 0.8
const kinds: readonly Kind[] = [
  { name: "gaussian", bounded: ["rdp-integer", "rdp", "pld", "zcdp", "gdp"], at: (a) => gaussian(noise(a)) },
  {
    name: "sampled gaussian",
    bounded: ["rdp-integer", "rdp", "pld"],
    at: (a, b) => sampledGaussian(0.001 + 0.3 * b, noise(a)),
  },
  { name: "discrete gaussian", bounded: ["rdp-integer", "rdp", "zcdp"], at: (a) => discreteGaussianNoise(noise(a)) },
  {
    name: "sampled discrete gaussian",
    bounded: ["rdp-integer"],
    at: (a, b) => discreteGaussianNoise(noise(a), 0.001 + 0.3 * b),
  },
  {
    name: "integer gaussian",
    bounded: ["rdp-integer", "rdp", "pld", "zcdp"],
    at: (a, b) => integerGaussian({ variance: (3 * noise(a)) ** 2, sensitivity: 1 + Math.floor(3 * b) }),
  },
  {
    name: "sampled integer gaussian",
    bounded: ["rdp-integer", "pld"],
    at: (a, b) => integerGaussian({ variance: (3 * noise(a)) ** 2, sensitivity: 3, samplingRate: 0.001 + 0.3 * b }),
  },
  {
    name: "lattice gaussian",
    bounded: ["rdp-integer", "rdp", "lattice", "zcdp"],
    at: (a, b) =>
      latticeGaussian({ noiseMultiplier: noise(a), deviation: 30 + 1000 * (1 - b), touched: 1 + Math.floor(100 * b) }),
  },
  {
    name: "sampled lattice gaussian",
    bounded: ["rdp-integer"],
    at: (a, b) => latticeGaussian({ noiseMultiplier: noise(a), deviation: 300, touched: 5, samplingRate: 0.001 + 0.3 * b }),
  },
  { name: "laplace", bounded: ["rdp-integer", "rdp", "pld", "zcdp", "approximate"], at: (a) => laplace(noise(a)) },
  { name: "pure", bounded: ["rdp-integer", "rdp", "pld", "zcdp", "approximate"], at: (a) => approximate(0.01 + a) },
  { name: "approximate", bounded: ["pld", "approximate"], at: (a, b) => approximate(0.01 + a, 1e-9 + 1e-8 * b) },
  { name: "zcdp", bounded: ["rdp-integer", "rdp", "zcdp"], at: (a) => concentrated(0.001 + a) },
  {
    name: "tree",
    bounded: ["rdp-integer", "rdp", "pld", "zcdp", "gdp"],
    at: (a, b) => ({
      kind: "tree",
      noiseMultiplier: 6 * noise(a),
      steps: 40,
      participations: 1 + Math.floor(3 * b),
      minSeparation: 5,
    }),
  },
  {
    name: "banded",
    bounded: ["rdp-integer", "rdp", "pld", "zcdp", "gdp"],
    at: (a, b) => ({
      kind: "banded",
      noiseMultiplier: 6 * noise(a),
      steps: 40,
      bands: 8,
      participations: 1 + Math.floor(3 * b),
    }),
  },
  {
    name: "amplified banded",
    bounded: ["rdp-integer", "rdp", "pld"],
    at: (a, b) => ({ kind: "banded", noiseMultiplier: 3 * noise(a), steps: 40, bands: 8, groupSamplingRate: 0.01 + 0.3 * b }),
  },
];

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const deltas = fc.constantFrom(1e-3, 1e-5, 1e-6);

for (const name of accountantNames) {
  // a coarse grid: what must hold has to hold on any
  const empty = account(name, name === "pld" ? { interval: 1e-3 } : {});
  const slack = 1e-7;
  const runs = (normal: number) => ({ numRuns: long ? 40 * normal : normal });

  describe(`the accountant ${name}`, () => {
    it("nothing costs nothing", () => {
      expect(empty.epsilon(1e-6)).toMatchObject({ epsilon: 0, delta: 1e-6 });
      expect(empty.delta(0).delta).toBe(0);
      const nothing = composed(
        { kind: "nothing" },
        repeated(gaussian(1), 0),
        sampledGaussian(0, 1),
        approximate(0),
        concentrated(0),
      );
      expect(empty.add(nothing).releases).toEqual([]);
    });

    for (const kind of kinds) {
      if (!kind.bounded.includes(name)) {
        it(`refuses ${kind.name} before anything changes`, () => {
          const spendable = kinds.find(({ bounded }) => bounded.includes(name)) as Kind;
          const spent = empty.add(spendable.at(0.5, 0.5));
          const before = spent.epsilon(1e-6);
          expect(() => spent.add(composed(spendable.at(0.1, 0.1), kind.at(0.5, 0.5)))).toThrow(
            coded("TRB_DP_EVENT_UNSUPPORTED"),
          );
          expect(spent.epsilon(1e-6)).toEqual(before);
        });
        continue;
      }

      it(
        `${kind.name}: monotone in every argument, and pieces compose to the whole`,
        () => {
          fc.assert(
            fc.property(unit, unit, unit, fc.integer({ min: 1, max: 12 }), deltas, (a, b, more, count, delta) => {
              const epsilonOf = (event: PrivacyEvent, steps: number, d: number = delta) =>
                empty.add(event, steps).epsilon(d).epsilon;
              const event = kind.at(a, b);
              const epsilon = epsilonOf(event, count);
              const least = epsilon * (1 - slack) - slack;
              expect(epsilonOf(kind.at(a + more * (1 - a), b), count)).toBeGreaterThanOrEqual(least);
              expect(epsilonOf(kind.at(a, b + more * (1 - b)), count)).toBeGreaterThanOrEqual(least);
              expect(epsilonOf(event, count + 1)).toBeGreaterThanOrEqual(least);
              expect(epsilonOf(event, count, delta / 2)).toBeGreaterThanOrEqual(least);
              expect(empty.add(event, count).add(kind.at(more, b)).epsilon(delta).epsilon).toBeGreaterThanOrEqual(least);

              const spent = empty.add(event, count);
              const inPieces = empty.add(event).add(composed(repeated(event, count)), 1);
              expect(inPieces.epsilon(delta)).toEqual(empty.add(event, count + 1).epsilon(delta));
              // ε(δ) and δ(ε) are one curve
              const { delta: back } = spent.delta(epsilon);
              expect(back).toBeLessThanOrEqual(delta * (1 + 1e-4));
              expect(spent.delta(epsilon + 0.1).delta).toBeLessThanOrEqual(back * (1 + slack));
            }),
            runs(name === "pld" ? 2 : 6),
          );
        },
        patience,
      );
    }

    it("never below the exact bound of Gaussian noise, when it bounds that at all", () => {
      if (name === "approximate") return expect(() => empty.add(gaussian(1))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
      const once = (z: number) =>
        name === "lattice" ? latticeGaussian({ noiseMultiplier: z, deviation: 1e5, touched: 9 }) : gaussian(z);
      fc.assert(
        fc.property(unit, fc.integer({ min: 1, max: name === "lattice" ? 20 : 1000 }), deltas, (a, count, delta) => {
          const { epsilon, lower } = empty.add(once(noise(a)), count).epsilon(delta);
          const exact = gaussianEpsilon(Math.sqrt(count) / noise(a), delta);
          expect(epsilon).toBeGreaterThanOrEqual(exact * (1 - 1e-12));
          if (lower !== null) expect(lower).toBeLessThanOrEqual(exact * (1 + 1e-12));
        }),
        runs(50),
      );
    });

    it("bad input is a coded error, never a number", () => {
      const event = (kinds.find(({ bounded }) => bounded.includes(name)) as Kind).at(0.5, 0.5);
      const spent = empty.add(event);
      for (const delta of [0, 1, -1e-5, 1.5, Number.NaN])
        expect(() => spent.epsilon(delta)).toThrow(coded("TRB_DP_DELTA_INVALID"));
      for (const epsilon of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => spent.delta(epsilon)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
      }
      for (const count of [-1, 0.5, Number.NaN, 2 ** 60])
        expect(() => spent.add(event, count)).toThrow(coded("TRB_DP_STEPS_INVALID"));
      const hopeless: PrivacyEvent[] = [gaussian(1e-200), sampledGaussian(0.5, 1e-200), laplace(1e-320)];
      for (const bad of hopeless) {
        const tried = () => empty.add(bad).epsilon(1e-6);
        expect(codeOf(tried)).toMatch(/^TRB_DP_(EPSILON_UNBOUNDED|EVENT_UNSUPPORTED)$/);
      }
    });
  });
}

const codeOf = (run: () => unknown): string => {
  try {
    return JSON.stringify(run());
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
};

describe("accountants beside each other", () => {
  it(
    "PLD is at most Rényi, and not below its own lower bound, at 200 random parameter sets",
    () => {
      const sets = fc
        .record({
          q: fc.double({ min: Math.log(1e-3), max: 0, noNaN: true }),
          z: fc.double({ min: Math.log(0.5), max: Math.log(10), noNaN: true }),
          steps: fc.double({ min: 0, max: Math.log(3000), noNaN: true }),
          delta: fc.constantFrom(1e-9, 1e-6, 1e-5, 1e-3),
        })
        .map(({ q, z, steps, delta }) => ({ q: Math.exp(q), z: Math.exp(z), steps: Math.round(Math.exp(steps)), delta }));
      fc.assert(
        fc.property(sets, ({ q, z, steps, delta }) => {
          const event = sampledGaussian(q, z);
          const rdp = account("rdp").add(event, steps).epsilon(delta);
          const interval = Math.min(0.1, Math.max(1e-5, rdp.epsilon / 1000));
          const pld = account("pld", long ? {} : { interval })
            .add(event, steps)
            .epsilon(delta);
          const integer = account("rdp-integer").add(event, steps).epsilon(delta);
          expect(pld.epsilon).toBeLessThanOrEqual(rdp.epsilon + 1e-9);
          expect(pld.lower).toBeLessThanOrEqual(pld.epsilon);
          expect(rdp.epsilon).toBeLessThanOrEqual(integer.epsilon * (1 + 1e-10));
        }),
        { numRuns: long ? 2000 : 200 },
      );
    },
    patience,
  );
});

it("the lattice accountant is between the exact curve of continuous noise and both of Rényi's, at random releases of sum queries", () => {
  const release = fc.record({
    noiseMultiplier: fc.double({ min: 0.6, max: 40, noNaN: true }),
    deviation: fc.double({ min: 1e5, max: 1e7, noNaN: true }),
    touched: fc.integer({ min: 1, max: 4096 }),
    count: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(release, { minLength: 1, maxLength: 4 }), deltas, (releases, delta) => {
      const spentBy = (name: AccountantName) =>
        releases.reduce((sum, { count, ...of }) => sum.add(latticeGaussian(of), count), account(name)).epsilon(delta).epsilon;
      const mu = Math.sqrt(releases.reduce((sum, { noiseMultiplier, count }) => sum + count / noiseMultiplier ** 2, 0));
      const [lattice, exact] = [spentBy("lattice"), gaussianEpsilon(mu, delta)];
      expect(lattice).toBeGreaterThanOrEqual(exact);
      expect(lattice).toBeLessThanOrEqual(exact * (1 + 1e-5) + 1e-6);
      for (const name of ["rdp", "rdp-integer"] as const) expect(lattice).toBeLessThan(spentBy(name));
    }),
    { numRuns: 200 },
  );
});

describe("events", () => {
  it.each<[string, () => unknown]>([
    ["TRB_DP_NOISE_MULTIPLIER_INVALID", () => gaussian(0)],
    ["TRB_DP_NOISE_MULTIPLIER_INVALID", () => laplace(Number.NaN)],
    ["TRB_DP_NOISE_MULTIPLIER_INVALID", () => discreteGaussianNoise(-1)],
    ["TRB_DP_SAMPLING_RATE_INVALID", () => sampledGaussian(1.01, 1)],
    ["TRB_DP_SAMPLING_RATE_INVALID", () => discreteGaussianNoise(1, Number.NaN)],
    ["TRB_DP_PARAMETER_INVALID", () => latticeGaussian({ noiseMultiplier: 1, deviation: 3.9, touched: 1 })],
    ["TRB_DP_PARAMETER_INVALID", () => latticeGaussian({ noiseMultiplier: 1, deviation: 4, touched: 1.5 })],
    ["TRB_DP_SAMPLING_RATE_INVALID", () => latticeGaussian({ noiseMultiplier: 1, deviation: 4, touched: 1, samplingRate: 2 })],
    ["TRB_DP_PARAMETER_INVALID", () => approximate(-1)],
    ["TRB_DP_PARAMETER_INVALID", () => approximate(1, 1)],
    ["TRB_DP_PARAMETER_INVALID", () => concentrated(Number.POSITIVE_INFINITY)],
    ["TRB_DP_STEPS_INVALID", () => repeated(gaussian(1), 1.5)],
    ["TRB_DP_STEPS_INVALID", () => repeated(repeated(gaussian(1), 2 ** 40), 2 ** 40)],
    ["TRB_DP_PARAMETER_INVALID", () => composed({ kind: "magic" } as unknown as PrivacyEvent)],
    ["TRB_DP_PARAMETER_INVALID", () => account("moments" as AccountantName)],
    ["TRB_DP_PARAMETER_INVALID", () => account("pld", { interval: 0 })],
  ])("%s", (code, run) => {
    expect(run).toThrow(coded(code));
  });
});
