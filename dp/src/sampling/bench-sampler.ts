/** `tributary bench sampler`: how many samples a second the fast samplers and their readable twins draw on one core. */
import { multiply, parseRational, type Rational } from "../exact/rational.ts";
import { discreteGaussian } from "./discrete-gaussian.ts";
import { discreteLaplace } from "./discrete-laplace.ts";
import { fastDiscreteGaussian } from "./fast-discrete-gaussian.ts";
import { fastDiscreteLaplace } from "./fast-discrete-laplace.ts";
import { type RandomSource, wordReader } from "./random-source.ts";

/** How many samples a second. */
export interface SamplerBenchmark {
  readonly distribution: "gaussian" | "laplace";
  /** σ of the Gaussian, b of the Laplace, integer units. */
  readonly scale: number;
  /** Median over the repetitions, samples a second. */
  readonly fast: number;
  readonly twin: number;
  /** Fast over twin, from the same run. */
  readonly ratio: number;
  /** Slowest and fastest repetition of the fast one, samples a second. */
  readonly spread: readonly [number, number];
}

const distributions = {
  gaussian: { parameterOf: (scale: Rational) => multiply(scale, scale), fast: fastDiscreteGaussian, twin: discreteGaussian },
  laplace: { parameterOf: (scale: Rational) => scale, fast: fastDiscreteLaplace, twin: discreteLaplace },
};

/** Measures a sampler's rate. @param now milliseconds of a monotonic clock */
export function benchSampler(
  random: RandomSource,
  now: () => number = () => performance.now(),
  { scales = ["4", "10", "100", "10000", "1e6"], repetitions = 5, samples = 500_000 } = {},
): SamplerBenchmark[] {
  const twinSamples = Math.max(1, Math.floor(samples / 50));
  return (["gaussian", "laplace"] as const).flatMap((distribution) =>
    scales.map((text) => {
      const { parameterOf, fast: fastSampler, twin: draw } = distributions[distribution];
      const parameter = parameterOf(parseRational(text));
      const out = new Float64Array(samples);
      const sampler = fastSampler(parameter, random);
      sampler.fill(out.subarray(0, Math.min(samples, 100_000))); // compiled before it is timed
      const fast: number[] = [];
      const twin: number[] = [];
      for (let i = 0; i < repetitions; i++) {
        const begin = now();
        sampler.fill(out);
        const middle = now();
        const words = wordReader(random);
        for (let j = 0; j < twinSamples; j++) draw(parameter, words);
        const end = now();
        fast.push((samples * 1000) / (middle - begin));
        twin.push((twinSamples * 1000) / (end - middle));
      }
      const sorted = fast.toSorted((a, b) => a - b);
      return {
        distribution,
        scale: Number(text),
        fast: median(fast),
        twin: median(twin),
        ratio: median(fast) / median(twin),
        spread: [sorted.at(0) ?? 0, sorted.at(-1) ?? 0] as const,
      };
    }),
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
