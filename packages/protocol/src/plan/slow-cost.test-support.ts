/**
 * ε and Δ of a plan once more, from first principles and slowly, with nothing of `cost.ts` or of the accountants: binomial sums written out, Gaussian tails by
 * quadrature, Δ and σ² in whole numbers. The property test of `honest-plans.test.ts` holds the linter to it.
 */
import { rdpIntegerOrders } from "@tributary/dp";
import type { Plan, Release } from "./schema.ts";

/** ε at the plan's δ, of everything that it permits. */
export function slowEpsilon(plan: Plan): number {
  const { catalogueParts = [], maxMerchantsPerCustomer: k, accountant, selection } = plan;
  const bought = catalogueParts.flatMap((part) => (part.selection === undefined ? [] : [part.selection]));
  const dearest = (costs: readonly number[]) => costs.toSorted((a, b) => b - a).slice(0, k);
  const partEpsilons = dearest(bought.map(({ epsilon }) => Number(epsilon)));
  const partDelta = sum(dearest(bought.map(({ delta }) => Number(delta))));
  const left = Number(plan.delta) - partDelta;
  const choice = selectionDivergences(selection);
  const rounds = rdpIntegerOrders.map(
    (order, place) => sum(plan.releases.map((release) => releaseDivergence(plan, release, order))) + (choice[place] ?? 0),
  );
  const ofParts = rdpIntegerOrders.map((order) => sum(partEpsilons.map((epsilon) => randomisedResponse(epsilon, order))));
  const alone = accountant === "lattice" ? slowLattice(plan, left) : converted(rounds, left);
  if (bought.length === 0) return alone;
  const together = converted(
    rounds.map((value, place) => value + (ofParts[place] ?? 0)),
    left,
  );
  const added = alone + sum(partEpsilons);
  return accountant === "lattice" ? added : Math.min(added, together);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Canonne, Kamath, Steinke 2020, Proposition 12, at every order. */
function converted(rdp: readonly number[], delta: number): number {
  if (!(delta > 0)) return Number.POSITIVE_INFINITY;
  const at = rdpIntegerOrders.map((order, place) => {
    const value = rdp[place] ?? 0;
    return Math.max(0, value + Math.log((order - 1) / order) - (Math.log(delta) + Math.log(order)) / (order - 1));
  });
  return Math.min(...at);
}

/** All rounds of one release: one sum of everybody, or of a Poisson sample, or a packed one. */
function releaseDivergence(plan: Plan, release: Release, order: number): number {
  const [q, z] = [Number(release.samplingRate), Number(release.noiseMultiplier)];
  if (release.packing !== undefined) return release.rounds * packedDivergence(plan, release, order);
  if (q === 1) return (release.rounds * order) / (2 * z * z);
  // somebody at k merchants is in k samples: noise in k parts, each of z·√k single sensitivities
  const k = plan.maxMerchantsPerCustomer;
  return release.rounds * k * sampledDivergence(q, z * Math.sqrt(k), order);
}

/** ln Σ_j C(α, j)·(1 − q)^{α−j}·q^j·e^{j(j−1)/2z²} / (α − 1): the moment of the likelihood ratio, expanded. */
function sampledDivergence(q: number, z: number, order: number): number {
  const terms: number[] = [];
  let binomial = 0; // ln C(α, j)
  for (let j = 0; j <= order; j++) {
    terms.push(binomial + (order - j) * Math.log(1 - q) + j * Math.log(q) + (j * (j - 1)) / (2 * z * z));
    binomial += Math.log(order - j) - Math.log(j + 1);
  }
  const most = Math.max(...terms);
  return (most + Math.log(sum(terms.map((term) => Math.exp(term - most))))) / (order - 1);
}

/** Kairouz, Liu, Steinke 2021, Proposition 14, on the coordinates that are sent. */
function packedDivergence(plan: Plan, release: Release, order: number): number {
  const nodes = plan.noiseMode === "local" ? 1 : plan.minCohort - plan.maxCorrupt;
  const squared = release.packing?.squaredSensitivity ?? 0;
  const share = (Number(release.noiseMultiplier) ** 2 * squared) / nodes;
  let sent = 1;
  while (sent < release.dimension) sent *= 2;
  let tau = 0;
  for (let k = 1; k < nodes; k++) tau += 10 * Math.exp(-2 * Math.PI ** 2 * share * (k / (k + 1)));
  const ratio = Math.sqrt(squared / (nodes * share));
  return Math.min((order * ratio ** 2) / 2 + tau * sent, (order / 2) * (ratio + tau * Math.sqrt(sent)) ** 2);
}

/** Papernot, Steinke 2022, Theorems 2 and 6, for one run that releases one Gaussian sum. */
function selectionDivergences(selection: Plan["selection"]): readonly number[] {
  if (selection === undefined) return [];
  const run = (at: number) => at / (2 * Number(selection.noiseMultiplier) ** 2);
  const at = (lambda: number) => {
    if (selection.distribution === "poisson") {
      const mean = Number(selection.mean);
      // the least δ̂ at ε̂ = ln(1 + 1/(λ − 1)), by what divergences say of it
      const epsilon = Math.log(lambda / (lambda - 1));
      const chances = rdpIntegerOrders.map((other) =>
        Math.exp((other - 1) * (run(other) - epsilon) + (other - 1) * Math.log(1 - 1 / other) - Math.log(other)),
      );
      return run(lambda) + mean * Math.min(1, ...chances) + Math.log(mean) / (lambda - 1);
    }
    const [shape, gamma] = [Number(selection.shape), Number(selection.gamma)];
    const mean = shape === 0 ? (1 / gamma - 1) / Math.log(1 / gamma) : (shape * (1 - gamma)) / (gamma * (1 - gamma ** shape));
    const other = rdpIntegerOrders.map((hat) => (1 - 1 / hat) * run(hat) + Math.log(1 / gamma) / hat);
    return run(lambda) + (1 + shape) * Math.min(...other) + Math.log(mean) / (lambda - 1);
  };
  const bounds = rdpIntegerOrders.map(at);
  return bounds.map((_, place) => Math.min(...bounds.slice(place))); // divergences don't fall with the order
}

/** Kairouz, Oh, Viswanath 2015: Rényi divergence of randomised response. */
function randomisedResponse(epsilon: number, order: number): number {
  const p = 1 / (1 + Math.exp(-epsilon));
  return Math.log(p ** order * (1 - p) ** (1 - order) + (1 - p) ** order * p ** (1 - order)) / (order - 1);
}

/** What continuous Gaussian noise costs, which the theorem of `lattice` only adds to: a floor, from δ(ε) = Φ(μ/2 − ε/μ) − e^ε·Φ(−μ/2 − ε/μ). */
function slowLattice(plan: Plan, delta: number): number {
  const mu = Math.sqrt(sum(plan.releases.map(({ rounds, noiseMultiplier }) => rounds / Number(noiseMultiplier) ** 2)));
  const at = (epsilon: number) => tail(epsilon / mu - mu / 2) - Math.exp(epsilon) * tail(epsilon / mu + mu / 2);
  let [low, high] = [0, 1];
  while (at(high) > delta) high *= 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (at(middle) > delta) low = middle;
    else high = middle;
  }
  return low;
}

/** P[N(0, 1) > x], by Simpson's rule over 14 standard deviations. */
function tail(x: number): number {
  if (x < 0) return 1 - tail(-x);
  const [steps, width] = [4000, 14];
  const h = width / steps;
  let total = 0;
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    total += weight * Math.exp(-((x + i * h) ** 2) / 2);
  }
  return (total * h) / 3 / Math.sqrt(2 * Math.PI);
}

/** A decimal as mantissa·10^power, without rounding. */
function exactly(text: string): { readonly top: bigint; readonly bottom: bigint } {
  const [mantissa = "0", power = "0"] = text.split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const shift = Number(power) - fraction.length;
  const top = BigInt(whole + fraction);
  return shift >= 0 ? { top: top * 10n ** BigInt(shift), bottom: 1n } : { top, bottom: 10n ** BigInt(-shift) };
}

/**
 * Whether a share's variance is enough, in whole numbers: honest·σ_u² ≥ z²·Δ² with Δ = k·(s·C·a + √m), a = 1 + 2⁻¹⁰ in buckets and 1 else; the root is taken by
 * its floor, so that what is asked is no more than that.
 */
export function hasEnoughNoise(plan: Plan, release: Release, variance: { numerator: bigint; denominator: bigint }): boolean {
  const honest = plan.noiseMode === "local" ? 1n : BigInt(plan.minCohort - plan.maxCorrupt);
  const z = exactly(release.noiseMultiplier);
  const fine = 10n ** 12n;
  const root = floorRoot(BigInt(release.touched) * fine * fine); // √m in 10⁻¹²
  const [s, c] = [exactly(release.scale), exactly(release.clipNorm)];
  const [up, down] = release.arithmetic === "bucketed" ? [1025n, 1024n] : [1n, 1n];
  const clip = (s.top * c.top * up * fine) / (s.bottom * c.bottom * down);
  const moved = BigInt(plan.maxMerchantsPerCustomer) * (clip + root);
  const squared = release.packing === undefined ? moved * moved : BigInt(release.packing.squaredSensitivity) * fine * fine;
  return honest * variance.numerator * z.bottom ** 2n * fine * fine >= z.top ** 2n * squared * variance.denominator;
}

function floorRoot(value: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(value))));
  while (root * root > value) root--;
  while ((root + 1n) * (root + 1n) <= value) root++;
  return root;
}
