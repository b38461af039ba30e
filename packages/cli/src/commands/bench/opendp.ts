/** OpenDP's samplers on the clock, for the rows beside ours in `tributary bench dp`. */
import type { BuiltOpenDp } from "@opendp/opendp";
import { parseRational, type RandomSource, type SamplerBenchmark } from "@tributary/dp";
import { isTributaryError } from "@tributary/errors";
import { opendpPackage } from "../../opendp-package.ts";

export interface OpenDpBenchmark extends Pick<SamplerBenchmark, "distribution" | "scale" | "spread"> {
  /** Samples a second: median over the repetitions. */
  readonly rate: number;
}

/** Undefined where it is not built. @throws TRB_OPENDP_ARTEFACT_CHANGED */
export async function builtOpenDp(): Promise<BuiltOpenDp | undefined> {
  try {
    return await (await opendpPackage()).openOpenDp();
  } catch (error) {
    if (isTributaryError(error) && error.code === "TRB_OPENDP_NOT_BUILT") return undefined;
    throw error;
  }
}

/** @param rows whose distributions and scales are drawn: those that ours were measured at */
export function benchOpenDp(
  opendp: BuiltOpenDp,
  random: RandomSource,
  rows: readonly Pick<SamplerBenchmark, "distribution" | "scale">[],
  { repetitions = 5, samples = 50_000 } = {},
): OpenDpBenchmark[] {
  return rows.map(({ distribution, scale }) => {
    const gaussian = distribution === "gaussian";
    const parameter = parseRational(String(gaussian ? scale * scale : scale));
    const sampler = gaussian ? opendp.discreteGaussian(parameter, random) : opendp.discreteLaplace(parameter, random);
    const out = new Float64Array(samples);
    const rates = Array.from({ length: repetitions }, () => {
      const begin = performance.now();
      sampler.fill(out);
      return (samples * 1000) / (performance.now() - begin);
    }).sort((a, b) => a - b);
    const rate = rates[Math.floor(repetitions / 2)] ?? 0;
    return { distribution, scale, rate, spread: [rates.at(0) ?? 0, rates.at(-1) ?? 0] };
  });
}
