import { describe, expect, test } from "vitest";
import { declinedNow } from "./availability.ts";

const night = { from: "22:00", to: "06:00", timeZone: "Europe/Berlin" };
const codeAt = (time: string, trainingHours: Parameters<typeof declinedNow>[0]["trainingHours"]) =>
  declinedNow({ paused: null, trainingHours }, new Date(time))?.code;

describe("training hours", () => {
  test.each([
    ["before the night", "2026-01-10T20:59:59Z", false],
    ["at its first minute", "2026-01-10T21:00:00Z", true],
    ["at midnight", "2026-01-10T23:00:00Z", true],
    ["in its last minute", "2026-01-11T04:59:59Z", true],
    ["when it is over", "2026-01-11T05:00:00Z", false],
    ["an hour earlier by the sun, in summer", "2026-07-10T20:00:00Z", true],
    ["and earlier over as well", "2026-07-11T04:00:00Z", false],
  ])("over midnight, %s", (_, time, open) => {
    expect(codeAt(time, night)).toBe(open ? undefined : "TRB_POLICY_OUTSIDE_HOURS");
  });

  test.each([
    ["2026-01-10T08:59:00Z", false],
    ["2026-01-10T09:00:00Z", true],
    ["2026-01-10T16:59:59Z", true],
    ["2026-01-10T17:00:00Z", false],
    ["2026-01-10T00:00:00Z", false],
  ])("within a day, at %s", (time, open) => {
    expect(codeAt(time, { from: "09:00", to: "17:00", timeZone: "UTC" })).toBe(open ? undefined : "TRB_POLICY_OUTSIDE_HOURS");
  });

  test("when the clocks are put forward, the hour that isn't there is no hole: the next one counts", () => {
    // in Berlin 02:00 to 03:00 does not exist on 29 March 2026
    const hours = { from: "02:30", to: "04:00", timeZone: "Europe/Berlin" };
    expect(codeAt("2026-03-29T00:59:00Z", hours)).toBe("TRB_POLICY_OUTSIDE_HOURS"); // 01:59
    expect(codeAt("2026-03-29T01:00:00Z", hours)).toBeUndefined(); // 03:00
  });
});

describe("a pause", () => {
  const at = (until: string | null, now: string) =>
    declinedNow({ paused: { reason: "stocktaking", until }, trainingHours: null }, new Date(now));

  test("without an end lasts", () => {
    expect(at(null, "2040-01-01T00:00:00Z")).toMatchObject({ code: "TRB_POLICY_PAUSED", details: { reason: "stocktaking" } });
  });

  test("ends by itself at its time, whatever zone that was written in", () => {
    expect(at("2026-12-24T08:00:00+01:00", "2026-12-24T06:59:59Z")?.code).toBe("TRB_POLICY_PAUSED");
    expect(at("2026-12-24T08:00:00+01:00", "2026-12-24T07:00:00Z")).toBeUndefined();
  });

  test("comes before the hours: it is what the merchant said last", () => {
    const declined = declinedNow(
      { paused: { reason: null, until: null }, trainingHours: night },
      new Date("2026-01-10T12:00:00Z"),
    );
    expect(declined?.code).toBe("TRB_POLICY_PAUSED");
  });
});
