import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTime } from "./timestamps.ts";

describe("parseTime", () => {
  it.each([
    ["1430623510", 1430623510],
    ["1430623510123", 1430623510.123],
    [1430623510, 1430623510],
    [1430623510123, 1430623510.123],
    ["1430623510.5", 1430623510.5],
    ["1.4306e9", 1430600000],
    ["0", 0],
    ["99999999999", 99999999999], // the last number of seconds
    ["100000000000", 100000000], // the first of milliseconds
    [" 12 ", 12],
    ["1970-01-02", 86400],
    ["2015-05-03T03:25:10Z", 1430623510],
    ["2015-05-03 03:25:10", 1430623510],
    ["2015-05-03 03:25:10 UTC", 1430623510],
    ["2015-05-03T05:25:10+02:00", 1430623510],
    ["2015-05-03T05:25:10+0200", 1430623510],
    ["2015-05-02T22:55:10-04:30", 1430623510],
    ["2015-05-03T03:25:10.250Z", 1430623510.25],
    ["2015-05-03T03:25", 1430623500],
    ["2000-02-29", 951782400],
  ])("reads %j as %d", (text, seconds) => {
    expect(parseTime(text)).toBe(seconds);
  });

  it.each([
    "",
    " ",
    "yesterday",
    "-1",
    "0x10",
    "Infinity",
    "NaN",
    "1e99",
    "100000000000000",
    "2015-02-30",
    "2015-13-01",
    "2015-05-03T24:00:00",
    "2015-05-03T03:60",
    "03/05/2015",
    "1969-12-31",
    "12,5",
  ])("refuses %j rather than guess", (text) => {
    expect(parseTime(text)).toBeNaN();
  });

  it("refuses numbers that are no times", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e14]) expect(parseTime(value)).toBeNaN();
  });

  it("reads what JavaScript writes: any date after 1970 and before 5138, in ISO 8601 and, after 1973, in milliseconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1e11, max: 95e12 }), (milliseconds) => {
        expect(parseTime(new Date(milliseconds).toISOString())).toBeCloseTo(milliseconds / 1000, 3);
        expect(parseTime(String(milliseconds))).toBe(milliseconds / 1000);
      }),
    );
  });
});
