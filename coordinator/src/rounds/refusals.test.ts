/** When refused offers are believed. */
import { type NodeId, nodeId } from "@tributary/protocol";
import { expect, test } from "vitest";
import { countRefusals } from "./refusals.ts";

const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => nodeId.parse(name)) as [NodeId, NodeId, NodeId, NodeId];
const [policy, budget] = ["TRB_POLICY_RELEASE_FORBIDDEN", "TRB_ROUND_BUDGET_EXCEEDED"] as const;

/** Four are offered, three are needed. */
function federation(most: number) {
  const refusals = countRefusals(most, 3);
  let round = 0;
  return {
    refusals,
    round(answers: readonly (readonly [NodeId, string])[], released = false) {
      refusals.offered(++round, 4);
      for (const [node, code] of answers) refusals.refused(node, round, code);
      return refusals.ended(round, released);
    },
  };
}

test("offers that too many refuse for one reason, so often in a row, are the last ones", () => {
  const { round } = federation(3);
  expect(
    round([
      [b, policy],
      [a, policy],
    ]),
  ).toBeUndefined();
  expect(
    round([
      [a, policy],
      [b, policy],
      [c, budget],
    ]),
  ).toBeUndefined();
  const standstill = { code: "TRB_COORDINATOR_OFFERS_REFUSED", reason: policy, offers: 3, nodes: [a, b] };
  expect(
    round([
      [b, policy],
      [a, policy],
      [d, budget],
    ]),
  ).toEqual(standstill);
});

test("a cohort that is left, another reason, a release and a forgiveness each begin the count anew", () => {
  const two = [
    [a, policy],
    [b, policy],
  ] as const;
  for (const between of ["cohort", "reason", "release", "forgiven"] as const) {
    const { round, refusals } = federation(2);
    expect(round(two)).toBeUndefined();
    if (between === "cohort") expect(round([[a, policy]])).toBeUndefined(); // given up for another cause
    if (between === "reason")
      expect(
        round([
          [a, budget],
          [b, budget],
        ]),
      ).toBeUndefined();
    if (between === "release") expect(round([[a, policy]], true)).toBeUndefined();
    if (between === "forgiven") refusals.forgive();
    expect(round(two)).toBeUndefined();
    expect(round(two)).toMatchObject({ offers: 2 });
  }
});

test("a node's second refusal is no second node, an earlier round's none at all, and 0 never ends", () => {
  const { refusals, round } = federation(1);
  refusals.offered(7, 4);
  refusals.refused(a, 7, policy);
  refusals.refused(a, 7, policy);
  refusals.refused(b, 6, policy);
  expect(refusals.ended(7, false)).toBeUndefined();
  expect(
    round([
      [a, policy],
      [b, budget],
    ]),
  ).toMatchObject({ reason: policy, nodes: [a] }); // alphabetical where as common
  const endless = federation(0);
  for (let i = 0; i < 100; i++)
    expect(
      endless.round([
        [a, policy],
        [b, policy],
      ]),
    ).toBeUndefined();
});
