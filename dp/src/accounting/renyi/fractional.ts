/**
 * Rényi divergence of the Poisson-subsampled Gaussian at fractional orders.
 *
 *   A = E[(1 − q + q·r)^α],  r = dN(1,σ²)/dN(0,σ²) at x ~ N(0,σ²),   RDP(α) = ln A / (α − 1)
 *
 * Split at z₀ = σ² ln(1/q − 1) + ½, where q·r = 1 − q, and expand each half into a binomial series with j = α − i:
 *
 *   A = Σ_i C(α,i)·[ q^i (1−q)^j e^{(i²−i)/2σ²} P(Z > (i−z₀)/σ)  +  q^j (1−q)^i e^{(j²−j)/2σ²} P(Z > (z₀−j)/σ) ]
 *
 * Source: Mironov, Talwar, Zhang (2019), §3.3. C(α,i) alternates in sign from i > α + 1 on.
 *
 * Two things are done more exactly than by adding terms until they are small (which takes 1000 and more, or never ends, at small orders):
 * - From i = ⌊α⌋ + 1 on, the terms of each half are an alternating series of moments: |C(α,i)| is a beta integral in i, and the other factor is
 *   E[uⁱ] for u = q·r/(1−q) < 1 (or its inverse). For such series the Chebyshev weights of Cohen, Rodriguez Villegas and Zagier (2000,
 *   Algorithm 1) give the sum of all terms from the first n, to a relative 2·5.83^−n of the first: n = 24.
 * - E[1 + α·q·(r − 1)] = 1 is taken off term by term, so that A − 1 keeps its digits where it is tiny (1e-12 at small q).
 *
 * Rounding is answered upward: of every term, what its logarithm may be off by is added.
 */
import { fail } from "@tributary/errors";
import { logNormalTail } from "../normal.ts";
import { checkNoiseMultiplier, checkSamplingRate } from "../orders.ts";

const accelerated = 24;
const chebyshev = (3 + Math.sqrt(8)) ** accelerated;
const normaliser = (chebyshev + 1 / chebyshev) / 2;
const weights = alternatingWeights();

/**
 * One step at one order above 1 that is no integer, in nats; a bound for continuous noise.
 * @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function rdpFractional(samplingRate: number, noiseMultiplier: number, order: number): number {
  checkSamplingRate(samplingRate);
  checkNoiseMultiplier(noiseMultiplier);
  if (!(order > 1 && order <= 1e6) || Number.isInteger(order)) {
    const expected = "above 1, at most 10^6, and no integer";
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "order", value: order, expected });
  }
  return fractionalDivergence(samplingRate, noiseMultiplier)(order);
}

/** One step as a function of the order, of inputs taken as checked: what does not depend on it is computed once. */
export function fractionalDivergence(samplingRate: number, noiseMultiplier: number): (order: number) => number {
  const precision = 1 / (2 * noiseMultiplier * noiseMultiplier);
  if (samplingRate === 0) return () => 0;
  if (samplingRate === 1) return (order) => order * precision;
  if (!(precision < 1e300)) return () => Number.POSITIVE_INFINITY;
  const logSampled = Math.log(samplingRate);
  const logMissed = Math.log1p(-samplingRate);
  const split = noiseMultiplier * noiseMultiplier * (logMissed - logSampled) + 0.5;
  const tails: number[] = []; // ln P(Z > (i − z₀)/σ)
  const tail = (i: number) => (tails[i] ??= logNormalTail((i - split) / noiseMultiplier));
  return (order) => divergence({ samplingRate, noiseMultiplier, precision, logSampled, logMissed, split, tail }, order);
}

interface SampledPair {
  readonly samplingRate: number;
  readonly noiseMultiplier: number;
  readonly precision: number;
  readonly logSampled: number;
  readonly logMissed: number;
  readonly split: number;
  readonly tail: (i: number) => number;
}

function divergence(pair: SampledPair, order: number): number {
  const { samplingRate, noiseMultiplier, precision, logSampled, logMissed, split, tail } = pair;
  const whole = Math.floor(order);
  const sum = new SignedSum();

  /** ln of one term's size in the half below the split (i moments of r) or above it (j = α − i moments). */
  const below = (i: number, logBinomial: number): number =>
    logBinomial + i * logSampled + (order - i) * logMissed + i * (i - 1) * precision + tail(i);
  const above = (i: number, logBinomial: number): number => {
    const j = order - i;
    return (
      logBinomial + j * logSampled + i * logMissed + j * (j - 1) * precision + logNormalTail((split - j) / noiseMultiplier)
    );
  };

  // What E[1 + αq(r − 1)] takes off: below the split it makes the first two terms small, above it stands by itself.
  const linear = order * samplingRate;
  const [below0, below1] = [tail(0), tail(1)];
  const [above0, above1] = [logNormalTail(split / noiseMultiplier), logNormalTail((split - 1) / noiseMultiplier)];
  sum.add(beyondLinear(order, samplingRate, logMissed), below0);
  sum.add(linear * Math.expm1((order - 1) * logMissed), below1);
  sum.add(linear - 1, above0);
  sum.add(-linear, above1);

  let logBinomial = 0; // ln |C(α, i)|
  for (let i = 0; i <= whole; i++) {
    if (i > 0) logBinomial += Math.log((order - i + 1) / i);
    if (i > 1) sum.add(1, below(i, logBinomial));
    sum.add(1, above(i, logBinomial));
  }
  for (let k = 0; k < accelerated; k++) {
    const i = whole + 1 + k;
    logBinomial += Math.log(Math.abs(order - i + 1) / i);
    sum.add(weights[k] as number, below(i, logBinomial));
    sum.add(weights[k] as number, above(i, logBinomial));
  }
  const nats = sum.logOfOnePlus() / (order - 1);
  return Number.isNaN(nats) ? Number.POSITIVE_INFINITY : nats;
}

/** (1 − q)^α − 1 + αq, without cancellation where q is small. */
function beyondLinear(order: number, samplingRate: number, logMissed: number): number {
  if (order * samplingRate > 0.1) return Math.expm1(order * logMissed) + order * samplingRate;
  let term = -order * samplingRate;
  let sum = 0;
  for (let k = 2; Math.abs(term) > 1e-18 * Math.abs(sum); k++) {
    term *= (-samplingRate * (order - k + 1)) / k;
    sum += term;
  }
  return sum;
}

/** The weight of the k-th term of Σ (−1)^k a_k, its sign included. */
function alternatingWeights(): number[] {
  const found: number[] = [];
  let b = -1;
  let c = -normaliser;
  for (let k = 0; k < accelerated; k++) {
    c = b - c;
    found.push(c / normaliser);
    b *= ((k + accelerated) * (k - accelerated)) / ((k + 0.5) * (k + 1));
  }
  return found;
}

/** A sum of factor·e^log, kept relative to its largest exponent so that nothing overflows. */
class SignedSum {
  private readonly factors: number[] = [];
  private readonly logs: number[] = [];

  add(factor: number, log: number): void {
    this.factors.push(factor);
    this.logs.push(log);
  }

  /** ln(1 + sum), from above. */
  logOfOnePlus(): number {
    let most = 0;
    for (let i = 0; i < this.logs.length; i++) most = Math.max(most, this.logs[i] as number);
    let sum = 0;
    let rounding = 0;
    for (let i = 0; i < this.logs.length; i++) {
      const log = this.logs[i] as number;
      const term = (this.factors[i] as number) * Math.exp(log - most);
      sum += term;
      rounding += Math.abs(term) * (8 + Math.abs(log)) * Number.EPSILON;
    }
    const atMost = Math.max(0, sum + rounding);
    return most === 0 ? Math.log1p(atMost) : most + Math.log(Math.exp(-most) + atMost);
  }
}
