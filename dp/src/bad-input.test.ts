/**
 * Every public function that takes a number which decides privacy: a bad one is a coded error, never a number that looks like an answer.
 */
import { isTributaryError } from "@tributary/errors";
import { describe, expect, it } from "vitest";
import * as dp from "./index.ts";
import { seededSource } from "./sampling/seeded-source.ts";

const { NaN: none, POSITIVE_INFINITY: infinity } = Number;

/** What each kind of number can't be. */
const bad = {
  delta: [0, 1, -1e-6, 1.5, none],
  /** A δ of one release, or of an audit, which may be 0. */
  ownDelta: [1, -1e-6, none],
  target: [0, -1, none, infinity],
  fromZero: [-1, none, infinity],
  finite: [none, infinity],
  noise: [0, -1, none, infinity],
  rate: [-0.1, 1.1, none],
  steps: [-1, 1.5, none, 2 ** 60],
  count: [0, -1, 1.5, none],
  sensitivity: [0, -1, none, infinity],
  wholeSensitivity: [0, -1, 1.5, none],
  share: [0, 1, -0.5, none],
  order: [1, 0, none, 1.5],
  decimal: ["0", "-1", "NaN", "", "1/0", "Infinity"],
  decimalDelta: ["0", "1", "-1e-6", "NaN", "2"],
  decimalRate: ["-0.1", "1.01", "NaN"],
} as const;
type Kind = keyof typeof bad;

interface Subject<Arguments> {
  readonly good: Arguments;
  readonly kinds: { readonly [Name in keyof Arguments]?: Kind };
  readonly call: (values: Arguments) => unknown;
}
const subject = <Arguments extends object>(
  good: Arguments,
  kinds: Subject<Arguments>["kinds"],
  call: Subject<Arguments>["call"],
): Subject<Record<string, unknown>> => ({ good, kinds, call }) as unknown as Subject<Record<string, unknown>>;

const random = seededSource(1);
const sampled = { samplingRate: 0.1, noiseMultiplier: 1, steps: 10 };
const sampledKinds = { samplingRate: "rate", noiseMultiplier: "noise", steps: "steps" } as const;
const target = { accountant: "rdp-integer", epsilon: 2, delta: 1e-5 } as const;
const targetKinds = { epsilon: "target", delta: "delta" } as const;
const tree = { steps: 8, participations: 2, minSeparation: 2 };
const treeKinds = { steps: "count", participations: "count", minSeparation: "count" } as const;
const run = { steps: 4, dimension: 2, sensitivity: "1", noiseMultiplier: "1", participations: 1, minSeparation: 4 };
const runKinds = {
  ...treeKinds,
  ...({ dimension: "count", sensitivity: "decimal", noiseMultiplier: "decimal" } as const),
};
const plan = {
  ...{ arithmetic: "exact", clipNorm: "1", scale: "1000", fractionBits: 8, dimension: 4, touched: 4, samplingRate: "0.5" },
  ...{ noiseMultiplier: "1", minCohort: 3, maxCorrupt: 1, customerQuota: 8, maxMerchantsPerCustomer: 2 },
} as const satisfies dp.SumQueryPlan;
const additive = { sensitivity: "1", noiseMultiplier: "1" };
const one = new Float64Array([3]);

const subjects: Readonly<Record<string, Subject<Record<string, unknown>>>> = {
  epsilonOf: subject({ ...sampled, delta: 1e-5 }, { ...sampledKinds, delta: "delta" }, dp.epsilonOf),
  epsilonOfAll: subject({ ...sampled, delta: 1e-5 }, { ...sampledKinds, delta: "delta" }, (x) => dp.epsilonOfAll([x], x.delta)),
  rdpVector: subject(sampled, sampledKinds, (x) => dp.rdpVector(x)),
  "rdpVector's orders": subject({ order: 4 }, { order: "order" }, ({ order }) => dp.rdpVector(sampled, [order])),
  rdpPoissonGaussian: subject(
    { samplingRate: 0.1, noiseMultiplier: 1, order: 4 },
    { samplingRate: "rate", noiseMultiplier: "noise", order: "order" },
    (x) => dp.rdpPoissonGaussian(x.samplingRate, x.noiseMultiplier, x.order),
  ),
  rdpFractional: subject(
    { samplingRate: 0.1, noiseMultiplier: 1, order: 2.5 },
    { samplingRate: "rate", noiseMultiplier: "noise" },
    (x) => dp.rdpFractional(x.samplingRate, x.noiseMultiplier, x.order),
  ),
  epsilonFromRdp: subject({ delta: 1e-5 }, { delta: "delta" }, ({ delta }) => dp.epsilonFromRdp([2, 3], [1, 2], delta)),
  calibrateNoise: subject(
    { ...sampled, ...target },
    { ...targetKinds, samplingRate: "rate", steps: "count" },
    dp.calibrateNoise,
  ),
  noiseFor: subject(target, targetKinds, (x) => dp.noiseFor(x, dp.gaussian)),
  stepsFor: subject(target, targetKinds, (x) => dp.stepsFor(x, dp.gaussian(9))),
  samplingRateFor: subject(
    { ...target, noiseMultiplier: 1, steps: 10 },
    { ...targetKinds, noiseMultiplier: "noise", steps: "steps" },
    (x) => dp.samplingRateFor(x, x),
  ),
  gaussian: subject({ z: 1 }, { z: "noise" }, ({ z }) => dp.gaussian(z)),
  sampledGaussian: subject({ q: 0.1, z: 1 }, { q: "rate", z: "noise" }, ({ q, z }) => dp.sampledGaussian(q, z)),
  discreteGaussianNoise: subject({ q: 0.1, z: 1 }, { q: "rate", z: "noise" }, ({ q, z }) => dp.discreteGaussianNoise(z, q)),
  integerGaussian: subject(
    { variance: 4, sensitivity: 1, samplingRate: 0.5 },
    { variance: "noise", sensitivity: "wholeSensitivity", samplingRate: "rate" },
    dp.integerGaussian,
  ),
  laplace: subject({ z: 1 }, { z: "noise" }, ({ z }) => dp.laplace(z)),
  approximate: subject({ e: 1, d: 1e-6 }, { e: "fromZero", d: "ownDelta" }, ({ e, d }) => dp.approximate(e, d)),
  concentrated: subject({ rho: 1 }, { rho: "fromZero" }, ({ rho }) => dp.concentrated(rho)),
  repeated: subject({ count: 3 }, { count: "steps" }, ({ count }) => dp.repeated(dp.gaussian(1), count)),
  noiseMultiplierOf: subject(
    { deviation: 2, sensitivity: 1 },
    { deviation: "noise", sensitivity: "sensitivity" },
    dp.noiseMultiplierOf,
  ),
  forGroup: subject({ size: 2 }, { size: "count" }, ({ size }) => dp.forGroup(dp.gaussian(1), size)),
  nodeUnit: subject({ noiseMultiplier: 1, cap: 3 }, { noiseMultiplier: "noise", cap: "steps" }, dp.nodeUnit),
  atSeveralMerchants: subject({ ...sampled, k: 2 }, { ...sampledKinds, k: "count" }, (x) => dp.atSeveralMerchants(x, x.k)),
  sampledRdp: subject({ q: 0.1, order: 4 }, { q: "rate", order: "order" }, ({ q, order }) => dp.sampledRdp(() => 1, q, order)),
  treeSensitivity: subject(tree, treeKinds, dp.treeSensitivity),
  bandedSensitivity: subject({ ...tree, bands: 2 }, { ...treeKinds, bands: "count" }, dp.bandedSensitivity),
  toeplitzCoefficients: subject({ bands: 3 }, { bands: "count" }, ({ bands }) => dp.toeplitzCoefficients(bands)),
  gaussianDelta: subject({ mu: 1, e: 1 }, { mu: "fromZero", e: "finite" }, ({ mu, e }) => dp.gaussianDelta(mu, e)),
  gaussianEpsilon: subject({ mu: 1, delta: 1e-5 }, { mu: "fromZero", delta: "delta" }, (x) =>
    dp.gaussianEpsilon(x.mu, x.delta),
  ),
  gaussianMu: subject({ e: 1, delta: 1e-5 }, { e: "fromZero", delta: "delta" }, ({ e, delta }) => dp.gaussianMu(e, delta)),
  gaussianLimitMu: subject(sampled, sampledKinds, dp.gaussianLimitMu),
  epsilonFromZcdp: subject({ rho: 1, delta: 1e-5 }, { rho: "fromZero", delta: "delta" }, (x) =>
    dp.epsilonFromZcdp(x.rho, x.delta),
  ),
  deltaFromZcdp: subject({ rho: 1, e: 1 }, { rho: "fromZero", e: "fromZero" }, ({ rho, e }) => dp.deltaFromZcdp(rho, e)),
  rhoFor: subject({ e: 1, delta: 1e-5 }, { e: "target", delta: "delta" }, ({ e, delta }) => dp.rhoFor(e, delta)),
  rhoOfExponential: subject({ e: 1 }, { e: "fromZero" }, ({ e }) => dp.rhoOfExponential(e)),
  composeApproximate: subject(
    { epsilon: 0.1, delta: 1e-8, count: 3, total: 1e-5 },
    { epsilon: "fromZero", delta: "ownDelta", count: "steps", total: "delta" },
    ({ total, ...release }) => dp.composeApproximate([release], total),
  ),
  optimalDelta: subject(
    { each: 0.1, count: 3, e: 0.1 },
    { each: "fromZero", count: "steps", e: "fromZero" },
    ({ each, count, e }) => dp.optimalDelta(each, count, e),
  ),
  discreteGaussianDelta: subject(
    { variance: 4, sensitivity: 1, epsilon: 1 },
    { variance: "noise", sensitivity: "wholeSensitivity", epsilon: "fromZero" },
    dp.discreteGaussianDelta,
  ),
  discreteGaussianTail: subject({ variance: 4 }, { variance: "noise" }, ({ variance }) => dp.discreteGaussianTail(variance, 2)),
  analyticGaussianDeviation: subject(
    { epsilon: 1, delta: 1e-5, sensitivity: 1 },
    { epsilon: "fromZero", delta: "delta", sensitivity: "sensitivity" },
    dp.analyticGaussianDeviation,
  ),
  calibrateDiscreteGaussian: subject(
    { epsilon: 1, delta: 1e-5, sensitivity: 1 },
    { epsilon: "fromZero", delta: "delta", sensitivity: "wholeSensitivity" },
    dp.calibrateDiscreteGaussian,
  ),
  budgetFilter: subject({ epsilon: 1, delta: 1e-5 }, targetKinds, (x) => dp.budgetFilter("rdp", x)),
  concentratedFilter: subject({ epsilon: 1, delta: 1e-5 }, targetKinds, (x) => dp.concentratedFilter(x)),
  renyiFilter: subject({ epsilon: 1, delta: 1e-5 }, targetKinds, (x) => dp.renyiFilter(x, 4)),
  concentratedOdometer: subject({ delta: 1e-5, rho: 1 }, { delta: "delta", rho: "target" }, (x) =>
    dp.concentratedOdometer(x.delta, x.rho),
  ),
  profileEpsilons: subject({ delta: 1e-5, points: 5 }, { delta: "delta", points: "count" }, ({ delta, points }) =>
    dp.profileEpsilons(dp.account("gdp").add(dp.gaussian(1)), delta, points),
  ),
  distributedGaussianRdp: subject(
    { nodes: 3, nodeVariance: 16, sensitivity: 1, dimension: 2 },
    { nodes: "count", nodeVariance: "noise", sensitivity: "sensitivity", dimension: "count" },
    (x) => dp.distributedGaussianRdp(x),
  ),
  skellamRdp: subject(
    { nodes: 3, nodeVariance: 16, sensitivity: 1, dimension: 2 },
    { nodes: "count", nodeVariance: "noise", sensitivity: "sensitivity", dimension: "count" },
    (x) => dp.skellamRdp(x),
  ),
  discreteGaussianMechanism: subject(additive, { sensitivity: "decimal", noiseMultiplier: "decimal" }, (x) =>
    dp.discreteGaussianMechanism(one, x, random),
  ),
  gaussianMechanism: subject(additive, { sensitivity: "decimal", noiseMultiplier: "decimal" }, (x) =>
    dp.gaussianMechanism(one, x, random),
  ),
  discreteLaplaceMechanism: subject({ sensitivity: "1", epsilon: "1" }, { sensitivity: "decimal", epsilon: "decimal" }, (x) =>
    dp.discreteLaplaceMechanism(one, x, random),
  ),
  laplaceMechanism: subject({ sensitivity: "1", epsilon: "1" }, { sensitivity: "decimal", epsilon: "decimal" }, (x) =>
    dp.laplaceMechanism(one, x, random),
  ),
  exponentialMechanism: subject({ sensitivity: "1", epsilon: "1" }, { sensitivity: "decimal", epsilon: "decimal" }, (x) =>
    dp.exponentialMechanism([1, 2], x, random),
  ),
  permuteAndFlip: subject({ sensitivity: "1", epsilon: "1" }, { sensitivity: "decimal", epsilon: "decimal" }, (x) =>
    dp.permuteAndFlip([1, 2], x, random),
  ),
  privateQuantile: subject(
    { quantile: [1, 2] as const, lower: 0, upper: 1, steps: 4, epsilon: "1" },
    { lower: "finite", upper: "sensitivity", steps: "count", epsilon: "decimal" },
    (x) => dp.privateQuantile(one, x, random),
  ),
  privateMoments: subject(
    { lower: 0, upper: 1, noiseMultiplier: "1" },
    { upper: "sensitivity", noiseMultiplier: "decimal" },
    (x) => dp.privateMoments(one, x, random),
  ),
  selectPartitions: subject(
    { epsilon: "1", delta: "1e-6", maxPartitions: 2 },
    { epsilon: "decimal", delta: "decimalDelta", maxPartitions: "count" },
    (x) => dp.selectPartitions(new Map([["a", 3]]), x, random),
  ),
  thresholdPartitions: subject(
    { noiseMultiplier: "1", delta: "1e-6", maxPartitions: 2 },
    { noiseMultiplier: "decimal", delta: "decimalDelta", maxPartitions: "count" },
    (x) => dp.thresholdPartitions(new Map([["a", 3]]), x, random),
  ),
  treeSums: subject(run, runKinds, (x) => dp.treeSums(x, random)),
  bandedNoise: subject({ ...run, bands: 2 }, { ...runKinds, bands: "count" }, (x) => dp.bandedNoise(x, random)),
  multiplierBesideCount: subject({ z: "1", count: "10" }, { z: "decimal", count: "decimal" }, (x) =>
    dp.multiplierBesideCount(x.z, x.count),
  ),
  sumQueryParameters: subject(
    plan as dp.SumQueryPlan,
    {
      ...{ clipNorm: "decimal", scale: "decimal", samplingRate: "decimalRate", noiseMultiplier: "decimal" },
      ...{ dimension: "count", touched: "count", minCohort: "count", maxCorrupt: "steps", customerQuota: "count" },
      ...{ maxMerchantsPerCustomer: "count", fractionBits: "steps" },
    },
    dp.sumQueryParameters,
  ),
  chooseScale: subject(
    { totalQuota: 100, clipNorm: "1", noiseMultiplier: "1", dimension: 4, maxNodes: 4, honestMinimum: 2 },
    {
      ...{ totalQuota: "count", clipNorm: "decimal", noiseMultiplier: "decimal", dimension: "count" },
      ...{ maxNodes: "count", honestMinimum: "count" },
    },
    dp.chooseScale,
  ),
  poissonSample: subject({ customers: 5 }, { customers: "steps" }, ({ customers }) =>
    dp.poissonSample(customers, dp.parseRational("0.5"), random),
  ),
  fastDiscreteGaussian: subject({ v: "1" }, { v: "decimal" }, ({ v }) => dp.fastDiscreteGaussian(dp.parseRational(v), random)),
  fastDiscreteLaplace: subject({ v: "1" }, { v: "decimal" }, ({ v }) => dp.fastDiscreteLaplace(dp.parseRational(v), random)),
  simulationGaussian: subject({ s: 1 }, { s: "noise" }, ({ s }) => dp.simulationGaussian(s, random)),
  oneRunEpsilon: subject(
    { canaries: 100, guesses: 50, correct: 40, delta: 1e-6, significance: 0.05 },
    { canaries: "count", guesses: "count", correct: "steps", delta: "ownDelta", significance: "share" },
    (x) => dp.oneRunEpsilon(x, x),
  ),
  clopperPearsonLower: subject({ error: 0.05 }, { error: "share" }, ({ error }) => dp.clopperPearsonLower(5, 10, error)),
  clopperPearsonUpper: subject({ error: 0.05 }, { error: "share" }, ({ error }) => dp.clopperPearsonUpper(5, 10, error)),
};

describe.each(Object.entries(subjects))("%s", (_, { good, kinds, call }) => {
  it("answers what is right", () => {
    expect(() => call(good)).not.toThrow();
  });

  const wrong = Object.entries(kinds).flatMap(([name, kind]) => bad[kind as Kind].map((value) => ({ name, value })));
  it.each(wrong)("refuses $name = $value", ({ name, value }) => {
    let answer: unknown;
    try {
      answer = call({ ...good, [name]: value });
    } catch (error) {
      expect(isTributaryError(error) ? error.code : error).toMatch(/^TRB_DP_/);
      return;
    }
    expect.unreachable(`answered ${String(answer)}`);
  });
});
