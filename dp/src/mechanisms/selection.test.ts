/** Selections: what comes out is the stated distribution, and on neighbouring inputs it is as close as claimed. */
import { describe, expect, it } from "vitest";
import { parseRational, type Rational, toNumber, whole } from "../exact/rational.ts";
import { gibbsChoice } from "../sampling/gibbs-choice.ts";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { chiSquareRatio, hockeyStickOf, renyiOf, tally } from "./exact-distributions.test-support.ts";
import { candidateGroups, privateQuantile, type QuantileOptions } from "./quantile.ts";
import { exponentialMechanism, permuteAndFlip, rhoOfExponential, type SelectionOptions } from "./selection.ts";

const draws = process.env["TRIBUTARY_LONG"] === "1" ? 100_000 : 5000;

/** exp(ε(qᵢ − max)/factor·Δ) */
function weights(scores: readonly number[], epsilon: number, factor: number): number[] {
  const best = Math.max(...scores);
  return scores.map((score) => Math.exp((epsilon * (score - best)) / factor));
}

function softmax(scores: readonly number[], epsilon: number, factor = 2): number[] {
  const raw = weights(scores, epsilon, factor);
  const total = raw.reduce((a, b) => a + b, 0);
  return raw.map((value) => value / total);
}

/** P[choice = i] of permute-and-flip, over all orders: i comes after a set S that was refused, in |S|!(n − 1 − |S|)! of n! orders. */
function flipped(scores: readonly number[], epsilon: number, factor = 2): number[] {
  const accept = weights(scores, epsilon, factor);
  const n = scores.length;
  const factorial = (k: number): number => (k < 2 ? 1 : k * factorial(k - 1));
  return accept.map((own, i) => {
    let sum = 0;
    for (let set = 0; set < 2 ** n; set++) {
      if (set & (1 << i)) continue;
      const members = accept.filter((_, j) => set & (1 << j));
      const refused = members.reduce((product, p) => product * (1 - p), 1);
      sum += (refused * factorial(members.length) * factorial(n - 1 - members.length)) / factorial(n);
    }
    return own * sum;
  });
}

describe("gibbsChoice (false alarm ≤ 1e-9; seed 41)", () => {
  it("is proportional to multiplicity·exp(−γ), also for options that hardly ever come", () => {
    const gammas: Rational[] = [whole(0), parseRational("0.7"), whole(2), whole(300), { numerator: 1n, denominator: 3n }];
    const multiplicities = [1n, 4n, 30n, 5n, 2n];
    const raw = gammas.map((gamma, i) => Math.exp(-toNumber(gamma)) * Number(multiplicities[i]));
    const total = raw.reduce((a, b) => a + b, 0);
    const options = gammas.map((gamma, i) => ({ gamma, multiplicity: multiplicities[i] ?? 1n }));
    const words = wordReader(seededSource(41));
    const counts = tally(draws, 5, () => gibbsChoice(options, words));
    expect(counts[3]).toBe(0);
    expect(
      chiSquareRatio(
        counts,
        raw.map((value, i) => (i === 3 ? 0 : value / total)),
      ),
    ).toBeLessThan(1);
  });

  it("keeps or throws away by the true weight, also where 64 bits of the uniform number don't decide", () => {
    // e^−0.7 and e^−2: places up to 0.4965·2^128 are the first's, the others up to 0.6319·2^128 the second's. One is kept with probability
    // e^−γ·2^128/⌈e^−γ·2^128⌉, which is above 1 − 2^−126: below it lies 1 − 2^−64, and 1 − 2^−192 lies above
    const options = [parseRational("0.7"), whole(2)].map((gamma) => ({ gamma, multiplicity: 1n }));
    const first = [0, 0, 0, 0];
    const ones = (words: number) => new Array<number>(words).fill(2 ** 32 - 1);
    const second = [2 ** 31, 2 ** 31, 0, 0];
    expect(gibbsChoice(options, scripted([...first, ...ones(2), ...second]))).toBe(0); // else its bits would be the next place
    expect(gibbsChoice(options, scripted([...first, ...ones(6), ...second]))).toBe(1);
    expect(gibbsChoice(options, scripted([...second, ...ones(2), ...first]))).toBe(1);
    expect(gibbsChoice(options, scripted([...second, ...ones(6), ...first]))).toBe(0);
  });
});

/** The words given, and zeros after them. */
function scripted(words: readonly number[]): RandomSource {
  let next = 0;
  return {
    fill(out) {
      const room = new Uint32Array(out.buffer, out.byteOffset, out.length / 4);
      for (let i = 0; i < room.length; i++) room[i] = words[next++] ?? 0;
    },
  };
}

describe.each([
  ["exponentialMechanism", exponentialMechanism, softmax],
  ["permuteAndFlip", permuteAndFlip, flipped],
] as const)("%s", (_, mechanism, distribution) => {
  it.each([
    { epsilon: "1.5" },
    { epsilon: "0.7", monotone: true },
    { epsilon: "3", sensitivity: "2.5" },
  ] satisfies SelectionOptions[])(
    "has the stated distribution: %o (false alarm ≤ 1e-9; seed 42)",
    (options: SelectionOptions) => {
      const scores = [3, 5, 4, 5, 1];
      const scale = Number(options.sensitivity ?? 1) * (options.monotone ? 1 : 2);
      const words = wordReader(seededSource(42));
      const counts = tally(draws, 5, () => mechanism(scores, options, words).choice);
      expect(chiSquareRatio(counts, distribution(scores, Number(options.epsilon), scale))).toBeLessThan(1);
      expect(chiSquareRatio(counts, distribution(scores, Number(options.epsilon) * 1.8, scale))).toBeGreaterThan(1);
    },
  );

  it("is ε-private on every pair of small neighbouring scores, and some pair comes close", () => {
    let largest = 0;
    for (let code = 0; code < 4 ** 3; code++) {
      const scores = [code & 3, (code >> 2) & 3, code >> 4];
      for (let move = 0; move < 27; move++) {
        const moved = scores.map((score, i) => score + (Math.floor(move / 3 ** i) % 3) - 1);
        const [p, q] = [distribution(scores, 1.2), distribution(moved, 1.2)];
        expect(hockeyStickOf(p, q, 1.2 + 1e-12)).toBeLessThan(1e-13);
        largest = Math.max(largest, ...p.map((value, i) => Math.log(value / (q[i] as number))));
      }
    }
    expect(largest).toBeGreaterThan(0.85 * 1.2);
  });

  it("is ε-private at twice the rate when all scores move in one direction", () => {
    for (let code = 0; code < 4 ** 3; code++) {
      const scores = [code & 3, (code >> 2) & 3, code >> 4];
      for (let move = 0; move < 8; move++) {
        const moved = scores.map((score, i) => score + ((move >> i) & 1));
        expect(hockeyStickOf(distribution(scores, 1.2, 1), distribution(moved, 1.2, 1), 1.2 + 1e-12)).toBeLessThan(1e-13);
      }
    }
  });

  it("names ε as its cost, rounded up, and refuses bad input", () => {
    const options = { epsilon: "0.1" };
    expect(mechanism([1], options, seededSource(1))).toEqual({
      choice: 0,
      event: { kind: "approximate", epsilon: toNumber(parseRational("0.1"), "up"), delta: 0 },
    });
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => mechanism([], options, seededSource(1))).toThrow(refused("TRB_DP_PARAMETER_INVALID"));
    expect(() => mechanism([0.5], options, seededSource(1))).toThrow(refused("TRB_DP_PARAMETER_INVALID"));
    expect(() => mechanism([1], { epsilon: "0" }, seededSource(1))).toThrow(refused("TRB_DP_EPSILON_INVALID"));
    expect(() => mechanism([1], { epsilon: "1", sensitivity: "0" }, seededSource(1))).toThrow(
      refused("TRB_DP_SENSITIVITY_INVALID"),
    );
  });
});

it("the exponential mechanism is ε²/8-zCDP, and permute-and-flip is not always", () => {
  const epsilon = 2;
  let most = 0;
  for (let a = 0; a < 5; a++) {
    for (let b = 0; b < 5; b++) {
      for (const order of [1.01, 1.5, 2, 4, 16]) {
        const [p, q] = [softmax([a, b, 2], epsilon), softmax([a + 1, b - 1, 3], epsilon)];
        const ratio = renyiOf(p, q, order) / order;
        expect(ratio).toBeLessThanOrEqual(rhoOfExponential(epsilon) + 1e-12);
        most = Math.max(most, ratio);
      }
    }
  }
  expect(most).toBeGreaterThan(0.8 * rhoOfExponential(epsilon));
});

it("permute-and-flip scores no worse than the exponential mechanism", () => {
  for (const scores of [
    [0, 1, 2],
    [5, 5, 1, 0],
    [0, 9, 9, 8],
  ]) {
    const mean = (p: number[]) => p.reduce((sum, value, i) => sum + value * (scores[i] as number), 0);
    expect(mean(flipped(scores, 1))).toBeGreaterThanOrEqual(mean(softmax(scores, 1)) - 1e-12);
  }
});

describe("the quantile", () => {
  const options: QuantileOptions = { quantile: [1, 2], lower: 0, upper: 8, steps: 8, epsilon: "1" };

  /** P[candidate] from the definition, candidate by candidate. */
  function direct(values: readonly number[], { quantile: [a, b], steps }: QuantileOptions, epsilon: number): number[] {
    const scores = Array.from({ length: steps + 1 }, (_, x) => {
      const below = values.filter((value) => value < x).length;
      const above = values.filter((value) => value > x).length;
      return -Math.abs((b - a) * below - a * above) / Math.max(a, b - a);
    });
    return softmax(scores, epsilon);
  }

  it.each([
    { values: [1, 2, 2, 7], quantile: [1, 2] },
    { values: [8, 8, 0], quantile: [9, 10] },
    { values: [], quantile: [1, 2] },
    { values: [3], quantile: [0, 1] },
  ] as const)("groups stand for the candidates: %o", ({ values, quantile }) => {
    const asked = { ...options, quantile };
    const groups = candidateGroups(new Float64Array(values), asked);
    const raw = groups.flatMap(({ gamma, multiplicity }) =>
      new Array<number>(Number(multiplicity)).fill(Math.exp(-toNumber(gamma))),
    );
    const total = raw.reduce((a, b) => a + b, 0);
    const expected = direct(values, asked, 1);
    expect(raw.length).toBe(9);
    for (const [x, value] of raw.entries()) expect(value / total).toBeCloseTo(expected[x] as number, 12);
    expect(groups.map(({ first }) => first)).toEqual(
      groups.map((_, i) => groups.slice(0, i).reduce((sum, g) => sum + Number(g.multiplicity), 0)),
    );
  });

  it("is ε-private whoever is added, for several quantiles", () => {
    for (const quantile of [
      [1, 2],
      [1, 4],
      [9, 10],
      [1, 1],
    ] as const) {
      for (let code = 0; code < 9 ** 3; code++) {
        const values = [code % 9, Math.floor(code / 9) % 9, Math.floor(code / 81)];
        const asked = { ...options, quantile };
        const [p, q] = [direct(values, asked, 1), direct(values.slice(1), asked, 1)];
        expect(hockeyStickOf(p, q, 1 + 1e-12)).toBeLessThan(1e-13);
      }
    }
  });

  it("draws from that distribution (false alarm ≤ 1e-9; seed 44)", () => {
    const values = [1, 2, 2, 7, 6, 3];
    const words = wordReader(seededSource(44));
    const counts = tally(draws, 9, () => privateQuantile(new Float64Array(values), options, words).value);
    expect(chiSquareRatio(counts, direct(values, options, 1))).toBeLessThan(1);
  });

  it("finds a median of many values on a fine grid, clamps what is outside, and counts no numbers as the lower bound", () => {
    const values = Float64Array.from({ length: 2000 }, (_, i) => Math.sin(i) * 40 + 50);
    const fine = { ...options, lower: 0, upper: 100, steps: 2 ** 40 };
    const { value, event } = privateQuantile(values, fine, seededSource(45));
    expect(Math.abs(value - 50)).toBeLessThan(3);
    expect(event).toEqual({ kind: "approximate", epsilon: 1, delta: 0 });
    const strange = candidateGroups(new Float64Array([Number.NaN, -5, 1e9, Number.NEGATIVE_INFINITY]), options);
    expect(strange.map(({ first, multiplicity }) => [first, Number(multiplicity)])).toEqual([
      [0, 1],
      [1, 7],
      [8, 1],
    ]);
  });

  it.each([{ quantile: [2, 1] as const }, { quantile: [1, 0] as const }, { steps: 0 }, { upper: 0 }, { lower: Number.NaN }])(
    "refuses %o",
    (change) => {
      expect(() => privateQuantile(new Float64Array(1), { ...options, ...change }, seededSource(1))).toThrow(
        expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }),
      );
    },
  );
});
