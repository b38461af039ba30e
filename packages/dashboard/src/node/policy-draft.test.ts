import type { PagePolicy } from "@tributary/protocol";
import { expect, test } from "vitest";
import { draftOf, fieldAt, fieldsOf } from "./policy-draft.ts";

const policy: NonNullable<PagePolicy["policy"]> = {
  ...{ maxEpsilon: 4.5, delta: 1e-7, minCohort: 5, permittedReleases: ["training", "metrics"], permittedFamilies: null },
  ...{
    extensions: ["e".repeat(64)],
    trustedPeers: ["a".repeat(64), "b".repeat(64)],
    acceptLogCatalogue: false,
    retentionDays: 90,
  },
  serve: { mode: "releasedOnly", minSupport: 7 },
  trainingHours: { from: "22:00", to: "06:00", timeZone: "Europe/Berlin" },
  paused: { reason: "stocktaking", until: "2026-12-24T08:00:00.000Z" },
  budget: { periodDays: 30, file: "budget.sqlite" },
};

test("a form that nobody changed stands for the policy that it was filled from", () => {
  expect(fieldsOf(draftOf(policy, "UTC"))).toEqual({ version: 1, ...policy });
  const open = { ...policy, trainingHours: null, paused: null, retentionDays: null, budget: { periodDays: null, file: null } };
  expect(fieldsOf(draftOf(open, "UTC"))).toEqual({ version: 1, ...open });
});

test("fingerprints are taken as people read them; what is no number is left for the node to refuse", () => {
  const spoken = `${"AA:".repeat(31)}AA\n\n ${"a".repeat(64)} \n${"b".repeat(64)}`;
  const fields = fieldsOf({
    ...draftOf(policy, "UTC"),
    trustedPeers: spoken,
    maxEpsilon: "a few",
    minCohort: "",
    retentionDays: "1e2",
  });
  expect(fields).toMatchObject({
    trustedPeers: ["a".repeat(64), "b".repeat(64)],
    maxEpsilon: "a few",
    minCohort: "",
    retentionDays: 100,
  });
});

test.each([
  ["maxEpsilon", "maxEpsilon"],
  ["permittedReleases.1", "permittedReleases"],
  ["serve.minSupport", "minSupport"],
  ["trainingHours", "to"],
  ["trainingHours.timeZone", "timeZone"],
  ["trustedPeers.3", "trustedPeers"],
  ["budget.periodDays", "periodDays"],
  ["(whole file)", undefined],
])("what is wrong at %s is shown at the field %s", (path, field) => {
  expect(fieldAt(path)).toBe(field);
});
