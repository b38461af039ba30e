import { describe, expect, test } from "vitest";
import { nodePolicyOf, parsePolicy } from "./policy.ts";

const policy = {
  version: 1,
  maxEpsilon: 8,
  delta: 1e-6,
  minCohort: 4,
  permittedReleases: ["training"],
  extensions: ["b".repeat(64)],
  trustedPeers: ["a".repeat(64)],
  acceptLogCatalogue: false,
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

  test.each([
    ["a misspelt limit", { maxEpsilom: 1 }],
    ["no budget at all", { maxEpsilon: 0 }],
    ["a budget that is no number", { maxEpsilon: "8" }],
    ["a certain failure", { delta: 1 }],
    ["a cohort without a crowd", { minCohort: 2 }],
    ["an unknown release", { permittedReleases: ["everything"] }],
    ["something that is no hash", { extensions: ["lion"] }],
    ["something that is no fingerprint", { trustedPeers: ["A".repeat(64)] }],
  ])("refuses %s", (_, change) => {
    expect(refused(change)).toThrow(expect.objectContaining({ code: "TRB_NODE_POLICY_INVALID" }));
  });

  test("refuses what is not JSON", () => {
    expect(() => parsePolicy("{")).toThrow(expect.objectContaining({ code: "TRB_NODE_POLICY_INVALID" }));
  });
});
