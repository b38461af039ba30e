import { describe, expect, test } from "vitest";
import { nodePolicyOf, parsePolicy } from "../policy-document.ts";

const policy = {
  version: 1,
  maxEpsilon: 8,
  delta: 1e-6,
  minCohort: 4,
  permittedReleases: ["training"],
  extensions: ["b".repeat(64)],
  trustedPeers: ["a".repeat(64)],
  acceptLogCatalogue: false,
  permittedFamilies: ["sasrec", "gru"],
  retentionDays: 90,
  serve: { mode: "releasedOnly", minSupport: 12 },
  trainingHours: { from: "22:00", to: "06:00", timeZone: "Europe/Berlin" },
  paused: { reason: "stocktaking", until: "2026-12-24T08:00:00+01:00" },
  budget: { periodDays: 30, file: "/var/lib/shop/budget.sqlite" },
};
const refused = (change: object) => () => parsePolicy(JSON.stringify({ ...policy, ...change }));

describe("policy.json", () => {
  test("comes back as it was written, and reaches the reducer with the same limits", () => {
    expect(parsePolicy(JSON.stringify(policy))).toEqual(policy);
    expect(nodePolicyOf(parsePolicy(JSON.stringify(policy)))).toMatchObject({
      maxEpsilon: "8",
      delta: "0.000001",
      minCohort: 4,
      extensions: policy.extensions,
    });
  });

  test("without extensions, as policies were written before there were any, accepts none", () => {
    const { extensions: _, ...older } = policy;
    expect(nodePolicyOf(parsePolicy(JSON.stringify(older))).extensions).toEqual([]);
  });

  test("as it was written before there were hours, periods and shared budgets, means what it meant then", () => {
    const older = { version: 1, maxEpsilon: 8, delta: 1e-6, minCohort: 4, permittedReleases: ["training"], trustedPeers: [] };
    expect(parsePolicy(JSON.stringify({ ...older, acceptLogCatalogue: false }))).toEqual({
      ...older,
      ...{ acceptLogCatalogue: false, extensions: [], permittedFamilies: null, retentionDays: null },
      ...{ serve: { mode: "inHouse", minSupport: 5 }, trainingHours: null, paused: null },
      budget: { periodDays: null, file: null },
    });
  });

  test("takes a pause that was written as yes or no", () => {
    expect(parsePolicy(JSON.stringify({ ...policy, paused: true })).paused).toEqual({ reason: null, until: null });
    expect(parsePolicy(JSON.stringify({ ...policy, paused: false })).paused).toBeNull();
  });

  test.each([
    ["a misspelt limit", { maxEpsilom: 1 }],
    ["no budget at all", { maxEpsilon: 0 }],
    ["a budget that is no number", { maxEpsilon: "8" }],
    ["a certain failure", { delta: 1 }],
    ["a cohort without a crowd", { minCohort: 2 }],
    ["an unknown release", { permittedReleases: ["everything"] }],
    ["something that is no hash", { extensions: ["lion"] }],
    ["a family that nobody knows", { permittedFamilies: ["sasrecs"] }],
    ["histories that are gone before they come", { retentionDays: 0 }],
    ["serving without a crowd", { serve: { mode: "inHouse", minSupport: 0 } }],
    ["a way of serving that there isn't", { serve: { mode: "open" } }],
    ["a misspelt limit of serving", { serve: { minimumSupport: 9 } }],
    ["an hour that no day has", { trainingHours: { from: "22:00", to: "24:00", timeZone: "UTC" } }],
    ["a time zone that no place has", { trainingHours: { from: "22:00", to: "06:00", timeZone: "Europe/Atlantis" } }],
    ["hours that end when they begin", { trainingHours: { from: "22:00", to: "22:00", timeZone: "UTC" } }],
    ["hours without a time zone", { trainingHours: { from: "22:00", to: "06:00" } }],
    ["a pause until some time or other", { paused: { reason: null, until: "tomorrow" } }],
    ["a period of no days", { budget: { periodDays: 0 } }],
    ["a misspelt period", { budget: { periodDay: 30 } }],
    ["something that is no fingerprint", { trustedPeers: ["A".repeat(64)] }],
  ])("refuses %s", (_, change) => {
    expect(refused(change)).toThrow(expect.objectContaining({ code: "TRB_NODE_POLICY_INVALID" }));
  });

  test.each([
    [{ maxEpsilom: 1 }, "maxEpsilom", "maxEpsilon"],
    [{ retentiondays: 30 }, "retentiondays", "retentionDays"],
    [{ traningHours: null }, "traningHours", "trainingHours"],
    [{ budget: { preiodDays: 30 } }, "budget.preiodDays", "periodDays"],
    [{ serve: { minsupport: 9 } }, "serve.minsupport", "minSupport"],
    [{ somethingElse: 1 }, "somethingElse", undefined],
  ])("names the field that %j is near to", (change, path, meant) => {
    const reason = meant === undefined ? "there is no such field" : `there is no such field; did you mean ${meant}`;
    expect(refused(change)).toThrow(expect.objectContaining({ details: { path, reason } }));
  });

  test("names a field that is misspelt, and not that it is missing under its own name", () => {
    const text = JSON.stringify(policy).replace('"maxEpsilon"', '"maxEpsilom"');
    expect(() => parsePolicy(text)).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ path: "maxEpsilom" }) }),
    );
  });

  test("refuses what is not JSON", () => {
    expect(() => parsePolicy("{")).toThrow(expect.objectContaining({ code: "TRB_NODE_POLICY_INVALID" }));
  });
});
