/** Recipes of other federations, against google-research/federated a5af8c4 (distributed_dp), and brute force. */
import { describe, expect, it } from "vitest";
import { sampledRdp } from "./amplification.ts";
import { distributedGaussianRdp, rotatedScale, roundedNormBound, skellamRdp } from "./distributed-noise.ts";
import { epsilonFromRdp, epsilonOf } from "./epsilon.ts";
import { rdpIntegerOrders } from "./orders.ts";
import { rdpPoissonGaussian } from "./poisson-gaussian.ts";
import { coded, relative } from "./testing.test-support.ts";

const bias = Math.exp(-0.5);
const epsilon = (rdp: readonly number[], steps: number) =>
  epsilonFromRdp(
    rdpIntegerOrders,
    rdp.map((value) => value * steps),
    1e-6,
  ).epsilon;

/** privacy-core.md §2, steps 2 to 5: clip norm 1, β = e^−½, k = 4. */
function recipe(nodes: number, bits: number, dimension: number, noiseMultiplier: number) {
  const nodeDeviation = noiseMultiplier / Math.sqrt(nodes);
  const scale = rotatedScale({ bits, nodes, dimension, clipNorm: 1, nodeDeviation });
  const sensitivity = roundedNormBound(scale, dimension, bias);
  return { scale, nodes, dimension, sensitivity, nodeVariance: (scale * nodeDeviation) ** 2 };
}

describe("privacy-core.md §7: clip 1, β = e^−½, k = 4, δ = 1e-6", () => {
  it.each([
    // n, b, d, T, z, scale, σ_u, inflation, DDG, Skellam
    [100, 16, 2 ** 20, 100, 8, 1023.9235, 819.1388, 1.118706, 7.717055608816, 7.717055713467],
    [100, 20, 2 ** 20, 100, 8, 16382.7794, null, 1.00052, 6.738685763807, null],
    [1000, 18, 2 ** 16, 500, 20, 1608.0164, null, 1.003498, 5.975273780924, 5.975273783952],
  ])("n = %d, %d bits, d = %d, T = %d, z = %d", (n, bits, d, steps, z, scale, deviation, inflation, gaussian, skellam) => {
    const noise = recipe(n, bits, d, z);
    expect(noise.scale).toBeCloseTo(scale, 4);
    if (deviation !== null) expect(Math.sqrt(noise.nodeVariance)).toBeCloseTo(deviation, 4);
    expect(Math.abs(noise.sensitivity / noise.scale - inflation)).toBeLessThan(6e-7);
    expect(Math.abs(epsilon(distributedGaussianRdp(noise), steps) - gaussian)).toBeLessThan(1e-11);
    if (skellam !== null) expect(Math.abs(epsilon(skellamRdp(noise), steps) - skellam)).toBeLessThan(1e-11);
  });

  it("plain Gaussian noise beside them: 6.734624610068; 16 bits cost 11.9 % more noise", () => {
    expect(epsilonOf({ samplingRate: 1, noiseMultiplier: 8, steps: 100, delta: 1e-6 })).toBeCloseTo(6.734624610068, 11);
    const { sensitivity, scale } = recipe(100, 16, 2 ** 20, 8);
    expect(100 * (sensitivity / scale - 1)).toBeCloseTo(11.9, 1);
  });

  it("rounded_l2_norm_bound(100, e^−½, 65536) = 163.1318485, and 356 at β = 0", () => {
    expect(roundedNormBound(100, 65_536, bias)).toBeCloseTo(163.1318485, 7);
    expect(roundedNormBound(100, 65_536, 0)).toBe(356);
  });

  it("q = .1, T = 1000, z = 4: 8.1278 by the generic bound, 4.1498 by the Gaussian's own", () => {
    const noise = recipe(100, 20, 2 ** 20, 4);
    const divergence = (order: number) => distributedGaussianRdp(noise, [order])[0] as number;
    const generic = rdpIntegerOrders.map((order) => sampledRdp(divergence, 0.1, order));
    expect(epsilon(generic, 1000)).toBeCloseTo(8.1278, 4);
    expect(epsilonOf({ samplingRate: 0.1, noiseMultiplier: 4, steps: 1000, delta: 1e-6 })).toBeCloseTo(4.1498, 4);
  });
});

describe("what the formulas bound", () => {
  it("no rounding of a vector is longer than the bound at β = 0, and the share that is longer than at β stays below β", () => {
    const vector = [0.3, 1.7, -0.5, 0.2, 2.4, -1.1, 0.6, 0.9];
    const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
    let longer = 0;
    for (let ups = 0; ups < 2 ** vector.length; ups++) {
      let [chance, squares] = [1, 0];
      for (const [i, x] of vector.entries()) {
        const up = (ups >> i) % 2 === 1;
        const rounded = Math.floor(x) + (up ? 1 : 0);
        chance *= up ? x - Math.floor(x) : 1 - (x - Math.floor(x));
        squares += rounded * rounded;
      }
      expect(Math.sqrt(squares)).toBeLessThanOrEqual(roundedNormBound(length, 8, 0));
      if (Math.sqrt(squares) > roundedNormBound(length, 8, bias)) longer += chance;
    }
    expect(longer).toBeLessThanOrEqual(bias);
  });

  it("Skellam noise on one number: at least the divergence of the distributions written out, and close to it", () => {
    // Skellam of variance μ is Poisson(μ/2) − Poisson(μ/2)
    const mu = 40;
    const poisson = [Math.exp(-mu / 2)];
    for (let k = 1; k < 200; k++) poisson.push(((poisson[k - 1] as number) * mu) / 2 / k);
    const at = (x: number) => poisson.reduce((sum, p, k) => sum + p * (poisson[k + Math.abs(x)] ?? 0), 0);
    const law = Array.from({ length: 161 }, (_, i) => at(i - 80));
    const bounds = skellamRdp({ nodes: 4, nodeVariance: mu / 4, sensitivity: 2, dimension: 1 }, [2, 3, 5]);
    for (const [i, order] of [2, 3, 5].entries()) {
      let sum = 0;
      for (let x = 10; x < 150; x++) sum += (law[x - 2] as number) ** order * (law[x] as number) ** (1 - order);
      const exact = Math.log(sum) / (order - 1);
      expect(bounds[i]).toBeGreaterThan(exact);
      expect(relative(bounds[i] as number, exact)).toBeLessThan(0.1);
    }
  });

  it("shares that are too narrow cost more than one discrete Gaussian", () => {
    const noise = { nodes: 50, sensitivity: 1, dimension: 10 };
    const [wide = 0] = distributedGaussianRdp({ ...noise, nodeVariance: 9 }, [4]);
    expect(relative(wide, 4 / (2 * 50 * 9))).toBeLessThan(1e-12);
    const [narrow = 0] = distributedGaussianRdp({ ...noise, nodeVariance: 0.3 }, [4]);
    expect(narrow).toBeGreaterThan((1.5 * 4) / (2 * 50 * 0.3));
  });

  it("the generic bound lies above the Gaussian's own, below no sampling, and at the ends is exact", () => {
    for (const z of [0.8, 2, 10]) {
      const divergence = (order: number) => order / (2 * z * z);
      for (const q of [0.001, 0.1, 0.6]) {
        for (const order of [2, 3, 8, 40]) {
          const generic = sampledRdp(divergence, q, order);
          expect(generic).toBeGreaterThanOrEqual(rdpPoissonGaussian(q, z, order) * (1 - 1e-9) - 1e-15);
          expect(generic).toBeLessThanOrEqual(divergence(order));
        }
      }
      expect(sampledRdp(divergence, 0, 5)).toBe(0);
      expect(sampledRdp(divergence, 1, 5)).toBe(divergence(5));
    }
  });
});

describe("bad input", () => {
  const good = { nodes: 10, nodeVariance: 4, sensitivity: 1, dimension: 3 };
  const scale = { bits: 16, nodes: 10, dimension: 3, clipNorm: 1, nodeDeviation: 1 };
  it.each<[string, () => unknown]>([
    ["TRB_DP_SENSITIVITY_INVALID", () => roundedNormBound(0, 10, bias)],
    ["TRB_DP_SENSITIVITY_INVALID", () => roundedNormBound(Number.NaN, 10, bias)],
    ["TRB_DP_PARAMETER_INVALID", () => roundedNormBound(1, 0.5, bias)],
    ["TRB_DP_PARAMETER_INVALID", () => roundedNormBound(1, 10, 1)],
    ["TRB_DP_PARAMETER_INVALID", () => rotatedScale({ ...scale, bits: 1.5 })],
    ["TRB_DP_PARAMETER_INVALID", () => rotatedScale({ ...scale, bits: 2, nodes: 100 })],
    ["TRB_DP_PARAMETER_INVALID", () => rotatedScale({ ...scale, nodeDeviation: 0 })],
    ["TRB_DP_SENSITIVITY_INVALID", () => rotatedScale({ ...scale, clipNorm: -1 })],
    ["TRB_DP_VARIANCE_NOT_POSITIVE", () => distributedGaussianRdp({ ...good, nodeVariance: 0 })],
    ["TRB_DP_VARIANCE_NOT_POSITIVE", () => skellamRdp({ ...good, nodeVariance: Number.NaN })],
    ["TRB_DP_SENSITIVITY_INVALID", () => skellamRdp({ ...good, sensitivity: 0 })],
    ["TRB_DP_PARAMETER_INVALID", () => distributedGaussianRdp({ ...good, nodes: 0 })],
    ["TRB_DP_PARAMETER_INVALID", () => skellamRdp(good, [1.5])],
    ["TRB_DP_SAMPLING_RATE_INVALID", () => sampledRdp(() => 1, 1.5, 2)],
    ["TRB_DP_PARAMETER_INVALID", () => sampledRdp(() => 1, 0.5, 2.5)],
    ["TRB_DP_PARAMETER_INVALID", () => sampledRdp(() => Number.NaN, 0.5, 3)],
  ])("%s: %s", (code, run) => {
    expect(run).toThrow(coded(code));
  });
});
