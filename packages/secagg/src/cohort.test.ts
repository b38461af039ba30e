import type { Decimal, NodeId } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isWithin, leastSurvivors, neighbourhoodOf, requireCohort } from "./cohort.ts";

const graph = { dropoutRate: "0.1" as Decimal, dropouts: "independent" as const };
const thousand = { minCohort: 667, maxCorrupt: 249, graph };

describe("a cohort", () => {
  test.each([
    [151, { minCohort: 101, maxCorrupt: 37 }, "TRB_SECAGG_COHORT_TOO_LARGE"],
    [150, { minCohort: 151, maxCorrupt: 37 }, "TRB_ROUND_COHORT_TOO_SMALL"],
    [150, { minCohort: 100, maxCorrupt: 100 }, "TRB_ROUND_CORRUPT_TOO_MANY"],
    [151, { minCohort: 148, maxCorrupt: 140, graph }, "TRB_SECAGG_GRAPH_IMPOSSIBLE"],
  ])("of %i nodes under %j is refused", (nodes, rules, code) => {
    expect(() => requireCohort(nodes, rules)).toThrow(expect.objectContaining({ code }));
  });

  test("of up to 150 nodes needs no graph, and above it has one", () => {
    requireCohort(150, { minCohort: 100, maxCorrupt: 37 });
    requireCohort(1000, thousand);
    expect(leastSurvivors(1000, thousand)).toBe(667);
  });

  test("of 1000 nodes has 92 neighbours each under a plan with the defaults, and more where dropouts are chosen", () => {
    expect(neighbourhoodOf(1000, thousand)).toEqual({ neighbours: 92, threshold: 60 });
    const chosen = { ...graph, dropouts: "chosen" as const };
    expect(neighbourhoodOf(1000, { ...thousand, graph: chosen })).toEqual({ neighbours: 268, threshold: 210 });
    expect(neighbourhoodOf(1000, { minCohort: 667, maxCorrupt: 49, graph: chosen })).toEqual({
      neighbours: 120,
      threshold: 83,
    });
  });
});

test("a set is within another exactly when the other has all its members", () => {
  const set = fc.uniqueArray(fc.constantFrom(..."abcdefgh")).map((nodes) => nodes.sort() as NodeId[]);
  fc.assert(fc.property(set, set, (a, b) => isWithin(a, b) === a.every((node) => b.includes(node))));
});
