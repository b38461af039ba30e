/**
 * What Poisson sampling saves of *any* mechanism whose Rényi divergences are known at integer orders, when nothing else is known of it:
 *
 *   (α − 1)·RDP(α) = ln{(1−q)^{α−1}·(αq − q + 1) + C(α,2)·q²(1−q)^{α−2}·e^{r(2)} + 3·Σ_{l=3}^α C(α,l)·q^l(1−q)^{α−l}·e^{(l−1)r(l)}}
 *
 * Much looser than the Gaussian's own formula (`rdpVector`): ε = 8.13 against 4.15 at q = 0.1, z = 4, 1000 steps, δ = 1e-6.
 *
 * Source: Zhu, Wang, "Poisson Subsampled Rényi Differential Privacy" (2019), Theorem 6.
 */
import { fail } from "@tributary/errors";
import { checkIntegerOrder, checkSamplingRate } from "./orders.ts";

/**
 * The divergence of one step on a Poisson sample, by the bound above, which needs nothing of the mechanism but its own divergences.
 * @param divergence r(l) in nats of one step on everybody, at whole l ≥ 2; it must not fall with l
 * @param order α, a whole number from 2 on
 * @returns nats of one step, never above r(α)
 * @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function sampledRdp(divergence: (order: number) => number, samplingRate: number, order: number): number {
  checkSamplingRate(samplingRate);
  checkIntegerOrder(order);
  const plain = valid(divergence(order), order);
  if (samplingRate === 0) return 0;
  if (samplingRate === 1) return plain;
  const [sampled, missed] = [Math.log(samplingRate), Math.log1p(-samplingRate)];
  const terms = [(order - 1) * missed + Math.log1p((order - 1) * samplingRate)];
  let binomial = Math.log(order); // ln C(α, 1)
  for (let l = 2; l <= order; l++) {
    binomial += Math.log((order - l + 1) / l);
    const factor = l === 2 ? 0 : Math.log(3);
    terms.push(factor + binomial + l * sampled + (order - l) * missed + (l - 1) * valid(divergence(l), l));
  }
  const most = terms.reduce((a, b) => Math.max(a, b));
  const sum = terms.reduce((total, term) => total + Math.exp(term - most), 0);
  return Math.min(plain, Math.max(0, most + Math.log(sum)) / (order - 1));
}

function valid(divergence: number, order: number): number {
  if (divergence >= 0) return divergence;
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter: `divergence(${order})`, value: divergence, expected: "from 0 on" });
}
