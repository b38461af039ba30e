import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beliefBounds, customerParagraph } from "./customers.ts";
import { planLanguages } from "./language.ts";
import type { Plan } from "./schema.ts";
import { decimal, soundPlans } from "./sound-plans.test-support.ts";

const { training: base, parts, tuned, read, severalMerchants, packed, query, lattice } = soundPlans;

describe("what ε does to a belief", () => {
  test("is Bayes' rule on the odds, rounded up, for any ε (fast-check)", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 40, noNaN: true }), (epsilon) => {
        const { oddsFactor, oddsFactorOfHistories, fromOneInHundred, fromHalf } = beliefBounds({
          epsilon: decimal(epsilon.toFixed(9)),
        });
        const factor = Math.exp(Number(epsilon.toFixed(9)));
        expect(oddsFactor).toBeGreaterThanOrEqual(factor * (1 - 1e-12));
        expect(oddsFactor).toBeLessThan(factor * 1.011);
        expect(oddsFactorOfHistories).toBeGreaterThanOrEqual(factor ** 2 * (1 - 1e-12)); // with you so, without you, with you otherwise
        expect(oddsFactorOfHistories).toBeLessThan(factor ** 2 * 1.011);
        for (const [prior, after] of [
          [0.01, fromOneInHundred],
          [0.5, fromHalf],
        ] as const) {
          const exact = (100 * prior * factor) / (1 - prior + prior * factor);
          expect(after).toBeGreaterThanOrEqual(exact * (1 - 1e-12));
          expect(after).toBeLessThan(exact * 1.011);
        }
      }),
      { seed: 20_261_130 },
    );
  });

  test("has the figures of ε = 1, and an end for an ε beyond numbers", () => {
    expect(beliefBounds({ epsilon: decimal("1") })).toEqual({
      oddsFactor: 2.72,
      oddsFactorOfHistories: 7.39,
      fromOneInHundred: 2.68,
      fromHalf: 73.2,
    });
    expect(beliefBounds({ epsilon: decimal("1000") })).toEqual({
      oddsFactor: null,
      oddsFactorOfHistories: null,
      fromOneInHundred: 100,
      fromHalf: 100,
    });
  });
});

describe("the paragraph for customers", () => {
  const said = (plan: Plan) => planLanguages.map((language) => customerParagraph(plan, language));

  test.each(Object.entries(soundPlans))(
    "is one paragraph with ε, δ, the cohort and the rounds in every language: %s",
    (_, plan: Plan) => {
      const rounds = plan.releases.reduce((sum, release) => sum + release.rounds, 0);
      for (const paragraph of said(plan)) {
        const shown = Number(/ε = ([\d.]+)/.exec(paragraph)?.[1]);
        expect(shown).toBeGreaterThanOrEqual(Number(plan.epsilon)); // rounded up
        expect(shown).toBeLessThan(1.0011 * Number(plan.epsilon));
        expect(paragraph).not.toContain("\n");
        expect(paragraph).not.toMatch(/undefined|NaN|\{/);
        for (const figure of [`δ = ${plan.delta}`, String(plan.minCohort), plan.federation, String(rounds)])
          expect(paragraph).toContain(figure);
      }
    },
  );

  test("names the unit: a customer at one merchant, at several, a device", () => {
    expect(said(base)).toEqual([expect.stringContaining("each by itself"), expect.stringContaining("分别受到保护")]);
    expect(said(severalMerchants)).toEqual([
      expect.stringContaining("up to 3 of the merchants"),
      expect.stringContaining("至多 3 家商家"),
    ]);
    expect(said(packed)).toEqual([
      expect.stringContaining("your device, as a whole"),
      expect.stringContaining("设备上的全部数据"),
    ]);
  });

  test("names all that leaves, whom to trust, and what is not promised", () => {
    const [english, chinese] = said(read);
    for (const words of [
      "how well that model predicts",
      "averages of how customers shop",
      "no more than 1 of a round's merchants",
    ])
      expect(english).toContain(words);
    for (const words of ["该模型预测得有多准", "购物习惯的平均值", "不超过 1 家商家", "不承诺"])
      expect(chinese).toContain(words);
    expect(english).toContain("Not promised is");
    expect(english).toContain("drawn into a round");
    expect(said(lattice).join()).not.toContain("drawn into a round"); // everybody is in every round
    const [locally, byLocal] = said({ ...base, noiseMode: "local" });
    expect(said({ ...base, maxCorrupt: 0 })[0]).toContain("as long as none of a round's merchants works with");
    expect([locally, byLocal]).toEqual([expect.stringContaining("no trust in the other"), expect.stringContaining("无需信任")]);
  });

  test("says what was spent before the first round: naming items, choosing the recipe", () => {
    expect(said(parts)).toEqual([
      expect.stringContaining("which items to list"),
      expect.stringContaining("挑选了要列出的商品"),
    ]);
    expect(said(tuned)).toEqual([expect.stringContaining("the recipe was chosen"), expect.stringContaining("择优选定")]);
    expect(said(base).join()).not.toMatch(/Beforehand|在此之前/);
  });

  test("says so where a plan is weak: ε above 10, central noise, a catalogue from a log, code from outside", () => {
    const words = (plan: Plan) => said(plan).join("\n");
    expect(words({ ...base, epsilon: decimal("11") })).toMatch(/not protected[\s\S]*没有受到保护/);
    expect(words({ ...base, noiseMode: "central" })).toMatch(/sees exact sums[\s\S]*看到精确的总和/);
    expect(words({ ...base, catalogueProvenance: "log" })).toMatch(/taken from a log[\s\S]*取自日志/);
    expect(words(query)).toMatch(/Code from outside takes part \(visits\)[\s\S]*外部代码/);
    expect(words(base)).not.toContain("Code from outside");
  });
});
