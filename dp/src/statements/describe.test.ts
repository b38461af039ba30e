import { expect, expectTypeOf, describe as group, it } from "vitest";
import { describe, type Statement, statementLines, statementSections } from "./describe.ts";
import { type Guarantee, type ProtectionTier, protectionTier } from "./guarantee.ts";
import { statementWords } from "./words.ts";

const coded = (code: string) => expect.objectContaining({ code });

const guarantee: Guarantee = {
  unit: { kind: "customer", merchants: 1 },
  adjacency: "add-or-remove-one",
  trust: { model: "distributed", cohort: 5, corrupt: 2 },
  sampling: "secret-poisson",
  releases: [
    { what: "a noisy sum of updates", times: 40, samplingRate: "0.05", clipNorm: "0.5", noiseMultiplier: "1.2" },
    { what: "a count", times: 1, samplingRate: "1", clipNorm: "1", noiseMultiplier: "20" },
  ],
  epsilon: "3.21",
  delta: "1e-6",
  people: 2000,
  accountant: "rdp-integer",
  period: "all rounds of the plan; what is spent does not come back",
  assumptions: ["nodes draw their samples in secret"],
  notCovered: [],
  notVerifiable: ["that each node added its noise"],
};

const said = (change: Partial<Guarantee>) => statementLines(describe({ ...guarantee, ...change })).join("\n");

group("a statement", () => {
  it("names unit, adjacency, trust, sampling, releases, ε, δ, accountant, period, assumptions and what is left out", () => {
    const statement = describe(guarantee);
    expect(Object.keys(statement.sections)).toEqual([...statementSections]);
    for (const section of statementSections) {
      if (section !== "profile") expect(statement.sections[section].length, section).toBeGreaterThan(0);
    }
    const text = said({});
    for (const part of [
      ...["each customer", "adding or removing", "at least 5 nodes", "at least 3 of them are honest", "at most 2 work with"],
      ...["in secret", "Up to 40 times", "Once, a count", "chance 0.05", "at most 0.5 (L2)", "noise is 1.2 times"],
      ...["ε = 3.21 at δ = 1e-6", "reasonable protection", "accountant rdp-integer", "does not come back"],
      ...["nodes draw their samples", "No file can show", "that each node added its noise", "Nothing else that depends"],
    ]) {
      expect(text).toContain(part);
    }
  });

  it("has words for every kind of unit, adjacency, trust and sampling", () => {
    expect(said({ unit: { kind: "customer", merchants: 3 } })).toContain("up to 3 merchants");
    expect(said({ unit: { kind: "customer", merchants: 3 } })).toContain(
      "times what one customer can move it at all of these together",
    );
    expect(said({ unit: { kind: "node" } })).toContain("each device as a whole");
    expect(said({ unit: { kind: "node" } })).toContain("each device is in it");
    expect(said({ unit: { kind: "other", words: "each household" } })).toContain("Protected is each household.");
    expect(said({ adjacency: "zero-out" })).toContain("by zeros");
    expect(said({ adjacency: "replace-one" })).toContain("by any other");
    expect(said({ trust: { model: "local", cohort: 5 } })).toContain("needs no trust in other nodes");
    expect(said({ trust: { model: "central" } })).toContain("sees exact sums");
    const everybody = guarantee.releases.map((release) => ({ ...release, samplingRate: "1" }));
    expect(said({ sampling: "everybody", releases: everybody })).toContain("does not count on secret sampling");
    expect(said({ notCovered: ["the catalogue"] })).toContain("Outside ε: the catalogue.");
  });

  it("says μ and other points of δ(ε) when they are known, rounded up", () => {
    const text = said({
      mu: { value: 0.123_41, upTo: 2.349 },
      profile: [
        { epsilon: 1, delta: 0.010_000_1 },
        { epsilon: 2, delta: 3.2e-5 },
      ],
    });
    expect(text).toContain("μ = 0.124 (at every ε up to 2.34)");
    expect(said({ mu: { value: 0.5, upTo: Number.POSITIVE_INFINITY } })).toContain("μ = 0.5.");
    expect(text).toContain("ε = 1: δ = 0.0101; ε = 2: δ = 0.000032");
    expect(describe(guarantee).sections.profile).toEqual([]);
  });
});

group("the tier", () => {
  const tier = (epsilon: string, delta = "1e-6", people = 2000) => protectionTier({ epsilon, delta, people });

  it("is strong up to 1, reasonable up to 10, and beyond that none; exactly there", () => {
    expect(
      ["0", "0.5", "1", "1.00000000000000000001", "10", "10.00000000000000000001", "Infinity"].map((e) => tier(e)),
    ).toEqual([...["strong", "strong", "strong", "reasonable", "reasonable", "not protected", "not protected"]]);
  });

  it("is none where δ is one over the people or more, whatever ε is", () => {
    expect(tier("0.1", "0.000499", 2000)).toBe("strong");
    expect(tier("0.1", "0.0005", 2000)).toBe("not protected");
    expect(said({ epsilon: "0.1", delta: "0.0005" })).toContain("laid open in full");
  });

  it("stands in the strength of every statement", () => {
    for (const [epsilon, expected] of [
      ["1", "strong"],
      ["10", "reasonable"],
      ["10.1", "not protected"],
    ] as const) {
      const statement = describe({ ...guarantee, epsilon });
      expect(statement.tier).toBe(expected);
      expect(statement.sections.strength.join()).toContain(statementWords.en.tiers[expected]);
    }
    expect(said({ epsilon: "Infinity" })).toContain("no bound at all: so much that people must be regarded as not protected");
  });

  it("can't be left out or changed: not by the compiler, not in a file", () => {
    const statement = describe({ ...guarantee, epsilon: "11" });
    expectTypeOf(statement.tier).toEqualTypeOf<ProtectionTier>();
    // @ts-expect-error the tier is not optional
    const without: Statement = { sections: statement.sections, guarantee: statement.guarantee };
    // @ts-expect-error nothing but `describe` makes a statement
    const byHand: Statement = { tier: "strong", sections: statement.sections, guarantee: statement.guarantee };
    expect(() => statementLines(without)).toThrow(coded("TRB_DP_STATEMENT_TIER_WRONG"));
    expect(() => statementLines(byHand)).toThrow(coded("TRB_DP_STATEMENT_TIER_WRONG"));
    const silent = { ...statement, sections: { ...statement.sections, strength: ["All is well."] } };
    expect(() => statementLines(silent)).toThrow(coded("TRB_DP_STATEMENT_TIER_WRONG"));
    const fromFile = JSON.parse(JSON.stringify(statement)) as Statement;
    expect(statementLines(fromFile)).toEqual(statementLines(statement));
  });
});

group("bad input is refused", () => {
  it.each(["-1", "NaN", "", "three", "1e9999"])("ε = %s", (epsilon) => {
    expect(() => describe({ ...guarantee, epsilon })).toThrow(coded("TRB_DP_EPSILON_INVALID"));
  });

  it.each(["0", "1", "2", "-1e-6", "NaN", ""])("δ = %s", (delta) => {
    expect(() => describe({ ...guarantee, delta })).toThrow(coded("TRB_DP_DELTA_INVALID"));
  });

  const bad: Partial<Record<keyof Guarantee, unknown>>[] = [
    { unit: undefined },
    { unit: { kind: "customer", merchants: 0 } },
    { unit: { kind: "other", words: " " } },
    { adjacency: "none" },
    { trust: { model: "blind" } },
    { trust: { model: "distributed", cohort: 3, corrupt: 3 } },
    { trust: { model: "local", cohort: 0 } },
    { sampling: "everybody" },
    { releases: [] },
    { releases: [{ ...guarantee.releases[0], times: 0 }] },
    { releases: [{ ...guarantee.releases[0], what: "" }] },
    { people: 0 },
    { people: Number.NaN },
    { accountant: "" },
    { period: undefined },
    { assumptions: undefined },
    { notCovered: [""] },
    { notVerifiable: undefined },
  ];
  it.each(bad)("%j", (change) => {
    expect(() => describe({ ...guarantee, ...change } as Guarantee)).toThrow(coded("TRB_DP_GUARANTEE_INVALID"));
  });
});
