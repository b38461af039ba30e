/** The world that a seed makes: who is there, who vanishes, who cheats. False alarms at most 1e-9 (normal tails beyond 6.5 deviations). */
import { expect, test } from "vitest";
import { parseAvailabilityTrace } from "./availability-trace.ts";
import { attemptOf, type ConditionSettings, calmConditions, checkConditions } from "./conditions.ts";

const calm: ConditionSettings = { ...calmConditions, nodes: 400, cohort: 40, seed: 7 };
const attempts = (settings: ConditionSettings, count: number) =>
  Array.from({ length: count }, (_, number) => attemptOf(settings, number));

/** Whether a count of so many chances is within 6.5 deviations of what it should be. */
const fits = (count: number, chances: number, p: number) =>
  Math.abs(count - chances * p) <= 6.5 * Math.sqrt(chances * p * (1 - p)) + 1;

test("in a calm world a whole cohort is invited, everybody equally often, and nothing befalls it", () => {
  const all = attempts(calm, 500);
  const times = new Uint32Array(400);
  for (const { invited, faults, adversaries } of all) {
    expect(invited.length).toBe(40);
    expect(new Set(invited).size).toBe(40);
    expect([...invited]).toEqual([...invited].toSorted((a, b) => a - b));
    expect([faults.size, adversaries.size]).toEqual([0, 0]);
    for (const node of invited) times[node] = (times[node] as number) + 1;
  }
  for (const count of times) expect(fits(count, 500, 0.1)).toBe(true);
  expect(attemptOf(calm, 3)).toEqual(attemptOf(calm, 3));
  expect(attemptOf(calm, 3).invited).not.toEqual(attemptOf({ ...calm, seed: 8 }, 3).invited);
});

test("faults and adversaries come as often as asked for; cheats stay cheats", () => {
  const rough = attempts({ ...calm, dropout: 0.2, adversaries: 0.3 }, 500);
  const faults = rough.reduce((sum, attempt) => sum + attempt.faults.size, 0);
  expect(fits(faults, 500 * 40, 0.2)).toBe(true);
  const cheats = new Set(rough.flatMap(({ adversaries }) => [...adversaries]));
  expect(fits(cheats.size, 400, 0.3)).toBe(true);
  for (const { invited, adversaries } of rough) {
    expect([...adversaries]).toEqual([...invited].filter((node) => cheats.has(node)));
  }
  const slow = attempts({ ...calm, slowness: 1, patience: 3 }, 300);
  const late = slow.reduce((sum, attempt) => sum + attempt.faults.size, 0);
  expect(late / (300 * 40)).toBeGreaterThan(0.1); // P[N(0, 2) > ln 3] = 0.219, and a node's own speed stays
  expect(late / (300 * 40)).toBeLessThan(0.33);
  expect(new Set(slow.flatMap((attempt) => [...attempt.faults.values()]))).toEqual(new Set(["upload"]));
});

test("availability: an average, a day's swing, or a trace", () => {
  const everybody = { ...calm, cohort: 400, availability: 0.4 };
  const there = attempts(everybody, 60).reduce((sum, { invited }) => sum + invited.length, 0);
  expect(fits(there, 60 * 400, 0.4)).toBe(true);
  // whoever has home hour h is online most at attempts where cos is 1, never where it is −1
  const swinging = attempts({ ...everybody, availability: 0.5, dailySwing: 1, attemptsPerDay: 2 }, 200);
  const even = new Uint32Array(400);
  const odd = new Uint32Array(400);
  swinging.forEach(({ invited }, number) => {
    const counts = number % 2 === 0 ? even : odd;
    for (const node of invited) counts[node] = (counts[node] as number) + 1;
  });
  const differences = even.map((count, node) => Math.abs(count - (odd[node] as number)));
  expect(differences.reduce((sum, difference) => sum + difference, 0) / 400).toBeGreaterThan(40); // 100·2/π on average; 8 by chance
  const trace = parseAvailabilityTrace("# made up\n0,0,1\n1,1,2\n1,5,5\n", 400);
  const traced = attempts({ ...calm, trace }, 8).map(({ invited }) => [...invited]);
  expect(traced).toEqual([[0], [0, 1], [1], [], [], [1], [0], [0, 1]]);
});

test("bad settings and traces are refused by code", () => {
  for (const wrong of [{ cohort: 401 }, { availability: 1.1 }, { dropout: -0.1 }, { adversaries: Number.NaN }]) {
    expect(() => checkConditions({ ...calm, ...wrong })).toThrowError(
      expect.objectContaining({ code: "TRB_SIMULATE_SCALE_OPTION" }),
    );
  }
  for (const text of ["0,5,4", "400,0,1", "a,b,c", "", "0,1"]) {
    expect(() => parseAvailabilityTrace(text, 400)).toThrowError(
      expect.objectContaining({ code: "TRB_SIMULATE_TRACE_INVALID" }),
    );
  }
});
