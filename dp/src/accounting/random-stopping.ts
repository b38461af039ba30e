/**
 * What the best of a random number of runs costs. One run Q of something private (a training and its noisy score) is repeated K times, each with
 * settings drawn anew from a distribution that no private data chose; only the best run's output is released, and K stays secret, also by the time
 * it takes. Then the cost does not grow with the number of settings, and with K only by its logarithm:
 *
 *   truncated negative binomial, η ≥ 0, γ in (0, 1)
 *     r_A(λ) ≤ r(λ) + (1+η)·min_λ̂ [ (1 − 1/λ̂)·r(λ̂) + ln(1/γ)/λ̂ ] + ln E[K]/(λ−1)
 *   Poisson of mean μ (no run at all with probability e^{−μ}: nothing is released then)
 *     r_A(λ) ≤ r(λ) + μ·δ̂ + ln μ/(λ−1),   where Q is (ln(1 + 1/(λ−1)), δ̂)-private
 *
 * η = 0 is the logarithmic distribution, η = 1 the geometric one; with Q ε-private the first costs (2+η)ε, of which 3ε at η = 1 is Liu and Talwar's.
 *
 *   P[K = k] = (1−γ)^k/(γ^{−η} − 1)·Π_{l<k} (l+η)/(l+1)      η > 0
 *   P[K = k] = (1−γ)^k/(k·ln(1/γ))                            η = 0
 *   E[K] = η(1−γ)/(γ(1 − γ^η)),   (1/γ − 1)/ln(1/γ) at η = 0
 *
 * Source: Papernot, Steinke, "Hyperparameter Tuning with Renyi Differential Privacy" (2022), Definition 1, Theorems 2 and 6; Liu, Talwar,
 * "Private Selection from Private Candidates" (2019), Theorem 3.2.
 */
import { fail } from "@tributary/errors";
import { parseRational, toNumber } from "../exact/rational.ts";

/** How many runs there are. Decimal strings, because they decide privacy. */
export type Stopping =
  | {
      readonly distribution: "truncated-negative-binomial";
      /** η, from 0 (logarithmic) to 1 (geometric). */
      readonly shape: string;
      /** γ, above 0 and below 1: the smaller, the more runs. */
      readonly gamma: string;
    }
  | {
      readonly distribution: "poisson";
      /** μ, from 1 to 10⁶. */
      readonly mean: string;
    };

/** Sums of products of few floats: their error is far below this, and the cost may only err upward. */
const upward = 1 + 2 ** -45;

/**
 * The divergences of the best run from those of one run.
 * @param orders λ, each above 1, ascending
 * @param rdp [orders] nats of one run, whatever settings it drew
 * @returns [orders] nats
 * @throws TRB_DP_ORDERS_MISMATCH, TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function rdpOfStopping(orders: readonly number[], rdp: readonly number[], stopping: Stopping): number[] {
  checkStopping(stopping);
  const ascending = orders.every((order, i) => order > (orders[i - 1] ?? 1));
  if (orders.length !== rdp.length || !ascending || !rdp.every((value) => value >= 0)) {
    throw fail("TRB_DP_ORDERS_MISMATCH", { orders: orders.length, values: rdp.length });
  }
  const mean = expectedRuns(stopping);
  const besides = stopping.distribution === "poisson" ? poissonPart(orders, rdp, mean) : binomialPart(orders, rdp, stopping);
  const bounds = orders.map((order, i) => ((rdp[i] as number) + besides(order) + Math.log(mean) / (order - 1)) * upward);
  // divergences do not fall with the order: a bound at a higher one holds at a lower one
  for (let i = bounds.length - 2; i >= 0; i--) bounds[i] = Math.min(bounds[i] as number, bounds[i + 1] as number);
  return bounds;
}

/** E[K]. @throws TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID */
export function expectedRuns(stopping: Stopping): number {
  checkStopping(stopping);
  if (stopping.distribution === "poisson") return toNumber(parseRational(stopping.mean), "up");
  return meanOf(toNumber(parseRational(stopping.shape)), toNumber(parseRational(stopping.gamma)));
}

/**
 * The stopping rule of this shape with about so many runs: γ is rounded down to six digits, so that the mean is no lower.
 * @param mean above 1 and up to 10⁶
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function stoppingFor(shape: string, mean: number): Stopping {
  const eta = toNumber(parseRational(shape));
  if (!(mean > 1 && mean <= 1e6)) invalid("mean", mean, "above 1 and up to 1e6");
  let [low, high] = [-30, 0]; // ln γ
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (meanOf(eta, Math.exp(middle)) >= mean) low = middle;
    else high = middle;
  }
  const [digits = "", exponent = "0"] = Math.exp(low).toExponential(12).split("e");
  const gamma = `${(Math.floor(Number(digits) * 1e5) / 1e5).toFixed(5)}e${Number(exponent)}`;
  const stopping: Stopping = { distribution: "truncated-negative-binomial", shape, gamma };
  checkStopping(stopping);
  return stopping;
}

/** @throws TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID */
export function checkStopping(stopping: Stopping): void {
  if (stopping.distribution === "poisson") {
    const mean = toNumber(parseRational(stopping.mean));
    if (!(mean >= 1 && mean <= 1e6)) invalid("mean", stopping.mean, "from 1 to 1e6");
    return;
  }
  const [shape, gamma] = [toNumber(parseRational(stopping.shape)), toNumber(parseRational(stopping.gamma))];
  if (!(shape >= 0 && shape <= 1)) invalid("shape", stopping.shape, "from 0 to 1");
  if (!(gamma >= 1e-9 && gamma <= 1 - 1e-9)) invalid("gamma", stopping.gamma, "from 1e-9 to 1 − 1e-9");
}

function meanOf(eta: number, gamma: number): number {
  // 1 − γ^η loses its digits near η = 0, where both formulas agree
  if (eta < 1e-12) return (1 / gamma - 1) / -Math.log(gamma);
  return (eta * (1 - gamma)) / (gamma * -Math.expm1(eta * Math.log(gamma)));
}

/** (1+η)·min_λ̂ […]; λ̂ = 1, where the first summand vanishes, is one of them. */
function binomialPart(
  orders: readonly number[],
  rdp: readonly number[],
  { shape, gamma }: Extract<Stopping, { distribution: "truncated-negative-binomial" }>,
): (order: number) => number {
  const chance = -Math.log(toNumber(parseRational(gamma), "down"));
  const all = orders.map((order, i) => (1 - 1 / order) * (rdp[i] as number) + chance / order);
  const part = (1 + toNumber(parseRational(shape), "up")) * all.reduce((a, b) => Math.min(a, b), chance);
  return () => part;
}

/** μ·δ̂, by Canonne, Kamath, Steinke (2020), Proposition 12, and the total variation. */
function poissonPart(orders: readonly number[], rdp: readonly number[], mean: number): (order: number) => number {
  return (order) => {
    const epsilon = Math.log1p(1 / (order - 1));
    const deltas = orders.map((each, i) => {
      const divergence = rdp[i] as number;
      const converted = Math.exp((each - 1) * (divergence - epsilon + Math.log1p(-1 / each)) - Math.log(each));
      return Math.min(converted, Math.sqrt(-Math.expm1(-divergence)));
    });
    return mean * deltas.reduce((a, b) => Math.min(a, b), 1);
  };
}

function invalid(parameter: string, value: unknown, expected: string): never {
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value: String(value).slice(0, 80), expected });
}
