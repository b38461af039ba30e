/** What a round's steps amount to in figures, with a clock of its own. */
import type { CoordinatorRound, CoordinatorState } from "@tributary/federation";
import { beforeEach, expect, test } from "vitest";
import { roundWatch } from "./round-watch.ts";

type Step = Pick<CoordinatorState, "round">;
let now: number;
let told: unknown[];
let watch: ReturnType<typeof roundWatch>;

beforeEach(() => {
  [now, told] = [100, []];
  const tell =
    (name: string) =>
    (...what: unknown[]) =>
      void told.push([name, ...what]);
  watch = roundWatch({ phaseEnded: tell("phase"), droppedOut: tell("dropped"), roundEnded: tell("round") }, () => now);
  watch.queue(() => 3);
});

const names = (count: number) => Array.from({ length: count }, (_, place) => `n${place}`);
const none = { round: null };
const round = (number: number, phase: string, sets: Partial<Record<"invited" | "adverts" | "cohort" | "shares", number>>) => {
  const { invited = 10, adverts = 0, cohort = 0, shares = 0 } = sets;
  const filled = { invited: names(invited), adverts: names(adverts), cohort: names(cohort), shares: names(shares) };
  return { round: { number, phase, sharers: [], survivors: [], uploads: [], ...filled } as unknown as CoordinatorRound };
};
const mustered = (sharers: number, uploads: number, survivors: number): Step => {
  const { round: of } = round(1, survivors > 0 ? "consistency" : "masked", { cohort: 8 });
  const sets = { sharers: names(sharers), uploads: names(uploads), survivors: names(survivors) };
  return { round: { ...of, ...sets } as unknown as CoordinatorRound };
};

test("each phase's time and whom it lost, and the round's from its offer on", () => {
  const steps: [number, Step][] = [
    [0, round(1, "keys", {})],
    [1, round(1, "keys", { adverts: 8 })],
    [2, round(1, "shares", { adverts: 8, cohort: 8 })],
    [5, mustered(7, 0, 0)],
    [9, mustered(7, 5, 5)],
    [10, none],
  ];
  let before: Step = none;
  for (const [after, step] of steps) {
    now = 100 + after;
    watch.stepped(before, step);
    before = step;
  }
  watch.ended(undefined);
  expect(told).toEqual([
    ["phase", "keys", 2],
    ["dropped", "keys", 2],
    ["phase", "shares", 3],
    ["dropped", "shares", 1],
    ["phase", "masked", 4],
    ["dropped", "masked", 2],
    ["phase", "consistency", 1],
    ["round", undefined, 10],
  ]);
});

test("a round that is given up counts those whom it gave up for, and its code", () => {
  watch.stepped(none, round(1, "keys", {}));
  now = 104;
  watch.stepped(round(1, "keys", { adverts: 3 }), none);
  watch.ended("TRB_ROUND_COHORT_TOO_SMALL");
  expect(told).toEqual([
    ["phase", "keys", 4],
    ["dropped", "keys", 7],
    ["round", "TRB_ROUND_COHORT_TOO_SMALL", 4],
  ]);
});

test("a leadership that begins in mid-round claims no time that it didn't see", () => {
  watch.stepped(none, round(1, "keys", {}));
  watch.queue(() => 0); // another engine, after a while in which somebody else led
  now = 500;
  watch.stepped(round(2, "keys", { adverts: 10 }), round(2, "shares", { cohort: 10 }));
  now = 503;
  watch.stepped(round(2, "shares", { cohort: 10, shares: 10 }), none);
  watch.ended("TRB_INTERNAL");
  expect(told).toEqual([
    ["dropped", "keys", 0],
    ["phase", "shares", 3],
    ["dropped", "shares", 0],
    ["round", "TRB_INTERNAL", undefined],
  ]);
  expect(watch.waiting()).toBe(0);
});

test("until when a phase is waited for is known to the one that leads, and to nobody after a leadership began", () => {
  expect(watch.deadline()).toBeUndefined();
  const before = Date.now();
  watch.waits(4, "masked", 5_000);
  const { at = "", ...phase } = watch.deadline() ?? {};
  expect(phase).toEqual({ round: 4, phase: "masked" });
  expect(Date.parse(at) - before).toBeGreaterThanOrEqual(5_000);
  watch.queue(() => 0);
  expect(watch.deadline()).toBeUndefined();
});
