/**
 * The same releases for a larger unit: a group of customers, a person who is a customer of several merchants, a whole node.
 *
 * A sum over sampled customers is one release with noise σ; to bound what it tells about a group of k members who are sampled independently,
 * split the noise into k independent parts of variance σ²/k and give the k-th part to the k-th member: releasing k sums with noise σ/√k each, one
 * member in each, tells at least as much, since adding them up is post-processing. So a group costs k steps of noise multiplier z/√k, in
 * both directions and under every accountant. Proof: docs/privacy/proofs.md, section 9. (A shift by k times the sensitivity, taken all or nothing, is no bound of adding a
 * customer: at k = 3, q = 0.1, z = 1.5, order 4 it gives 0.0572 where the truth is 0.0618. Discrete noise splits as well, up to 1e-50, while
 * every part has a standard deviation of 4 integer units or more, as the shares of a sum query have.)
 *
 * Without sampling, that is noise z/k once, which is what is used then.
 */
import { fail } from "@tributary/errors";
import { checkAtLeastOne } from "./correlated/tree.ts";
import { type AtomicEvent, approximate, composed, gaussian, type PrivacyEvent, releasesOf, repeated } from "./events.ts";
import { checkSampledGaussian, type SampledGaussian } from "./orders.ts";

/**
 * What `event` costs a group of `size` members, each of whom it costs a customer: groups, and a person at up to `size` merchants.
 * @throws TRB_DP_PARAMETER_INVALID also when a group's δ would reach 1, TRB_DP_NOISE_TOO_SMALL for parts of integer noise below 4 units
 */
export function forGroup(event: PrivacyEvent, size: number): PrivacyEvent {
  checkAtLeastOne("size", size);
  return composed(...releasesOf(event).map((release) => repeated(ofGroup(release.event, size), release.count)));
}

/**
 * What rounds of a sum query cost a person at up to k merchants, who each sample on their own, when the noise multiplier z counts the
 * sensitivity Δ_k = k·Δ of all of them (`sumQueryParameters`): noise of z·k single sensitivities in k parts is k rounds of z·√k.
 *
 *   k·RDP(q, z·√k) ≤ RDP(q, z)
 *
 * with equality at q = 1, where the release is left as it is: z·k over a shift of k is z. z·√k is rounded down.
 * @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_STEPS_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function atSeveralMerchants(event: SampledGaussian, merchants: number): SampledGaussian {
  checkSampledGaussian(event);
  checkAtLeastOne("merchants", merchants);
  const { samplingRate, noiseMultiplier, steps } = event;
  if (merchants === 1 || samplingRate === 1) return event;
  const down = 1 - 2 * Number.EPSILON;
  return { samplingRate, noiseMultiplier: noiseMultiplier * Math.sqrt(merchants) * down, steps: steps * merchants };
}

/**
 * A whole node as the unit: everybody takes part visibly, so nothing is sampled, and the node itself ends after `cap` rounds:
 * ρ = cap/2z² (DESIGN §4).
 * @throws TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_STEPS_INVALID
 */
export const nodeUnit = ({ noiseMultiplier, cap }: { noiseMultiplier: number; cap: number }): PrivacyEvent =>
  repeated(gaussian(noiseMultiplier), cap);

function ofGroup(event: AtomicEvent, size: number): PrivacyEvent {
  switch (event.kind) {
    case "gaussian":
    case "discrete-gaussian":
      return event.samplingRate === 1
        ? { ...event, noiseMultiplier: event.noiseMultiplier / size }
        : repeated({ ...event, noiseMultiplier: event.noiseMultiplier / Math.sqrt(size) }, size);
    case "integer-gaussian": {
      const { samplingRate, variance, sensitivity } = event;
      if (samplingRate === 1) return { ...event, sensitivity: sensitivity * size };
      if (variance < 16 * size) {
        const deviation = Math.sqrt(variance / size).toPrecision(4);
        throw fail("TRB_DP_NOISE_TOO_SMALL", { deviation });
      }
      return repeated({ ...event, variance: variance / size }, size);
    }
    case "lattice-gaussian": {
      const { samplingRate, noiseMultiplier, deviation, touched } = event;
      if (samplingRate === 1) return { ...event, noiseMultiplier: noiseMultiplier / size, touched: touched * size };
      const root = Math.sqrt(size);
      if (deviation < 4 * root) throw fail("TRB_DP_NOISE_TOO_SMALL", { deviation: (deviation / root).toPrecision(4) });
      return repeated({ ...event, noiseMultiplier: noiseMultiplier / root, deviation: deviation / root }, size);
    }
    case "laplace":
      return { ...event, noiseMultiplier: event.noiseMultiplier / size };
    case "zcdp":
      return { ...event, rho: event.rho * size * size };
    case "approximate": {
      // δ·Σ_{i<k} e^{iε}
      const { epsilon } = event;
      const delta = event.delta * (epsilon === 0 ? size : Math.expm1(size * epsilon) / Math.expm1(epsilon));
      if (!(delta < 1))
        throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "size", value: size, expected: "so few that δ stays below 1" });
      return approximate(size * epsilon, delta);
    }
  }
}
