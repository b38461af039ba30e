/** How long stragglers are waited for. */
import type { Plan } from "@tributary/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { leastDeadline, phaseOf, trackPhaseTimes } from "./phase-times.ts";

const deadlines: Plan["deadlines"] = {
  ...{ keys: 60_000, shares: 60_000, uploadOffset: 20_000, masked: 120_000, consistency: 60_000, unmask: 60_000 },
  grace: 600_000,
};
const most = { keys: 60_000, shares: 60_000, masked: 140_000, consistency: 60_000, unmask: 60_000 } as const;

/** So many rounds whose answers in a phase took so long. */
function after(phase: string, times: readonly (readonly number[])[]) {
  const track = trackPhaseTimes({ deadlines });
  for (const [i, answers] of times.entries()) {
    track.began(i + 1, phase, 1_000_000 * i);
    for (const time of answers) track.answered(i + 1, phase, 1_000_000 * i + time);
  }
  return track;
}

test("until it has measured something the plan's deadline holds", () => {
  expect(after("keys", []).deadline("keys", most.keys)).toBe(most.keys);
  expect(after("keys", [[100], [100]]).deadline("keys", most.keys)).toBe(most.keys);
  expect(after("keys", [[100], [100], [100]]).deadline("shares", most.shares)).toBe(most.shares); // each phase by itself
  expect(after("keys", [[], [], [], []]).deadline("keys", most.keys)).toBe(most.keys); // nobody answered
});

test("then twice the longest time lately, and a margin", () => {
  expect(after("keys", [[100, 4_000], [3_000], [200]]).deadline("keys", most.keys)).toBe(8_500);
  const long = [[9_000], ...Array.from({ length: 11 }, () => [1_500])];
  expect(after("keys", long).deadline("keys", most.keys)).toBe(3_500); // what was long ago is forgotten
  expect(after("keys", [[1], [1], [1]]).deadline("keys", most.keys)).toBe(leastDeadline);
});

test("an answer that came too late makes the next deadline longer", () => {
  const track = after("keys", [[1_500], [1_500], [1_500]]);
  expect(track.deadline("keys", most.keys)).toBe(3_500);
  track.answered(3, "keys", 2_000_000 + 11_000);
  expect(track.deadline("keys", most.keys)).toBe(22_500);
});

test("uploads are waited for until they may have left, whatever was measured", () => {
  const early = after("masked", [[5], [5], [5]]);
  expect(early.deadline("masked", most.masked)).toBe(deadlines.uploadOffset + leastDeadline);
  expect(after("masked", [[25_000], [25_000], [25_000]]).deadline("masked", most.masked)).toBe(50_500);
});

test("a phase that is announced again after a restart began when it began", () => {
  const track = after("keys", [[1_500], [1_500]]);
  track.began(3, "keys", 5_000_000);
  track.began(3, "keys", 5_004_000);
  track.answered(3, "keys", 5_005_000);
  expect(track.deadline("keys", most.keys)).toBe(10_500);
});

test("no deadline is ever later than the plan's, nor earlier than uploads need, whatever was measured (seed 4603)", () => {
  const times = fc.array(fc.array(fc.integer({ min: 0, max: 500_000 }), { maxLength: 4 }), { maxLength: 15 });
  fc.assert(
    fc.property(fc.constantFrom("keys", "shares", "masked", "consistency", "unmask"), times, (phase, measured) => {
      const plan = most[phase as keyof typeof most];
      const deadline = after(phase, measured).deadline(phase, plan);
      expect(deadline).toBeLessThanOrEqual(plan);
      expect(deadline).toBeGreaterThanOrEqual(
        Math.min(plan, leastDeadline + (phase === "masked" ? deadlines.uploadOffset : 0)),
      );
    }),
    { seed: 4603, numRuns: 400 },
  );
});

test("a phase is known by what answers it", () => {
  expect(["advert", "masked", "vote", "offer"].map(phaseOf)).toEqual(["keys", "masked", "consistency", undefined]);
});
