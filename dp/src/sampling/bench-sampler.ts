/** `tributary bench sampler`: how many samples a second the fast sampler and its readable twin draw on one core. */
import { parseRational } from "../exact/rational.ts";
import { discreteGaussian } from "./discrete-gaussian.ts";
import { fastDiscreteGaussian } from "./fast-discrete-gaussian.ts";
import { type RandomSource, wordReader } from "./random-source.ts";

export interface SamplerBenchmark {
  /** σ, integer units */
  readonly deviation: number;
  /** Median over the repetitions, samples a second. */
  readonly fast: number;
  readonly twin: number;
  /** Fast over twin, from the same run. */
  readonly ratio: number;
  /** Slowest and fastest repetition of the fast one, samples a second. */
  readonly spread: readonly [number, number];
}

/** @param now milliseconds of a monotonic clock */
export function benchSampler(
  random: RandomSource,
  now: () => number = () => performance.now(),
  { deviations = ["4", "100", "10000", "1e6"], repetitions = 5, samples = 500_000 } = {},
): SamplerBenchmark[] {
  const twinSamples = Math.max(1, Math.floor(samples / 50));
  return deviations.map((text) => {
    const { numerator, denominator } = parseRational(text);
    const variance = { numerator: numerator ** 2n, denominator: denominator ** 2n };
    const out = new Float64Array(samples);
    const sampler = fastDiscreteGaussian(variance, random);
    sampler.fill(out.subarray(0, Math.min(samples, 100_000))); // compiled before it is timed
    const fast: number[] = [];
    const twin: number[] = [];
    for (let i = 0; i < repetitions; i++) {
      const begin = now();
      sampler.fill(out);
      const middle = now();
      const words = wordReader(random);
      for (let j = 0; j < twinSamples; j++) discreteGaussian(variance, words);
      const end = now();
      fast.push((samples * 1000) / (middle - begin));
      twin.push((twinSamples * 1000) / (end - middle));
    }
    const sorted = fast.toSorted((a, b) => a - b);
    return {
      deviation: Number(text),
      fast: median(fast),
      twin: median(twin),
      ratio: median(fast) / median(twin),
      spread: [sorted.at(0) ?? 0, sorted.at(-1) ?? 0],
    };
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
