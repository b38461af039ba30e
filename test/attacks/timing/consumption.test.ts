/**
 * The samplers reject: how many random words they read, and so how long they take, depends on the words. It must depend on nothing else. Here that is
 * exact: whatever the data, the same bytes are asked for in the same order, and the noise that comes of them is the same. `sampling-time.long.test.ts`
 * measures what this can't see.
 */
import { noisyVector, type RandomSource, wordReader } from "@tributary/dp";
import { expect, test } from "vitest";
import { finding } from "../finding.ts";
import {
  type DataClass,
  extremes,
  parameters,
  perturb,
  perturbPacked,
  type Streams,
  spike,
  spread,
  streamsOf,
  zeros,
} from "./stage.ts";

const classes: readonly DataClass[] = [zeros, extremes, spread, spike];
/** Of a packed sum: no node sends a vector longer than C, so that `extremes` is shortened to it. */
const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

type Work = (total: Float64Array, random: Streams) => Uint32Array;

/** Lengths of what is asked for, in order: n of the noise, r of the rounding; and how many words fetched last were left over. */
function consumptionOf(work: Work, data: DataClass, seed: number): string {
  const asked: string[] = [];
  const listening = (source: RandomSource, name: string): RandomSource => ({
    fill(out) {
      asked.push(`${name}${out.length}`);
      source.fill(out);
    },
  });
  const { noise, rounding } = streamsOf(seed);
  const reader = wordReader(listening(noise, "n")); // samplers fetch ahead: theirs is this one
  work(data(parameters), { noise: reader, rounding: listening(rounding, "r") });
  return `${asked.join(" ")} left ${reader.fetched.words.length - reader.fetched.next}`;
}

/** How many seeds there are for which some class reads other bytes than the first. */
const differing = (work: Work) =>
  seeds.filter((seed) => new Set(classes.map((data) => consumptionOf(work, data, seed))).size > 1).length;

test("noise reads the same random bytes whatever it is added to", (context) => {
  const differ = differing(perturb);
  finding(context, {
    what: "random bytes read by a node's noise and dither, zeros against three other classes of data",
    result: `the same calls in the same order in ${seeds.length - differ} of ${seeds.length} seeds`,
    held: differ === 0,
  });
  // word by word: how often they reject differs from seed to seed, and is seen
  expect(new Set(seeds.map((seed) => consumptionOf(perturb, zeros, seed))).size).toBe(seeds.length);
});

test("a packed vector's roundings and noise read the same random bytes whatever it holds", (context) => {
  const differ = differing(perturbPacked);
  finding(context, {
    what: "random bytes read by a packed vector's roundings and noise, zeros against three other classes",
    result: `the same calls in the same order in ${seeds.length - differ} of ${seeds.length} seeds`,
    held: differ === 0,
  });
});

test("the noise is the same for the same bytes: what is taken off a message is the data", () => {
  const bare = { ...parameters, grid: { ...parameters.grid, fractionBits: 0 } }; // no dither between
  const [a, b] = [zeros, spread].map((data) => noisyVector(data(bare), bare, streamsOf(9)));
  const difference = Array.from(b ?? [], (word, i) => (word - (a?.[i] ?? 0)) | 0);
  expect(difference).toEqual([...spread(bare)]);
});

test("who leaves out what costs nothing is found", () => {
  const planted: Work = (total, random) => (total.every((units) => units === 0) ? new Uint32Array() : perturb(total, random));
  expect(differing(planted)).toBe(seeds.length);
  // one that draws no noise for coordinates without data
  const sparse: Work = (total, random) => {
    const filled = total.filter((units) => units !== 0);
    return noisyVector(filled, { ...parameters, dimension: filled.length }, random);
  };
  expect(differing(sparse)).toBe(seeds.length);
});
