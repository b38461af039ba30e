/**
 * Discrete Gaussian noise on one whole number, which a customer moves by at most Δ, sampled with probability q or not. Here the dominating
 * pair is known: N_Z(0, σ²) with and without the largest move.
 *
 * Why Δ dominates every smaller move u, in either direction: likelihood ratios of a log-concave law are monotone, so the best event of
 * H_γ(N + u ‖ N) is a tail {x > t}, and P(N + u > t) − γ·P(N > t) grows with u. With sampling, for γ > 1 − q,
 *
 *   H_γ((1−q)N + q(N+u) ‖ N) = q·H_γ′(N+u ‖ N),             γ′ = 1 + (γ − 1)/q
 *   H_γ(N ‖ (1−q)N + q(N+u)) = (1 − γ(1−q))·H_γ″(N ‖ N+u),  γ″ = qγ/(1 − γ(1−q)),  for γ(1−q) < 1, and 0 beyond,
 *
 * which grow with u as well. Other customers' samples are conditioned on (H is jointly convex). Pairs compose: Zhu, Dong, Wang (2022).
 *
 * Losses lie at single points, one for each whole number. They go to the grid point by point; without sampling they are the multiples
 * (2y + Δ) of Δ/2σ², and a grid of these holds them exactly.
 */
import { discreteHockeyStick, massOf } from "../discrete-gaussian.ts";
import type { IntegerGaussianRelease } from "../events.ts";
import type { PrivacyLoss, PrivacyLosses } from "./losses.ts";

export function integerGaussianLosses({ variance, sensitivity, samplingRate: q }: IntegerGaussianRelease): PrivacyLosses {
  const plain = (epsilon: number) => discreteHockeyStick(variance, sensitivity, epsilon);
  const total = massOf(variance);
  const chance = (y: number) => Math.exp((-y * y) / (2 * variance)) / total;
  /** P(|N| > reach) ≤ mass: N is sub-Gaussian with its own σ. */
  const reachOf = (mass: number) => Math.ceil(Math.sqrt(2 * variance * Math.log(2 / mass)));
  const unit = sensitivity / (2 * variance);
  if (q === 1) {
    // P is the moved one: x = y + Δ
    const loss: PrivacyLoss = {
      hockeyStick: plain,
      least: (mass) => unit * (sensitivity - 2 * reachOf(mass)),
      most: (mass) => unit * (sensitivity + 2 * reachOf(mass)),
      atoms: {
        interval: unit,
        visit(mass, atom) {
          for (let reach = reachOf(mass), y = -reach; y <= reach; y++) atom(unit * (2 * y + sensitivity), chance(y));
        },
      },
    };
    return { remove: loss, add: loss };
  }
  /** ln((1−q) + q·L) at x, L the likelihood ratio of N + Δ and N. */
  const lossAt = (x: number) => {
    const exponent = unit * (2 * x - sensitivity);
    return exponent > 30 ? exponent + Math.log(q + (1 - q) * Math.exp(-exponent)) : Math.log1p(q * Math.expm1(exponent));
  };
  const logMissed = Math.log1p(-q);
  const remove: PrivacyLoss = {
    hockeyStick: (epsilon) => (epsilon <= logMissed ? -Math.expm1(epsilon) : q * plain(Math.log1p(Math.expm1(epsilon) / q))),
    least: (mass) => lossAt(-reachOf(mass)),
    most: (mass) => lossAt(sensitivity + reachOf(mass)),
    atoms: {
      visit(mass, atom) {
        const reach = reachOf(mass);
        for (let x = -reach; x <= sensitivity + reach; x++) atom(lossAt(x), (1 - q) * chance(x) + q * chance(x - sensitivity));
      },
    },
  };
  const add: PrivacyLoss = {
    hockeyStick: (epsilon) => {
      const left = -Math.expm1(epsilon + logMissed); // 1 − e^ε(1−q)
      return left <= 0 ? 0 : left * plain(Math.log(q) + epsilon - Math.log(left));
    },
    least: (mass) => -lossAt(reachOf(mass)),
    most: (mass) => -lossAt(-reachOf(mass)),
    atoms: {
      visit(mass, atom) {
        for (let reach = reachOf(mass), x = reach; x >= -reach; x--) atom(-lossAt(x), chance(x));
      },
    },
  };
  return { remove, add };
}
