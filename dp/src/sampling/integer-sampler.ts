/** What draws integer noise: our samplers, or another library's behind the same interface. */
import { fail } from "@tributary/errors";

/** Draws integers of one fixed distribution, exactly: nothing but whole random bits and integer arithmetic decides a sample. */
export interface IntegerSampler {
  /** Fills the whole array with independent samples. @throws TRB_DP_VARIANCE_TOO_LARGE, TRB_DP_SAMPLE_OUT_OF_RANGE */
  fill(out: Float64Array | Int32Array): void;
  /** Marks samplers of `continuous-gaussian.ts`, so that the compiler refuses them where noise is released. */
  readonly simulationOnly?: never;
}

/**
 * The lock on every release path, for callers without types: refuses a sampler that is marked as a simulation's.
 * @throws TRB_DP_SAMPLER_NOT_EXACT
 */
export function checkReleasable(sampler: object): void {
  if ("simulationOnly" in sampler) throw fail("TRB_DP_SAMPLER_NOT_EXACT", { sampler: "continuous Gaussian" });
}

/** The second lock, on what was drawn: noise that is not whole numbers gives away what it hides. @throws TRB_DP_SAMPLER_NOT_EXACT */
export function checkIntegers(samples: Float64Array): void {
  let fractions = 0; // stays 0 as long as everything is a whole number
  for (let i = 0; i < samples.length; i++) fractions += (samples[i] as number) - Math.floor(samples[i] as number);
  if (fractions !== 0) throw fail("TRB_DP_SAMPLER_NOT_EXACT", { sampler: "given" });
}
