/** The course of a learning rate, held to numbers worked out by hand, and to what it must be whatever its numbers are. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { examplePlan } from "./example-plan.ts";
import { describePlan, explainPlan } from "./explain.ts";
import { rateFactor } from "./schedule.ts";
import type { Release } from "./schema.ts";
import { decimal, soundPlans } from "./sound-plans.test-support.ts";

const [training] = examplePlan().releases as [Release];
const course = (release: Partial<Release>, rounds: number) =>
  Array.from({ length: rounds }, (_, before) => rateFactor({ ...training, ...release }, before));

test("without a schedule the rate stays what it is", () => {
  expect(course({}, 3)).toEqual([1, 1, 1]);
});

test("a cosine rises, falls, ends at its last factor with the rounds that are wanted, and stays there in retries", () => {
  const cosine = course({ rounds: 8, retries: 1, schedule: { shape: "cosine", warmUp: 2, last: decimal("0.2") } }, 9);
  // wanted are 7: 2 of warm-up, then t = 0, 1/4, 1/2, 3/4, 1
  const fall = [0, 1 / 4, 1 / 2, 3 / 4, 1, 1, 1].map((t) => 0.2 + (0.8 * (1 + Math.cos(Math.PI * t))) / 2);
  const expected = [1 / 3, 2 / 3, ...fall];
  for (const [i, factor] of cosine.entries()) expect(factor).toBeCloseTo(expected[i] ?? 0, 14);
  expect(cosine[4]).toBeCloseTo(0.6, 14);
  expect(course({ rounds: 1, schedule: { shape: "cosine", last: decimal("0.5") } }, 1)).toEqual([0.5]);
});

test("steps hold until the next one, and a warm-up lowers what they say", () => {
  const steps = [
    { from: 0, factor: decimal("2") },
    { from: 3, factor: decimal("0.5") },
  ];
  expect(course({ schedule: { shape: "piecewise", steps } }, 5)).toEqual([2, 2, 2, 0.5, 0.5]);
  expect(course({ schedule: { shape: "piecewise", warmUp: 1, steps } }, 5)).toEqual([1, 2, 2, 0.5, 0.5]);
});

test("whatever its numbers, a cosine is above 0, never above 1, and falls once it has risen (seed 46)", () => {
  const numbers = fc.record({
    rounds: fc.integer({ min: 1, max: 60 }),
    warmUp: fc.integer({ min: 0, max: 20 }),
    last: fc.integer({ min: 1, max: 1000 }),
  });
  fc.assert(
    fc.property(numbers, ({ rounds, warmUp, last }) => {
      const factors = course({ rounds, schedule: { shape: "cosine", warmUp, last: decimal(String(last / 1000)) } }, rounds + 2);
      for (const [i, factor] of factors.entries()) {
        expect(factor).toBeGreaterThan(0);
        expect(factor).toBeLessThanOrEqual(1);
        if (i > warmUp) expect(factor).toBeLessThanOrEqual((factors[i - 1] ?? 0) + 1e-12);
        else if (i > 0 && i < warmUp) expect(factor).toBeGreaterThan(factors[i - 1] ?? 0);
      }
    }),
    { seed: 46, numRuns: 300 },
  );
});

test("stages, schedules, an early stop and promotions are explained", () => {
  const said = (name: keyof typeof soundPlans) => explainPlan(soundPlans[name]).join("\n");
  expect(said("scheduled")).toContain("In release 1 the learning rate rises over 2 rounds, then falls along a cosine to 0.1");
  expect(said("scheduled")).toContain("is 0.1 of the optimiser's from round 1 on, 0.01 of the optimiser's from round 4 on");
  expect(said("stopping")).toContain("once 2 releases of metrics in a row bring no gain");
  expect(said("stopping")).toContain("after every 5 released rounds of training");
  expect(said("promoting")).toContain("at least 0.005 above that of the one promoted before");
  const [first] = soundPlans.scheduled.releases;
  const staged = { ...soundPlans.scheduled, releases: [first, { ...first, clipNorm: decimal("0.25") }] as Release[] };
  expect(explainPlan(staged).join("\n")).toContain("Training runs in stages, in this order: 10 rounds clipped to");
  expect(said("scheduled")).not.toContain("in stages");
  const { releases, earlyStop, promotion } = describePlan(soundPlans.stopping);
  expect([releases[1]?.schedule, earlyStop, promotion]).toEqual([
    ...[null, { metric: "ndcg10", patience: 2, leastGain: "0.001" }, { rule: "rounds", every: 5 }],
  ]);
  expect(describePlan(soundPlans.scheduled)).toMatchObject({ releases: [{ schedule: { last: "0.1" } }, {}], earlyStop: null });
});
