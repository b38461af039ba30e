import type { FeatureReport } from "@tributary/client";
import { dataQuality, type Histories } from "@tributary/events";
import { expect, test } from "vitest";
import { featureRows, qualityPage } from "./quality-page.ts";

const report: FeatureReport = {
  ...{ now: 1e9, round: 7 },
  features: [
    {
      name: "events",
      own: { customers: 60, mean: 1.23456, from: 0.5, to: 2.25 },
      federation: { customers: 181.3, mean: 2.5, from: 1, to: 5 },
    },
    { name: "items a basket", own: null, federation: null },
  ],
};
const histories: Histories = {
  ...{ customers: ["a"], offsets: Uint32Array.of(0, 1), items: Int32Array.of(1), actions: new Uint8Array(1) },
  times: Float64Array.of(1e9),
};

test("features stand beside the federation's where it has released any, and alone where not", () => {
  expect(featureRows(report)).toEqual([
    ["feature", "own customers", "the federation's, released under ε"],
    ["events", "1.23 (0.5 to 2.25)", "2.5 (1 to 5)"],
    ["items a basket", "", ""],
  ]);
  expect(featureRows({ ...report, round: null })[1]).toEqual(["events", "1.23 (0.5 to 2.25)"]);
});

test("the page has them as a table, and has none where nothing is asked", () => {
  const page = qualityPage(dataQuality(histories), undefined, report);
  expect(page).toContain("<td>events</td><td>1.23 (0.5 to 2.25)</td><td>2.5 (1 to 5)</td>");
  expect(page).toContain("2001-09-09");
  expect(qualityPage(dataQuality(histories))).not.toContain("by their features");
});
