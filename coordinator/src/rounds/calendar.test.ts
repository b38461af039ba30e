/** When rounds may begin, by the clock. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { nextOpening, parseBetween, parseEvery } from "./calendar.ts";

const at = (text: string) => Date.parse(text);
const opening = (calendar: Parameters<typeof nextOpening>[0], now: string, last?: string) =>
  new Date(nextOpening(calendar, at(now), last === undefined ? null : at(last))).toISOString();

test("without a calendar rounds begin at any time", () => {
  expect(opening({}, "2026-03-01T12:34:56.789Z", "2026-03-01T12:34:56.000Z")).toBe("2026-03-01T12:34:56.789Z");
});

test("hours of the day are in UTC, from the first on and before the second", () => {
  const between = parseBetween("01:00-05:30");
  expect(opening({ between }, "2026-03-01T00:59:59.999Z")).toBe("2026-03-01T01:00:00.000Z");
  expect(opening({ between }, "2026-03-01T01:00:00.000Z")).toBe("2026-03-01T01:00:00.000Z");
  expect(opening({ between }, "2026-03-01T05:29:59.999Z")).toBe("2026-03-01T05:29:59.999Z");
  expect(opening({ between }, "2026-03-01T05:30:00.000Z")).toBe("2026-03-02T01:00:00.000Z");
});

test("hours may go over midnight", () => {
  const between = parseBetween("22:00-02:00");
  expect(opening({ between }, "2026-02-28T23:00:00.000Z")).toBe("2026-02-28T23:00:00.000Z");
  expect(opening({ between }, "2026-03-01T01:59:00.000Z")).toBe("2026-03-01T01:59:00.000Z");
  expect(opening({ between }, "2026-03-01T02:00:00.000Z")).toBe("2026-03-01T22:00:00.000Z");
  for (const now of ["12:00:00.000Z", "21:59:59.999Z", "22:00:00.000Z"]) {
    expect(opening({ between }, `2026-03-01T${now}`)).toBe("2026-03-01T22:00:00.000Z");
  }
});

test("one released round in each stretch", () => {
  const every = parseEvery("6h");
  expect(opening({ every }, "2026-03-01T07:00:00.000Z")).toBe("2026-03-01T07:00:00.000Z");
  expect(opening({ every }, "2026-03-01T07:01:00.000Z", "2026-03-01T07:00:00.000Z")).toBe("2026-03-01T12:00:00.000Z");
  expect(opening({ every }, "2026-03-02T12:00:00.000Z", "2026-03-01T07:00:00.000Z")).toBe("2026-03-02T12:00:00.000Z");
  const both = { every, between: parseBetween("01:00-05:00") };
  expect(opening(both, "2026-03-01T02:00:00.000Z", "2026-03-01T01:00:00.000Z")).toBe("2026-03-02T01:00:00.000Z");
});

test("a round of a time to come, by a clock that has been set right since, holds nobody up for longer than a stretch and what is left of this one", () => {
  const every = parseEvery("6h");
  const now = "2026-03-01T07:00:00.000Z";
  expect(opening({ every }, now, "2027-03-01T07:00:00.000Z")).toBe(now);
  expect(opening({ every }, now, "2026-03-01T11:59:00.000Z")).toBe("2026-03-01T12:00:00.000Z");
  expect(opening({ every }, now, "2026-03-01T12:01:00.000Z")).toBe("2026-03-01T18:00:00.000Z");
});

test("what comes out is never before now, and open at once when it comes (seed 4601)", () => {
  const time = fc.integer({ min: 0, max: 1439 });
  const calendar = fc.record(
    {
      between: fc.record({ from: time, to: time }).filter(({ from, to }) => from !== to),
      every: fc.integer({ min: 60_000, max: 3 * 86_400_000 }),
    },
    { requiredKeys: [] },
  );
  const moment = fc.integer({ min: 0, max: at("2040-01-01T00:00:00Z") });
  fc.assert(
    fc.property(calendar, moment, fc.option(fc.integer({ min: 0, max: 10 * 86_400_000 })), (one, now, ago) => {
      const last = ago === null ? null : Math.max(0, now - ago);
      const open = nextOpening(one, now, last);
      expect(open).toBeGreaterThanOrEqual(now);
      expect(nextOpening(one, open, last)).toBe(open);
      if (last !== null && one.every !== undefined)
        expect(Math.floor(open / one.every)).toBeGreaterThan(Math.floor(last / one.every));
    }),
    { seed: 4601, numRuns: 500 },
  );
});

test.each(["1:00-5:00", "01:00", "24:00-05:00", "01:00-01:00", "01:00-05:60", ""])("%s is no span of a day", (text) => {
  expect(() => parseBetween(text)).toThrowError(expect.objectContaining({ code: "TRB_CLI_BAD_OPTION" }));
});

test.each(["0h", "6", "6H", "-1h", "367d", "1.5h", ""])("%s is no time", (text) => {
  expect(() => parseEvery(text)).toThrowError(expect.objectContaining({ code: "TRB_CLI_BAD_OPTION" }));
});
