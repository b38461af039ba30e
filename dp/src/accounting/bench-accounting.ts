/** `tributary bench dp`: what accounting takes, in milliseconds of one core. Every repetition asks at a rate of its own, so that no answer is remembered. */
import { account } from "./account.ts";
import { repeated, sampledGaussian } from "./events.ts";
import { noiseFor } from "./targets.ts";

/** How long one question to an accountant takes. */
export interface AccountingBenchmark {
  readonly what: string;
  /** Median over the repetitions, milliseconds. */
  readonly median: number;
  /** Fastest and slowest repetition, milliseconds. */
  readonly spread: readonly [number, number];
}

const steps = 10_000;
const target = { epsilon: 8, delta: 1e-6 } as const;

/** What is timed, at a sampling rate of the repetition's. */
const questions: readonly (readonly [string, (samplingRate: number) => unknown])[] = [
  ["ε of 10⁴ steps, rdp-integer", (q) => account("rdp-integer").add(sampledGaussian(q, 1), steps).epsilon(1e-6)],
  ["ε of 10⁴ steps, rdp", (q) => account("rdp").add(sampledGaussian(q, 1), steps).epsilon(1e-6)],
  ["ε of 10⁴ steps charged one by one, rdp", (q) => oneByOne(q)],
  ["ε of 10⁴ steps, pld", (q) => account("pld").add(sampledGaussian(q, 1), steps).epsilon(1e-6)],
  [
    "noise for ε = 8, rdp-integer",
    (q) => noiseFor({ accountant: "rdp-integer", ...target }, (z) => repeated(sampledGaussian(q, z), steps)),
  ],
  ["noise for ε = 8, pld", (q) => noiseFor({ accountant: "pld", ...target }, (z) => repeated(sampledGaussian(q, z), steps))],
];

/** Times the questions of `tributary bench dp`. @param now milliseconds of a monotonic clock */
export function benchAccounting(
  now: () => number = () => performance.now(),
  { repetitions = 9, only = "" } = {},
): AccountingBenchmark[] {
  return questions
    .filter(([what]) => what.includes(only))
    .map(([what, ask]) => {
      for (let i = 0; i < 3; i++) ask(0.01 - i * 1e-6); // compiled before it is timed
      const times = Array.from({ length: repetitions }, (_, i) => {
        const begin = now();
        ask(0.01 + (i + 1) * 1e-6);
        return now() - begin;
      }).toSorted((a, b) => a - b);
      return { what, median: times[Math.floor(repetitions / 2)] ?? 0, spread: [times.at(0) ?? 0, times.at(-1) ?? 0] };
    });
}

function oneByOne(samplingRate: number): unknown {
  let spent = account("rdp");
  const event = sampledGaussian(samplingRate, 1);
  for (let step = 0; step < steps; step++) spent = spent.add(event);
  return spent.epsilon(1e-6);
}
