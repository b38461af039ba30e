/**
 * Membership inference on one node's message, by the strongest attacker that the guarantee is given against: it knows everybody else. The seed is fixed; under
 * another one, limits alarm falsely with a chance below 1e-9. `inference.long.test.ts` has more messages.
 */
import { afterAll, expect, test } from "vitest";
import { normalCdf } from "../../../dp/src/auditing/normal-quantile.ts";
import { finding } from "../finding.ts";
import { againstClaim, attackMembership, aucDeviation, casesOf, membershipInWords, noiseOf } from "./membership.ts";
import { openStage } from "./stage.ts";

const stage = await openStage(1);
afterAll(() => stage.close());
const cases = await casesOf(stage, stage.logs[0] ?? stage.everybody, 20);

test("of a bare update everybody is found who is in it", { timeout: 120_000 }, (context) => {
  const found = attackMembership(stage, cases, "bare", 4);
  finding(context, {
    what: "membership in a node's bare update",
    result: membershipInWords(found),
    held: found.roc.auc > 0.99,
  });
});

test("with noise no more is found than the plan's noise allows, and with masks nothing", { timeout: 120_000 }, (context) => {
  for (const layer of ["one node's noise", "the cohort's noise"] as const) {
    const found = attackMembership(stage, cases, layer, 30);
    const deviation = noiseOf(stage, layer);
    // two normal distributions, C apart; the AUC's variance is at most a quarter over the smaller side (Birnbaum and Klose)
    const expected = normalCdf(1 / (deviation * Math.SQRT2));
    finding(context, {
      what: `membership in a node's update with ${layer}`,
      result: `${membershipInWords(found)}; ${expected.toFixed(3)} by the noise`,
      held: Math.abs(found.roc.auc - expected) < 6.5 * Math.sqrt(0.25 / (found.cases / 2)),
    });
    if (layer === "one node's noise") continue; // what is claimed is of the sum
    for (const { falsePositiveRate, truePositiveRate, allowed, refuted } of againstClaim(stage, found, deviation)) {
      expect(refuted, `${truePositiveRate} found at ${falsePositiveRate}, ${allowed} allowed`).toBe(false);
    }
  }
  const masked = attackMembership(stage, cases, "masks alone", 20);
  finding(context, {
    what: "membership in a node's message under masks alone",
    result: membershipInWords(masked),
    held: Math.abs(masked.roc.auc - 0.5) < 6.5 * aucDeviation(masked.members),
  });
});

test("noise of a twentieth of the plan's multiplier is found to allow too much", { timeout: 120_000 }, () => {
  const weak = {
    ...stage,
    parameters: {
      ...stage.parameters,
      nodeVariance: {
        numerator: stage.parameters.nodeVariance.numerator,
        denominator: 400n * stage.parameters.nodeVariance.denominator,
      },
    },
  };
  const found = attackMembership(weak, cases, "the cohort's noise", 10);
  expect(againstClaim(stage, found, noiseOf(weak, "the cohort's noise")).some(({ refuted }) => refuted)).toBe(true);
});
