/**
 * Whether noise takes longer to draw and add for one class of data than for another: `pairs.ts` says how that is asked, and why a busy machine can't bring on
 * a false alarm. `pnpm test:attacks` alone runs it. Each comparison alarms falsely with a chance of 1e-9; `consumption.test.ts` is the exact half.
 */
import { expect, test } from "vitest";
import { finding } from "../finding.ts";
import { comparePairs, leakDeviations, type PairedTimes, signedRanks } from "./pairs.ts";
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

type Work = (total: Float64Array, random: Streams) => unknown;

const timeout = 600_000;
const pairs = 8000;
/** Of a packed vector's time: where it differs by less nothing is claimed (docs/privacy/timing.md). */
const packedTolerance = 0.03;

function compare(work: Work, data: DataClass, tolerance = 0): PairedTimes {
  const target = new Float64Array(parameters.dimension);
  let random = streamsOf(0);
  const ready = (pair: number) => {
    random = streamsOf(1e6 + pair); // both of a pair draw the same noise
  };
  const classes = [zeros(parameters), data(parameters)] as const;
  return comparePairs({ target, classes, ready, run: () => work(target, random) }, { pairs, tolerance });
}

const inWords = ({ pairs: kept, deviations, median, difference }: PairedTimes) =>
  `${deviations.toFixed(1)} deviations in ${kept} pairs, medians ${difference.toFixed(0)} ns of ${(median / 1e3).toFixed(0)} µs apart`;

test("noise takes as long to draw and add whatever it is added to", { timeout }, (context) => {
  for (const [name, data] of [
    ["all coordinates at the clamp's bound", extremes],
    ["a customer's clipped vector", spread],
    ["all of it in one coordinate", spike],
  ] as const) {
    const found = compare(perturb, data);
    finding(context, {
      what: `time of a node's noise: zeros against ${name}`,
      result: inWords(found),
      held: Math.abs(found.deviations) < leakDeviations,
    });
  }
});

test("a packed vector's time tells nothing of it beyond the tolerance that is stated", { timeout }, (context) => {
  const found = compare(perturbPacked, spread, packedTolerance);
  finding(context, {
    what: `time of a packed vector's rotation, roundings and noise: zeros against a customer's vector, beyond ${100 * packedTolerance} %`,
    result: inWords(found),
    held: Math.abs(found.deviations) < leakDeviations,
  });
});

test("a sampler that leaves early where there is nothing is found by the same comparison", { timeout }, (context) => {
  const early: Work = (total, random) => {
    if (total.some((units) => units !== 0)) total.fill(0, 0, 1); // one look at the data, until something is there
    return perturb(total, random);
  };
  const found = compare(early, spread);
  finding(context, {
    what: "time of a planted leak: a sampler that looks for the first coordinate that isn't zero",
    result: inWords(found),
    held: found.deviations < -leakDeviations,
  });
  const unrounded: Work = (total, random) => (total.every((units) => units === 0) ? perturb : perturbPacked)(total, random);
  const packed = compare(unrounded, spread, packedTolerance);
  finding(context, {
    what: "time of a planted leak: a packed vector that is rounded only where there is something to round",
    result: inWords(packed),
    held: packed.deviations > leakDeviations,
  });
});

test("ranks are Wilcoxon's: symmetric differences balance, one-sided ones reach the most that there is", () => {
  expect(signedRanks([1, -1, 2, -2, 3, -3, 0])).toBe(0);
  // all of n one way: Σ rank / √Σ rank² = 10 / √30 of four
  expect(signedRanks([1, 2, 3, 4])).toBeCloseTo(10 / Math.sqrt(30), 12);
  expect(signedRanks([-1, 2, 3, 4])).toBeCloseTo(8 / Math.sqrt(30), 12);
  expect(signedRanks([5, 5, -5])).toBeCloseTo(2 / Math.sqrt(12), 12);
  expect(signedRanks([])).toBe(0);
});
