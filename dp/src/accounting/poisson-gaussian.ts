/**
 * Rényi divergence of the Poisson-subsampled Gaussian at integer orders.
 *
 *   RDP(α) = ln A / (α − 1),   A = Σ_{i=0}^{α} C(α,i) q^i (1−q)^{α−i} e^{(i²−i)/2z²}
 *
 * Source: Mironov, Talwar, Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism" (2019), §3.3; it bounds adding as well
 * as removing a customer. It holds for the discrete Gaussian at integer orders because then only integer moments of an integer shift
 * occur, and for those E e^{tX} ≤ e^{t²σ²/2} (DESIGN §4).
 *
 * The binomial weights sum to 1 and the exponent is 0 for i = 0 and 1, so A − 1 = Σ_{i≥2} C(α,i) q^i (1−q)^{α−i} (e^{(i²−i)/2z²} − 1), whose
 * terms are all positive: summed in logarithms, nothing cancels when A is barely above 1, and nothing overflows when it is huge.
 */
import {
  checkIntegerOrder,
  checkNoiseMultiplier,
  checkSampledGaussian,
  checkSamplingRate,
  rdpIntegerOrders,
  type SampledGaussian,
} from "./orders.ts";

/**
 * The divergence of all steps together at each order of `orders`, in nats: composition adds.
 * @returns [orders]
 * @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_STEPS_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function rdpVector(event: SampledGaussian, orders: readonly number[] = rdpIntegerOrders): number[] {
  checkSampledGaussian(event);
  const { samplingRate, noiseMultiplier, steps } = event;
  for (const order of orders) checkIntegerOrder(order);
  if (steps === 0) return orders.map(() => 0); // also where one step would cost Infinity
  return orders.map((order) => steps * rdpPoissonGaussian(samplingRate, noiseMultiplier, order));
}

/**
 * One step at one integer order α ≥ 2, in nats.
 * @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function rdpPoissonGaussian(samplingRate: number, noiseMultiplier: number, order: number): number {
  checkSamplingRate(samplingRate);
  checkNoiseMultiplier(noiseMultiplier);
  checkIntegerOrder(order);
  const precision = 1 / (2 * noiseMultiplier * noiseMultiplier); // 1/2z²
  if (samplingRate === 0) return 0;
  if (samplingRate === 1) return order * precision;
  const logSampled = Math.log(samplingRate);
  const logMissed = Math.log1p(-samplingRate);
  let logBinomial = Math.log(order); // ln C(α, 1)
  const terms: number[] = [];
  for (let i = 2; i <= order; i++) {
    logBinomial += Math.log((order - i + 1) / i);
    terms.push(logBinomial + i * logSampled + (order - i) * logMissed + logOfExpMinusOne(i * (i - 1) * precision));
  }
  return logOfOnePlusExp(logSumExp(terms)) / (order - 1);
}

/** ln(e^x − 1) for x ≥ 0 */
function logOfExpMinusOne(x: number): number {
  return x > 1 ? x + Math.log1p(-Math.exp(-x)) : Math.log(Math.expm1(x));
}

/** ln(1 + e^x) */
function logOfOnePlusExp(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

function logSumExp(terms: readonly number[]): number {
  const most = terms.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(most)) return most;
  return most + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - most), 0));
}
