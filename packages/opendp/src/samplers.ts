/**
 * OpenDP's exact samplers behind the interface that `@tributary/dp` and its suite expect of a sampler.
 *
 *   discrete Gaussian   P(x) ∝ exp(−x²/2σ²), by its variance σ²
 *   discrete Laplace    P(x) ∝ exp(−|x|/b), by its scale b
 *
 * Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020); OpenDP 0.16, `traits/samplers/cks20`.
 */
import { fail } from "@tributary/errors";
import type { Binding, Distribution, Progress } from "./binding.ts";
import { type EntropyPool, entropyPool, type RandomSource } from "./entropy.ts";

/** An exact number. Structurally `Rational` of `@tributary/dp`. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Structurally `IntegerSampler` of `@tributary/dp`. */
export interface NoiseSampler {
  /** Fills the whole array with independent samples. @throws TRB_DP_VARIANCE_TOO_LARGE, TRB_DP_SAMPLE_OUT_OF_RANGE */
  fill(out: Float64Array | Int32Array): void;
}

/** Largest parameters, as powers of two, for Float64Array and for Int32Array: what is beyond comes less than once in 2^700 samples. */
const limits: Record<Distribution, { readonly most: number; readonly mostForInt32: number; readonly squares: 1 | 2 }> = {
  gaussian: { most: 80, mostForInt32: 52, squares: 1 },
  laplace: { most: 40, mostForInt32: 22, squares: 2 },
};

/** Samples that are drawn before they are copied into an Int32Array. */
const chunkLength = 8192;

/**
 * @param parameter σ² of the Gaussian, the Laplace's scale; above zero
 * @throws TRB_OPENDP_ARGUMENT_INVALID, TRB_DP_VARIANCE_TOO_LARGE
 */
export function noiseSampler(
  binding: Binding,
  distribution: Distribution,
  parameter: Fraction,
  random: RandomSource,
): NoiseSampler {
  const { numerator, denominator } = parameter;
  const { most, mostForInt32, squares } = limits[distribution];
  const text = `${numerator}/${denominator}`;
  if (numerator <= 0n || denominator <= 0n) {
    const argument = distribution === "gaussian" ? "variance" : "scale";
    throw fail("TRB_OPENDP_ARGUMENT_INVALID", { argument, value: text, expected: "a fraction above zero" });
  }
  if (numerator > denominator << BigInt(most)) throw fail("TRB_DP_VARIANCE_TOO_LARGE", { most: most * squares });
  const fitsInt32 = numerator < denominator << BigInt(mostForInt32);
  const pool = entropyPool(random);
  const fill = (out: Float64Array) =>
    drawAll(pool, out.length, (done, entropy) => binding.fill(distribution, text, out.subarray(done), entropy));
  return {
    fill(out) {
      if (out instanceof Float64Array) return fill(out);
      if (!fitsInt32) throw fail("TRB_DP_VARIANCE_TOO_LARGE", { most: mostForInt32 * squares });
      const chunk = new Float64Array(Math.min(chunkLength, out.length));
      for (let start = 0; start < out.length; start += chunkLength) {
        const part = chunk.subarray(0, Math.min(chunkLength, out.length - start));
        fill(part);
        if (!part.every((sample) => Math.abs(sample) <= 0x7fffffff)) throw fail("TRB_DP_SAMPLE_OUT_OF_RANGE");
        out.set(part, start);
      }
      chunk.fill(0);
    },
  };
}

/** Calls `step` until all is drawn, with fresh bytes whenever those at hand don't reach for what comes next. */
export function drawAll(pool: EntropyPool, length: number, step: (done: number, entropy: Uint8Array) => Progress): void {
  let done = 0;
  while (done < length) {
    if (pool.unread().length === 0) pool.more();
    const progress = step(done, pool.unread());
    done += progress.done;
    pool.use(progress.used);
    if (done < length) pool.more();
  }
}
