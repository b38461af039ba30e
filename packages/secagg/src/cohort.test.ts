import type { Decimal, NodeId } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isWithin, leastSurvivors, neighbourhoodOf, quorum, requireCohort, shareIndex, strictlyAscending } from "./cohort.ts";

const graph = { dropoutRate: "0.1" as Decimal, dropouts: "independent" as const };
const thousand = { minCohort: 667, maxCorrupt: 249, graph };

describe("a cohort", () => {
  test.each([
    [151, { minCohort: 101, maxCorrupt: 37 }, "TRB_SECAGG_COHORT_TOO_LARGE"],
    [150, { minCohort: 151, maxCorrupt: 37 }, "TRB_ROUND_COHORT_TOO_SMALL"],
    [150, { minCohort: 100, maxCorrupt: 100 }, "TRB_ROUND_CORRUPT_TOO_MANY"],
    [150, { minCohort: 100, maxCorrupt: 170 }, "TRB_ROUND_CORRUPT_TOO_MANY"],
    [1000, { minCohort: 667, maxCorrupt: 249 }, "TRB_SECAGG_COHORT_TOO_LARGE"],
    [151, { minCohort: 148, maxCorrupt: 140, graph }, "TRB_SECAGG_GRAPH_IMPOSSIBLE"],
  ])("of %i nodes under %j is refused", (nodes, rules, code) => {
    expect(() => requireCohort(nodes, rules)).toThrow(expect.objectContaining({ code }));
  });

  test("of up to 150 nodes needs no graph, and above it has one", () => {
    requireCohort(150, { minCohort: 100, maxCorrupt: 37 });
    requireCohort(150, { minCohort: 150, maxCorrupt: 149 });
    requireCohort(10, { minCohort: 7, maxCorrupt: 2, graph });
    requireCohort(1000, thousand);
    expect(leastSurvivors(1000, thousand)).toBe(667);
  });

  test("that has a quorum at all is of as many nodes as are needed, more than n_corrupt, and two quorums share an honest node", () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 150 }), fc.nat(160), fc.nat(160));
    fc.assert(
      fc.property(sizes, ([nodes, minCohort, maxCorrupt]) => {
        if (!(maxCorrupt < minCohort && minCohort <= nodes)) {
          expect(() => requireCohort(nodes, { minCohort, maxCorrupt })).toThrow(
            expect.objectContaining({
              code: nodes < minCohort ? "TRB_ROUND_COHORT_TOO_SMALL" : "TRB_ROUND_CORRUPT_TOO_MANY",
            }),
          );
          return;
        }
        requireCohort(nodes, { minCohort, maxCorrupt });
        const enough = quorum(nodes, maxCorrupt);
        expect(enough).toBeGreaterThan(maxCorrupt);
        expect(enough).toBeLessThanOrEqual(nodes);
        // two sets of `enough` out of n overlap in 2·enough − n at least, of whom n_corrupt may sign both; one fewer would not do
        expect(2 * enough - nodes).toBeGreaterThan(maxCorrupt);
        expect(2 * (enough - 1) - nodes).toBeLessThanOrEqual(maxCorrupt);
        expect(leastSurvivors(nodes, { minCohort, maxCorrupt })).toBe(Math.max(minCohort, enough));
      }),
    );
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

test("members are strictly ascending when each is after the one before, and hold the shares at their place counted from 1", () => {
  const nodes = (text: string) => [...text] as NodeId[];
  expect(["", "a", "abd"].map((text) => strictlyAscending(nodes(text)))).toEqual([true, true, true]);
  expect(["aa", "ba", "abb", "bac"].map((text) => strictlyAscending(nodes(text)))).toEqual([false, false, false, false]);
  expect(nodes("acx").map((node) => shareIndex(nodes("ac"), node))).toEqual([1, 2, 0]);
});
