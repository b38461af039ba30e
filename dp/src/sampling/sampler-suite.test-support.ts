/**
 * One statistical suite for every sampler of integer noise: ours (fast ones, readable twins) and other libraries' behind `IntegerSampler`.
 * It knows no test runner: each case returns what it measured and the bounds that it may have, and the caller asserts.
 *
 *   for (const { name, run } of samplerCases("gaussian")) it(name, () => { for (const v of run(subject)) expect(v.value)… });
 *
 * False alarms: a right sampler leaves any one `Verdict` with probability at most 1e-10, a case (≤ 10 of them) with at most 1e-9. The
 * bounds are proven ones, never "about six deviations": χ² by Laurent and Massart (2000), Lemma 1 over cells of at least 25 expected;
 * the Kolmogorov distance by Dvoretzky, Kiefer, Wolfowitz with Massart's constant; everything else is a mean of a function of one
 * sample, bounded by Chernoff with the moment generating function of the exact distribution.
 */
import type { Rational } from "../exact/rational.ts";
import type { IntegerSampler } from "./integer-sampler.ts";
import type { RandomSource } from "./random-source.ts";
import { chiSquareLimit, seededSource } from "./seeded-source.ts";

export interface SamplerUnderTest {
  /** @param parameter σ² of the Gaussian, b of the Laplace */
  readonly create: (parameter: Rational, random: RandomSource) => IntegerSampler;
  /** Draws for each case: what the sampler can do in a second or so. */
  readonly samples: number;
  /** Whether the source that it is given determines its samples. */
  readonly seeded: boolean;
}

export interface Verdict {
  readonly what: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
}

export interface SamplerCase {
  readonly name: string;
  readonly parameter: Rational;
  readonly run: (subject: SamplerUnderTest, seed?: number) => Verdict[];
}

export type Shape = "gaussian" | "laplace";

const rational = (numerator: number | bigint, denominator = 1): Rational => ({
  numerator: BigInt(numerator),
  denominator: BigInt(denominator),
});

/** σ² for the Gaussian, b for the Laplace. */
export const suiteParameters: Record<Shape, readonly (readonly [string, Rational])[]> = {
  gaussian: [
    ["1/2", rational(1, 2)],
    ["25/4", rational(25, 4)],
    ["100", rational(100)],
    ["10^6", rational(10 ** 6)],
    ["10^10", rational(10n ** 10n)],
  ],
  laplace: [
    ["1/2", rational(1, 2)],
    ["5/2", rational(5, 2)],
    ["10", rational(10)],
    ["1000", rational(1000)],
    ["10^5", rational(10 ** 5)],
  ],
};

/** Everything that holds for one sampler alone. */
export function samplerCases(shape: Shape): SamplerCase[] {
  return suiteParameters[shape].map(([name, parameter]) => ({
    name: `${shape} ${name}`,
    parameter,
    run: (subject, seed = 5) => {
      const samples = new Float64Array(subject.samples);
      const sampler = subject.create(parameter, seededSource(seed));
      sampler.fill(samples);
      return [
        ...againstExact(samples, exactCells(shape, parameter)),
        ...residues(samples, shape, parameter),
        ...(subject.seeded ? replays(subject, parameter, seed) : []),
      ];
    },
  }));
}

/** Two samplers of the same distribution, cell by cell: χ² of the difference. */
export function agreement(shape: Shape, parameter: Rational, a: SamplerUnderTest, b: SamplerUnderTest, seed = 8): Verdict {
  const count = Math.min(a.samples, b.samples);
  const { probability, cellOf } = exactCells(shape, parameter);
  const difference = new Float64Array(probability.length);
  const sum = new Float64Array(probability.length);
  for (const [subject, sign] of [[a, 1] as const, [b, -1] as const]) {
    const samples = new Float64Array(count);
    subject.create(parameter, seededSource(seed + sign)).fill(samples);
    for (const x of samples) {
      const cell = cellOf(x);
      difference[cell] = (difference[cell] as number) + sign;
      sum[cell] = (sum[cell] as number) + 1;
    }
  }
  let statistic = 0;
  let degrees = 0;
  for (const [i, due] of probability.entries()) {
    if (due * count < 25) continue;
    statistic += (difference[i] as number) ** 2 / (sum[i] as number);
    degrees += 1;
  }
  return atMost("twins differ: χ²", statistic, chiSquareLimit(degrees));
}

// ── exact probabilities ──────────────────────────────────────────────────────────────────────────────────────────

interface Cells {
  /** `[2·reach + 1]` */
  readonly probability: Float64Array;
  /** Values in a cell; odd, cell `reach` has 0 in its middle. */
  readonly width: number;
  readonly reach: number;
  /** Typical size of a sample: σ, or √2·b. */
  readonly size: number;
  readonly cellOf: (x: number) => number;
}

/** Cells of about a tenth of the size, out to where less than 1e-30 is left. */
function exactCells(shape: Shape, parameter: Rational): Cells {
  const value = Number(parameter.numerator) / Number(parameter.denominator);
  const weight = (x: number) => Math.exp(shape === "gaussian" ? (-x * x) / (2 * value) : -Math.abs(x) / value);
  const size = shape === "gaussian" ? Math.sqrt(value) : Math.SQRT2 * value;
  const width = Math.max(1, Math.floor(size / 10)) | 1;
  const reach = Math.ceil(((shape === "gaussian" ? 12 : 52) * size) / width) + 2;
  const half = (width - 1) / 2;
  const probability = new Float64Array(2 * reach + 1);
  let total = 0;
  for (let cell = 0; cell <= reach; cell++) {
    let sum = 0;
    for (let k = -half; k <= half; k++) sum += weight(cell * width + k);
    probability[reach + cell] = sum;
    probability[reach - cell] = sum;
    total += cell === 0 ? sum : 2 * sum;
  }
  for (let i = 0; i < probability.length; i++) probability[i] = (probability[i] as number) / total;
  return { probability, width, reach, size, cellOf: (x) => Math.round(x / width) + reach };
}

// ── one sampler against them ─────────────────────────────────────────────────────────────────────────────────────

const atMost = (what: string, value: number, most: number): Verdict => ({ what, value, least: Number.NEGATIVE_INFINITY, most });

function againstExact(samples: Float64Array, cells: Cells): Verdict[] {
  const { probability, width, reach, size, cellOf } = cells;
  const counts = new Float64Array(probability.length);
  let broken = 0;
  for (const x of samples) {
    const cell = cellOf(x);
    if (!Number.isInteger(x) || Object.is(x, -0) || !(cell >= 0 && cell < counts.length)) broken += 1;
    else counts[cell] = (counts[cell] as number) + 1;
  }
  const inner = (i: number) => Math.max(0, Math.abs(i - reach) * width - (width - 1) / 2) / size;
  const outer = (i: number) => (Math.abs(i - reach) * width + (width - 1) / 2) / size;
  const sign = (i: number) => Math.sign(i - reach);
  const signed = (i: number): readonly [number, number] =>
    i === reach ? [-outer(i), outer(i)] : sign(i) > 0 ? [inner(i), outer(i)] : [-outer(i), -inner(i)];
  const beyond = (limit: number) => (i: number) => (inner(i) > limit ? 1 : 0);
  return [
    { what: "samples that are no integers, minus zero, or out of reach", value: broken, least: 0, most: 0 },
    chiSquare(counts, probability, samples.length, reach),
    kolmogorov(counts, probability, samples.length),
    meanWithin("more on one side of 0 than on the other", counts, cells, (i) => [sign(i), sign(i)]),
    meanWithin("cell of 0", counts, cells, (i) => (i === reach ? [1, 1] : [0, 0])),
    meanWithin("mean", counts, cells, signed, samples.reduce((sum, x) => sum + x / size, 0) / samples.length),
    meanWithin(
      "variance",
      counts,
      cells,
      (i) => [Math.min(inner(i), 40) ** 2, Math.min(outer(i), 40) ** 2],
      samples.reduce((sum, x) => sum + (x / size) ** 2, 0) / samples.length,
    ),
    ...[3, 3.5, 4.5].map((limit) =>
      meanWithin(`beyond ${limit} deviations`, counts, cells, (i) => [beyond(limit)(i), beyond(limit)(i)]),
    ),
  ];
}

/** Cells of fewer than 25 expected are joined into one for each side. */
function chiSquare(counts: Float64Array, probability: Float64Array, samples: number, middle: number): Verdict {
  let statistic = 0;
  let degrees = -1;
  const tails = [
    [0, 0],
    [0, 0],
  ] as [[number, number], [number, number]];
  const addCell = (seen: number, due: number) => {
    statistic += (seen - due) ** 2 / due;
    degrees += 1;
  };
  for (const [i, p] of probability.entries()) {
    if (p * samples >= 25) addCell(counts[i] as number, p * samples);
    else {
      const tail = i < middle ? tails[0] : tails[1];
      tail[0] += counts[i] as number;
      tail[1] += p * samples;
    }
  }
  for (const [seen, due] of tails) if (due > 1) addCell(seen, due);
  return atMost("χ²", statistic, chiSquareLimit(degrees));
}

/** Largest distance of the two distribution functions at the cells' edges. */
function kolmogorov(counts: Float64Array, probability: Float64Array, samples: number): Verdict {
  let [seen, due, distance] = [0, 0, 0];
  for (const [i, p] of probability.entries()) {
    seen += (counts[i] as number) / samples;
    due += p;
    distance = Math.max(distance, Math.abs(seen - due));
  }
  return atMost("Kolmogorov distance", distance, Math.sqrt(Math.log(2e10) / (2 * samples)));
}

/**
 * The mean of f over the samples, within Chernoff's bounds: P[mean ≥ t] ≤ exp(n(Λ(λ) − λt)) for every λ > 0, Λ the logarithm of E e^{λf}.
 * @param bounds of f in cell i; Λ takes the upper one for λ > 0 and the lower one for λ < 0, so that it is never too small
 * @param value the mean; from the cells' counts unless given
 */
function meanWithin(
  what: string,
  counts: Float64Array,
  { probability }: Cells,
  bounds: (i: number) => readonly [number, number],
  value = counts.reduce((sum, count, i) => sum + count * bounds(i)[0], 0) / counts.reduce((a, b) => a + b, 0),
): Verdict {
  const n = counts.reduce((a, b) => a + b, 0);
  const edge = (direction: 1 | -1): number => {
    const f = Float64Array.from(probability, (_, i) => direction * bounds(i)[direction === 1 ? 1 : 0]);
    const most = f.reduce((a, b) => Math.max(a, b));
    let best = Number.POSITIVE_INFINITY;
    for (let exponent = -9; exponent <= 4; exponent += 1 / 4) {
      const lambda = 10 ** exponent;
      const largest = lambda * most;
      let sum = 0;
      for (let i = 0; i < f.length; i++) sum += (probability[i] as number) * Math.exp(lambda * (f[i] as number) - largest);
      best = Math.min(best, (Math.log(sum) + largest + Math.log(2e10) / n) / lambda);
    }
    return direction * best;
  };
  return { what, value, least: edge(-1), most: edge(1) };
}

/**
 * The low bits, which no wide cell sees: for σ ≥ 2m (b ≥ 100m), x mod m is uniform to 1e-30 (to 1e-4/m: too little to be seen), for odd and even m.
 */
function residues(samples: Float64Array, shape: Shape, parameter: Rational): Verdict[] {
  const value = Number(parameter.numerator) / Number(parameter.denominator);
  const room = shape === "gaussian" ? Math.sqrt(value) / 2 : value / 100;
  return [16, 27, 256].flatMap((m) => {
    if (room < m) return [];
    const counts = new Float64Array(m);
    for (const x of samples) {
      const residue = ((x % m) + m) % m;
      counts[residue] = (counts[residue] as number) + 1;
    }
    const due = samples.length / m;
    const statistic = counts.reduce((sum, count) => sum + (count - due) ** 2 / due, 0);
    return [atMost(`remainders by ${m}: χ²`, statistic, chiSquareLimit(m - 1))];
  });
}

/** A seed replays, and one batch is what several smaller ones, and single draws, are together. */
function replays(subject: SamplerUnderTest, parameter: Rational, seed: number): Verdict[] {
  const draw = (pieces: readonly number[]) => {
    const out = new Float64Array(pieces.reduce((a, b) => a + b, 0));
    const sampler = subject.create(parameter, seededSource(seed));
    let start = 0;
    for (const length of pieces) sampler.fill(out.subarray(start, (start += length)));
    return out;
  };
  const different = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + (x === b[i] ? 0 : 1), 0);
  const whole = draw([240]);
  const none = (what: string, value: number): Verdict => ({ what, value, least: 0, most: 0 });
  return [
    none("samples that a replayed seed changes", different(whole, draw([240]))),
    none("samples that batches of another size change", different(whole, draw([100, 1, 0, 139]))),
    none("samples that single draws change", different(whole, draw(new Array<number>(240).fill(1)))),
  ];
}
