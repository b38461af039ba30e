/** When rounds begin. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type PacingView, pacing } from "./pacing.ts";

const quiet: PacingView = { online: 0, joined: 4, least: 3, begun: true, busy: false };
let view: PacingView;
let begun: number;
let rounds: number;
let pace: ReturnType<typeof pacing>;

beforeEach(() => {
  vi.useFakeTimers();
  view = quiet;
  begun = 0;
  rounds = 0;
  pace = pacing(4, () => view, { begin: () => void (begun += 1), startRound: () => void (rounds += 1) });
});
afterEach(() => {
  pace.close();
  vi.useRealTimers();
});

const look = (change: Partial<PacingView>, milliseconds = 0) => {
  view = { ...quiet, ...change };
  pace.consider();
  vi.advanceTimersByTime(milliseconds);
};

test("the federation begins when enough are connected, and not before", () => {
  look({ begun: false, online: 3 }, 60_000);
  expect(begun).toBe(0);
  look({ begun: false, online: 4 });
  expect(begun).toBe(1);
  expect(rounds).toBe(0);
});

test("a round begins at once with everybody, and without one who has been away for a while", () => {
  look({ online: 4 });
  expect(rounds).toBe(1);
  pace.lostConnection();
  look({ online: 3 }, 2_900);
  expect(rounds).toBe(1);
  vi.advanceTimersByTime(200);
  expect(rounds).toBe(2);
});

test("no round below the minimum cohort, nor beside another", () => {
  look({ online: 2 }, 60_000);
  look({ online: 4, busy: true }, 60_000);
  expect(rounds).toBe(0);
});

test("the ledger is closed even when nobody is left", () => {
  look({ online: 0, least: 0 });
  expect(rounds).toBe(1);
});

test("after rounds that were given up the pause grows to half a minute; a release ends it", () => {
  for (let failure = 0; failure < 12; failure++) pace.roundEnded(false);
  look({ online: 4 }, 29_000);
  expect(rounds).toBe(0);
  vi.advanceTimersByTime(1_500);
  expect(rounds).toBe(1);
  pace.roundEnded(true);
  look({ online: 4 });
  expect(rounds).toBe(2);
});

test("a calendar has rounds wait, through sleeps that a timer can hold, and the end waits for nothing", () => {
  const month = 31 * 86_400_000;
  look({ online: 4, notBefore: Date.now() + month }, month - 1);
  expect(rounds).toBe(0);
  vi.advanceTimersByTime(1);
  expect(rounds).toBe(1);
  look({ online: 0, least: 0, notBefore: Date.now() + month });
  expect(rounds).toBe(2);
});

test("where too few may be asked it looks again once more of them may", () => {
  look({ online: 2, again: Date.now() + 5_000 }, 4_999);
  view = { ...quiet, online: 4 };
  expect(rounds).toBe(0);
  vi.advanceTimersByTime(1);
  expect(rounds).toBe(1);
});

test("a clock that is set back in a pause makes the pause no longer", () => {
  pace.lostConnection();
  vi.setSystemTime(Date.now() - 86_400_000);
  look({ online: 3 }, 3_000);
  expect(rounds).toBe(1);
  pace.roundEnded(false);
  vi.setSystemTime(Date.now() - 86_400_000);
  look({ online: 4 }, 500);
  expect(rounds).toBe(2);
});
