/** What one leadership measures of its rounds, and what comes of it. */
import type { Entry } from "@tributary/ledger";
import type { NodeId, Plan, Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { expect, test } from "vitest";
import { keepSchedule, type RoundSchedule } from "./schedule.ts";

const names = (count: number) => Array.from({ length: count }, (_, i) => `node-${String.fromCharCode(97 + i)}` as NodeId);
const deadlines = {
  keys: 30_000,
  shares: 30_000,
  uploadOffset: 5_000,
  masked: 30_000,
  consistency: 30_000,
  unmask: 30_000,
  grace: 60_000,
};
const plan = { minCohort: 3, deadlines } as unknown as Plan;
const released = (round: number, survivors: readonly NodeId[]) =>
  ({ kind: "round", round, cohort: survivors, survivors }) as unknown as Entry;

function scheduleWith(wish: RoundSchedule) {
  const clock = { now: Date.parse("2026-03-01T00:00:00Z") };
  const parts = { crypto: nodeCrypto(), plan, planHash: "cd".repeat(32) as Sha256, now: () => clock.now };
  return { clock, kept: keepSchedule(wish, parts) };
}

test("rounds of one stretch wait for the next, also after another has taken over", () => {
  const { clock, kept } = scheduleWith({ calendar: { every: 6 * 3_600_000 } });
  expect(kept.notBefore()).toBe(clock.now);
  kept.offered(1, 4);
  clock.now += 60_000;
  kept.ended({ kind: "aborted", round: 1 } as unknown as Entry);
  expect(kept.notBefore()).toBe(clock.now); // given up: it is tried again
  kept.offered(2, 4);
  clock.now += 60_000;
  kept.ended(released(2, names(4)));
  expect(new Date(kept.notBefore()).toISOString()).toBe("2026-03-01T06:00:00.000Z");
  const { kept: successor } = scheduleWith({ calendar: { every: 6 * 3_600_000 } });
  successor.resume([released(2, names(4))], [{ round: 2, startedAt: "2026-03-01T00:01:00Z" }]);
  expect(new Date(successor.notBefore()).toISOString()).toBe("2026-03-01T06:00:00.000Z");
});

test("those who were invited and dropped out make the next invitations more", () => {
  const { kept } = scheduleWith({ cohort: { size: 8 } });
  const few = () => kept.invited(names(26), 9).length;
  for (let round = 1; round <= 5; round++) {
    kept.offered(round, 10);
    kept.ended(released(round, names(10)));
  }
  const faithful = few();
  for (let round = 6; round <= 25; round++) {
    kept.offered(round, 10);
    kept.ended(released(round, names(6)));
  }
  expect(few()).toBeGreaterThan(faithful + 3);
});

test("who rests is neither counted nor invited, until it connects anew", () => {
  const { kept } = scheduleWith({});
  const [first = "node-a" as NodeId, ...others] = names(4);
  kept.refused(first, "TRB_POLICY_OUTSIDE_HOURS");
  expect(kept.available(names(4))).toEqual(others);
  expect(kept.invited(names(4), 1)).toEqual(others);
  expect(kept.nextChange()).toBeDefined();
  kept.connected(first);
  expect(kept.available(names(4))).toEqual(names(4));
});

test("deadlines follow what was measured only where that is wanted", () => {
  for (const adaptDeadlines of [true, false]) {
    const { clock, kept } = scheduleWith({ adaptDeadlines });
    for (let round = 1; round <= 3; round++) {
      expect(kept.deadline(round, "keys", deadlines.keys)).toBe(deadlines.keys);
      clock.now += 3_000;
      kept.answered({ round, step: "advert" });
    }
    expect(kept.deadline(4, "keys", deadlines.keys)).toBe(adaptDeadlines ? 6_500 : deadlines.keys);
  }
});
