/**
 * The accountants `rdp-integer` and `rdp`: Rényi divergences, order by order, and the best order's conversion.
 *
 * Without sampling, a Gaussian's divergence is proven at every real order, discrete or not, so `rdp` looks for the best real order when nothing
 * was sampled. With sampling, fractional orders are proven for continuous noise only, and `rdp` has the usual list of them.
 */
import { fail } from "@tributary/errors";
import { composeRdp, epsilonFromRdp } from "../epsilon.ts";
import { type AtomicEvent, isSampled, type Releases, releaseKey } from "../events.ts";
import { rdpIntegerOrders } from "../orders.ts";
import { rdpPoissonGaussian } from "../poisson-gaussian.ts";
import { deltaFromZcdp, epsilonFromZcdp } from "../zcdp.ts";
import { fractionalDivergence } from "./fractional.ts";
import { rdpLaplace, rdpPure } from "./pure.ts";

export type RenyiOrders = "integer" | "real";

/** The orders of `rdp`: 1.1 to 10.9 by tenths, and integers from 11 on. */
export const rdpRealOrders: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => (i + 11) / 10),
  ...rdpIntegerOrders.filter((order) => order >= 11),
];

/** Not: what leaks everything with probability δ; sampled discrete noise at fractional orders. */
export function boundsByRenyi(event: AtomicEvent, orders: RenyiOrders): boolean {
  if (event.kind === "approximate") return event.delta === 0;
  return orders === "integer" || event.kind === "gaussian" || !isSampled(event);
}

/** @returns ε and the order that gave it. @throws TRB_DP_EPSILON_UNBOUNDED */
export function renyiEpsilon(
  releases: readonly Releases[],
  delta: number,
  orders: RenyiOrders,
): { epsilon: number; order: number | null } {
  const rho = orders === "real" ? linearRate(releases) : null;
  if (rho !== null) return epsilonFromZcdp(rho, delta);
  const list = listOf(orders);
  const found = epsilonFromRdp(list, totalRdp(releases, list), delta);
  const pure = pureTotal(releases);
  return pure !== null && pure < found.epsilon ? { epsilon: pure, order: null } : found;
}

/**
 *   δ = min_α exp((α−1)(r(α) − ε + ln(1 − 1/α)) − ln α), and √(1 − e^−r)
 *
 * Source: Canonne, Kamath, Steinke (2020), Proposition 12, solved for δ.
 */
export function renyiDelta(
  releases: readonly Releases[],
  epsilon: number,
  orders: RenyiOrders,
): { delta: number; order: number | null } {
  const rho = orders === "real" ? linearRate(releases) : null;
  if (rho !== null) return { delta: deltaFromZcdp(rho, epsilon), order: null };
  const list = listOf(orders);
  const rdp = totalRdp(releases, list);
  const pure = pureTotal(releases);
  let best: { delta: number; order: number | null } = { delta: pure !== null && pure <= epsilon ? 0 : 1, order: null };
  for (const [i, order] of list.entries()) {
    const divergence = rdp[i] as number;
    const converted = Math.exp((order - 1) * (divergence - epsilon + Math.log1p(-1 / order)) - Math.log(order));
    const delta = Math.min(converted, Math.sqrt(-Math.expm1(-divergence)));
    if (delta < best.delta) best = { delta, order };
  }
  return best;
}

const listOf = (orders: RenyiOrders): readonly number[] => (orders === "integer" ? rdpIntegerOrders : rdpRealOrders);

/** [orders] nats, of all releases together. */
export function totalRdp(releases: readonly Releases[], orders: readonly number[]): number[] {
  return composeRdp(
    orders.map(() => 0),
    ...releases.map(({ event, count }) => vectorOf(event, orders).map((value) => count * value)),
  );
}

type AnyGaussian = Extract<AtomicEvent, { samplingRate: number }>;

const isGaussian = (event: AtomicEvent): event is AnyGaussian => "samplingRate" in event;

/** z = σ/Δ */
const multiplierOf = (event: AnyGaussian): number =>
  event.kind === "integer-gaussian" ? Math.sqrt(event.variance) / event.sensitivity : event.noiseMultiplier;

/** ρ when every divergence is αρ, else null. */
function linearRate(releases: readonly Releases[]): number | null {
  let rho = 0;
  for (const { event, count } of releases) {
    if (event.kind === "zcdp") rho += count * event.rho;
    else if (isGaussian(event) && !isSampled(event)) rho += count / (2 * multiplierOf(event) ** 2);
    else return null;
  }
  if (rho === Number.POSITIVE_INFINITY) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  return rho;
}

/** Σ ε when everything is private with δ = 0: the order ∞. */
function pureTotal(releases: readonly Releases[]): number | null {
  let total = 0;
  for (const { event, count } of releases) {
    if (event.kind === "laplace") total += count / event.noiseMultiplier;
    else if (event.kind === "approximate" && event.delta === 0) total += count * event.epsilon;
    else return null;
  }
  return total;
}

/** Vectors of one step, by list of orders: calibration and filters ask for the same ones again and again. */
const known = new WeakMap<readonly number[], Map<string, readonly number[]>>();

function vectorOf(event: AtomicEvent, orders: readonly number[]): readonly number[] {
  const ofList = known.get(orders) ?? new Map<string, readonly number[]>();
  known.set(orders, ofList);
  const key = releaseKey(event);
  const before = ofList.get(key);
  if (before) return before;
  if (ofList.size >= 256) ofList.clear();
  const step = oneStep(event);
  const vector = orders.map(step);
  ofList.set(key, vector);
  return vector;
}

/** One step's divergence as a function of the order. */
function oneStep(event: AtomicEvent): (order: number) => number {
  switch (event.kind) {
    case "gaussian":
    case "discrete-gaussian":
    case "integer-gaussian":
    case "lattice-gaussian": {
      const { samplingRate } = event;
      const noiseMultiplier = multiplierOf(event);
      const fractional = fractionalDivergence(samplingRate, noiseMultiplier);
      return (order) =>
        Number.isInteger(order) ? rdpPoissonGaussian(samplingRate, noiseMultiplier, order) : fractional(order);
    }
    case "laplace":
      return (order) => rdpLaplace(event.noiseMultiplier, order);
    case "approximate":
      return (order) => rdpPure(event.epsilon, order);
    case "zcdp":
      return (order) => order * event.rho;
  }
}
