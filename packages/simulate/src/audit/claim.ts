/**
 * What a plan claims, as a whole curve: for an event of chance x on one input, its least chance on a neighbour. A plan's ε is one point of it,
 * by an accountant that rounds up; what refutes the curve refutes that noise, clipping and sampling were those of the plan.
 *
 *   q = 1   all rounds are one Gaussian release, μ² = Σ rounds/z²: discrete noise is told from it by nanonats (the accountant `lattice`)
 *   q < 1   δ(ε) of privacy loss distributions at many ε, each of which allows an event of chance x no less than (x − δ)·e^−ε and
 *           1 − δ − e^ε·(1 − x). It takes the noise as continuous, which with sampling is close but not proven.
 */
import {
  account,
  atSeveralMerchants,
  gaussianEpsilon,
  type LeastChance,
  leastChanceApproximate,
  leastChanceGaussian,
  sampledGaussian,
} from "@tributary/dp";
import { type Plan, parseDecimal, planCost } from "@tributary/protocol";

export interface ClaimedCurve {
  /** By the plan's own accountant, at the plan's δ: what customers are told. */
  readonly epsilon: number;
  readonly delta: number;
  /** Of the curve at the same δ; at most `epsilon` but for the grid. */
  readonly curveEpsilon: number;
  /** Whether nothing is gained by drawing customers. */
  readonly curve: "gaussian" | "privacy loss distribution";
  readonly leastChance: LeastChance;
}

/** Points of δ(ε) with sampling. */
const points = 24;
/** Nats: losses are rounded up to so much, which is little beside what so few canaries tell. */
const interval = 1e-3;
/** The curve ends where δ is this small: rarer events decide nothing among so few canaries. */
const leastDelta = 1e-9;

export function claimedCurve(plan: Plan): ClaimedCurve {
  const delta = parseDecimal(plan.delta);
  const { epsilon } = planCost(plan);
  const charged = plan.releases.map(({ samplingRate, noiseMultiplier, rounds }) =>
    atSeveralMerchants(
      { samplingRate: parseDecimal(samplingRate), noiseMultiplier: parseDecimal(noiseMultiplier), steps: rounds },
      plan.maxMerchantsPerCustomer,
    ),
  );
  if (charged.every(({ samplingRate }) => samplingRate === 1)) {
    const mu = Math.sqrt(charged.reduce((sum, { steps, noiseMultiplier }) => sum + steps / noiseMultiplier ** 2, 0));
    return {
      epsilon,
      delta,
      curveEpsilon: gaussianEpsilon(mu, delta),
      curve: "gaussian",
      leastChance: leastChanceGaussian(mu),
    };
  }
  const spent = charged.reduce(
    (sum, { samplingRate, noiseMultiplier, steps }) => sum.add(sampledGaussian(samplingRate, noiseMultiplier), steps),
    account("pld", { interval }),
  );
  const most = spent.epsilon(leastDelta).epsilon;
  const pieces = Array.from({ length: points }, (_, i) => (most * i) / (points - 1)).map((at) =>
    leastChanceApproximate(at, spent.delta(at).delta),
  );
  return {
    ...{ epsilon, delta, curveEpsilon: spent.epsilon(delta).epsilon, curve: "privacy loss distribution" },
    leastChance: (chance) => pieces.reduce((most, piece) => Math.max(most, piece(chance)), 0),
  };
}
